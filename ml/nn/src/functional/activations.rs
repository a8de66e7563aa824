//! Activations: functions of each element, or of the elements along an axis.

use gradframe_ml_array::{Arg, Array};
use gradframe_ml_core::{Error, Result};

use super::{float, one, pair, select};

/// Functions of each element that the table of operations has: x of floats -> the same shape.
macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident = $row:literal;)*) => { $(
        $(#[$doc])*
        /// Shape: [..] -> [..]. Errors: `DType` for complex numbers.
        pub fn $name(x: &Array) -> Result<Array> {
            one($row, &[x], [])
        }
    )* };
}

functions! {
    /// x where it is positive, else 0.
    relu = "relu";
    /// `x P(X <= x)` for X normal. Source: Hendrycks and Gimpel 2016.
    gelu = "gelu";
    /// An approximation of [`gelu`] by `tanh`.
    gelu_tanh = "gelu_tanh";
    /// `x sigmoid(x)`.
    silu = "silu";
    /// `x tanh(softplus(x))`. Source: Misra 2019.
    mish = "mish";
    /// `1 / (1 + exp(-x))`.
    sigmoid = "sigmoid";
    /// `log(sigmoid(x))`, without overflow.
    logsigmoid = "log_sigmoid";
    /// `log(1 + exp(x))`, without overflow.
    softplus = "softplus";
    /// The hyperbolic tangent.
    tanh = "tanh";
}

/// x where it is positive, else `negative_slope x`. Errors: `DType` for complex numbers.
pub fn leaky_relu(x: &Array, negative_slope: f64) -> Result<Array> {
    one("leaky_relu", &[x], [float(negative_slope)])
}

/// x where it is positive, else `alpha (exp(x) - 1)`. Errors: `DType` for complex numbers.
pub fn elu(x: &Array, alpha: f64) -> Result<Array> {
    one("elu", &[x], [float(alpha)])
}

/// An [`elu`] that keeps mean 0 and variance 1 of what is such. Source: Klambauer et al. 2017. Errors: `DType` for complex numbers.
pub fn selu(x: &Array) -> Result<Array> {
    elu(x, 1.673_263_242_354_377_2)?.multiply(1.050_700_987_355_480_5)
}

/// x where it is positive, else 0; 6 at most. At both corners the derivative is 0. Errors: `DType` for complex numbers.
pub fn relu6(x: &Array) -> Result<Array> {
    select(&pair("greater_equal", x, 6.0)?, 6.0, &relu(x)?)
}

/// `x / 6 + 1 / 2` between 0 and 1. Errors: `DType` for complex numbers.
pub fn hardsigmoid(x: &Array) -> Result<Array> {
    relu6(&x.add(3.0)?)?.divide(6.0)
}

/// `x hardsigmoid(x)`. Source: Howard et al. 2019. Errors: `DType` for complex numbers.
pub fn hardswish(x: &Array) -> Result<Array> {
    x.multiply(&hardsigmoid(x)?)
}

/// x, but `min_val` at least and `max_val` at most. At both corners the derivative is 0. Errors: `Plan` unless the first is less.
pub fn hardtanh(x: &Array, min_val: f64, max_val: f64) -> Result<Array> {
    if min_val >= max_val || min_val.is_nan() || max_val.is_nan() {
        return Err(Error::plan("hardtanh", format!("`min_val` is {min_val}, expected less than `max_val`, which is {max_val}")));
    }
    let below_most = select(&pair("greater_equal", x, max_val)?, max_val, x)?;
    select(&pair("less_equal", x, min_val)?, min_val, &below_most)
}

/// `x / (1 + |x|)`.
pub fn softsign(x: &Array) -> Result<Array> {
    x.divide(&x.abs()?.add(1.0)?)
}

/// Exponentials over their sum along an axis, which counts from either end. Errors: `Shape` if there is no such axis.
pub fn softmax(x: &Array, dim: i64) -> Result<Array> {
    one("softmax", &[x], [Arg::Int(dim)])
}

/// The logarithm of [`softmax`], without overflow. Errors: as there.
pub fn log_softmax(x: &Array, dim: i64) -> Result<Array> {
    one("log_softmax", &[x], [Arg::Int(dim)])
}

/// x where it is positive, else x times a weight: one for all, [1], or one for each channel, the second axis. Source: He et al. 2015.
/// Errors: `Shape` for another number of them.
pub fn prelu(x: &Array, weight: &Array) -> Result<Array> {
    let is_fit = weight.shape() == [1] || x.shape().len() > 1 && weight.shape() == &x.shape()[1..2];
    if !is_fit {
        let what = format!(
            "weights of shape {:?} for an input of shape {:?}, expected one, or one for each channel",
            weight.shape(),
            x.shape()
        );
        return Err(Error::shape("prelu", what));
    }
    let spread: Vec<i64> = std::iter::once(-1).chain(std::iter::repeat_n(1, x.shape().len().saturating_sub(2))).collect();
    select(&x.greater(0.0)?, x, &weight.reshape(&spread)?.multiply(x)?)
}
