//! The numbers that parameters start from, of a key and a shape, as float32.

use gradframe_ml_array::Array;
use gradframe_ml_core::{Error, Result};

pub use crate::random::{normal, uniform};

/// How many inputs and outputs a weight [outputs, inputs, ..] has. Errors: `Shape` for fewer than two axes.
pub fn fans(shape: &[usize]) -> Result<(usize, usize)> {
    let [outputs, inputs, field @ ..] = shape else {
        return Err(Error::shape("init", format!("expected [outputs, inputs, ..], got shape {shape:?}")));
    };
    let field: usize = field.iter().product();
    Ok((inputs * field, outputs * field))
}

/// Evenly, with the variance `gain^2 2 / (inputs + outputs)`. Source: Glorot and Bengio 2010. Errors: as for [`fans`].
pub fn xavier_uniform(key: &Array, shape: &[usize], gain: f64) -> Result<Array> {
    let (inputs, outputs) = fans(shape)?;
    let limit = gain * (6.0 / (inputs + outputs) as f64).sqrt();
    uniform(key, shape, -limit, limit)
}

/// Normally, with the variance `gain^2 2 / (inputs + outputs)`. Errors: as for [`fans`].
pub fn xavier_normal(key: &Array, shape: &[usize], gain: f64) -> Result<Array> {
    let (inputs, outputs) = fans(shape)?;
    normal(key, shape, 0.0, gain * (2.0 / (inputs + outputs) as f64).sqrt())
}

/// Evenly, with the variance `gain^2 / inputs`; of `relu` the gain is `sqrt(2)`. Source: He et al. 2015. Errors: as for [`fans`].
pub fn kaiming_uniform(key: &Array, shape: &[usize], gain: f64) -> Result<Array> {
    let limit = gain * (3.0 / fans(shape)?.0 as f64).sqrt();
    uniform(key, shape, -limit, limit)
}

/// Normally, with the variance `gain^2 / inputs`; of `relu` the gain is `sqrt(2)`. Errors: as for [`fans`].
pub fn kaiming_normal(key: &Array, shape: &[usize], gain: f64) -> Result<Array> {
    normal(key, shape, 0.0, gain / (fans(shape)?.0 as f64).sqrt())
}

/// One number everywhere: float32. Errors: `Shape` for a shape that memory has no room for.
pub fn constant(shape: &[usize], number: f32) -> Result<Array> {
    Array::from_vec(shape, vec![number; shape.iter().product()])
}

/// A weight and a bias, evenly within one over the root of `fan_in`, as PyTorch's layers begin.
pub(crate) fn within_fan(
    key: Option<&Array>,
    weight: &[usize],
    bias: Option<&[usize]>,
    fan_in: usize,
) -> Result<(Array, Option<Array>)> {
    let limit = if fan_in > 0 { 1.0 / (fan_in as f64).sqrt() } else { 0.0 };
    let keys = crate::random::keys(key, 2)?;
    let bias = bias.map(|shape| uniform(&keys[1], shape, -limit, limit)).transpose()?;
    Ok((uniform(&keys[0], weight, -limit, limit)?, bias))
}
