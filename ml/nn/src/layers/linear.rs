//! Layers over the last axis, and shapes.

use gradframe_ml_array::Array;
use gradframe_ml_core::Result;

use crate::functional;
use crate::init::within_fan;
use crate::module;
use crate::module::Layer;
use crate::options::builder;
use crate::parameter::Parameter;

/// `x @ weight^T + bias`: [.., in_features] -> [.., out_features].
///
/// ```
/// use gradframe_ml_array::Array;
/// use gradframe_ml_nn::{Layer, Linear, random};
///
/// let layer = Linear::builder(3, 2).bias(false).key(random::key(0)?).build()?;
/// assert_eq!(layer.forward(&Array::from_vec(&[5, 3], vec![0.5f32; 15])?)?.shape(), [5, 2]);
/// # Ok::<(), gradframe_ml_core::Error>(())
/// ```
///
/// Errors of `forward`: `Shape` for an input that does not end in `in_features`.
#[derive(Debug)]
pub struct Linear {
    /// [out_features, in_features].
    pub weight: Parameter,
    /// [out_features].
    pub bias: Option<Parameter>,
}
module!(Linear { weight, bias });

builder! {
    /// Makes a [`Linear`]. Both parameters begin evenly within `1 / sqrt(in_features)`.
    LinearBuilder of Linear(in_features: usize, out_features: usize) {
        /// Whether there is a bias; unless said there is.
        bias: bool = true;
    } {
        /// What the parameters are drawn from; unless said the global stream.
        into key: Option<Array> = None;
    }
}

impl LinearBuilder {
    /// The layer. Errors: `DType` if the key is none.
    pub fn build(self) -> Result<Linear> {
        let (inputs, outputs) = (self.in_features, self.out_features);
        let (weight, bias) = within_fan(self.key.as_ref(), &[outputs, inputs], self.bias.then_some(&[outputs]), inputs)?;
        Ok(Linear { weight: Parameter::new(&weight)?, bias: bias.as_ref().map(Parameter::new).transpose()? })
    }
}

impl Layer for Linear {
    fn forward(&self, x: &Array) -> Result<Array> {
        let bias = self.bias.as_ref().map(Parameter::array);
        functional::linear(x, &self.weight.array(), bias.as_ref())
    }
}

/// What it is given.
#[derive(Debug, Clone, Copy, Default)]
pub struct Identity;
module!(Identity {});

impl Layer for Identity {
    fn forward(&self, x: &Array) -> Result<Array> {
        Ok(x.clone())
    }
}

/// Axes from `start_dim` to `end_dim` made one; both count from either end. By default all but the first: [batch, ..] -> [batch, n].
///
/// Errors of `forward`: `OutOfBounds` for an axis that there is not.
#[derive(Debug, Clone, Copy)]
pub struct Flatten {
    /// The first of the axes.
    pub start_dim: i64,
    /// The last of the axes.
    pub end_dim: i64,
}
module!(Flatten {});

impl Flatten {
    /// All axes from this one on.
    pub fn from(start_dim: i64) -> Self {
        Flatten { start_dim, end_dim: -1 }
    }
}

impl Default for Flatten {
    fn default() -> Self {
        Flatten::from(1)
    }
}

impl Layer for Flatten {
    fn forward(&self, x: &Array) -> Result<Array> {
        functional::flatten(x, self.start_dim, self.end_dim)
    }
}
