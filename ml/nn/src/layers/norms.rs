//! Layers that standardise each row by itself.

use gradframe_ml_array::Array;
use gradframe_ml_core::Result;

use crate::functional;
use crate::init::constant;
use crate::module;
use crate::module::Layer;
use crate::options::{builder, divides};
use crate::parameter::Parameter;

/// The array of a parameter that there may be.
pub(super) fn array_of(parameter: Option<&Parameter>) -> Option<Array> {
    parameter.map(Parameter::array)
}

/// A parameter full of a number, if it is wanted.
pub(super) fn filled(wanted: bool, shape: &[usize], number: f32) -> Result<Option<Parameter>> {
    wanted.then(|| Parameter::new(&constant(shape, number)?)).transpose()
}

/// The sizes of the last axes: one, or several.
#[derive(Debug, Clone)]
pub struct LastAxes(Vec<usize>);

impl From<usize> for LastAxes {
    fn from(size: usize) -> Self {
        LastAxes(vec![size])
    }
}

impl<const N: usize> From<[usize; N]> for LastAxes {
    fn from(sizes: [usize; N]) -> Self {
        LastAxes(sizes.to_vec())
    }
}

/// Standardised over the last axes, of the sizes `normalized_shape`, then scaled and shifted: [.., normalized_shape] -> the same.
/// Source: Ba, Kiros and Hinton 2016.
///
/// ```
/// use gradframe_ml_array::Array;
/// use gradframe_ml_nn::{Layer, LayerNorm};
///
/// let y = LayerNorm::builder(2).eps(0.0).build()?.forward(&Array::from_vec(&[1, 2], vec![3.0f32, 5.0])?)?;
/// assert_eq!(y.to_vec::<f32>()?, [-1.0, 1.0]);
/// # Ok::<(), gradframe_ml_core::Error>(())
/// ```
///
/// Errors of `forward`: `Shape` for an input that does not end in these axes.
#[derive(Debug)]
pub struct LayerNorm {
    /// normalized_shape; it begins with ones.
    pub weight: Option<Parameter>,
    /// normalized_shape; it begins with zeros.
    pub bias: Option<Parameter>,
    normalized_shape: Vec<usize>,
    eps: f64,
}
module!(LayerNorm { weight, bias });

builder! {
    /// Makes a [`LayerNorm`].
    LayerNormBuilder of LayerNorm(; normalized_shape: LastAxes) {
        /// Is added to the variance; unless said 1e-5.
        eps: f64 = 1e-5;
        /// Whether it scales and shifts; unless said it does.
        elementwise_affine: bool = true;
        /// Whether it shifts where it scales; unless said it does.
        bias: bool = true;
    }
}

impl LayerNormBuilder {
    /// The layer. Errors: those of making its parameters.
    pub fn build(self) -> Result<LayerNorm> {
        let shape = self.normalized_shape.0;
        let weight = filled(self.elementwise_affine, &shape, 1.0)?;
        let bias = filled(self.elementwise_affine && self.bias, &shape, 0.0)?;
        Ok(LayerNorm { weight, bias, normalized_shape: shape, eps: self.eps })
    }
}

impl Layer for LayerNorm {
    fn forward(&self, x: &Array) -> Result<Array> {
        let (weight, bias) = (array_of(self.weight.as_ref()), array_of(self.bias.as_ref()));
        functional::layer_norm(x, &self.normalized_shape, weight.as_ref(), bias.as_ref(), self.eps)
    }
}

/// Divided by the root of the mean of squares over the last axes, of the sizes `normalized_shape`, then scaled: [.., normalized_shape] -> the
/// same. Source: Zhang and Sennrich 2019.
///
/// Errors of `forward`: `Shape` for an input that does not end in these axes.
#[derive(Debug)]
pub struct RMSNorm {
    /// normalized_shape; it begins with ones.
    pub weight: Option<Parameter>,
    normalized_shape: Vec<usize>,
    eps: Option<f64>,
}
module!(RMSNorm { weight });

builder! {
    /// Makes an [`RMSNorm`].
    RMSNormBuilder of RMSNorm(; normalized_shape: LastAxes) {
        /// Whether it scales; unless said it does.
        elementwise_affine: bool = true;
    } {
        /// Is added to the mean; unless said the precision of the element type.
        into eps: Option<f64> = None;
    }
}

impl RMSNormBuilder {
    /// The layer. Errors: those of making its parameter.
    pub fn build(self) -> Result<RMSNorm> {
        let weight = filled(self.elementwise_affine, &self.normalized_shape.0, 1.0)?;
        Ok(RMSNorm { weight, normalized_shape: self.normalized_shape.0, eps: self.eps })
    }
}

impl Layer for RMSNorm {
    fn forward(&self, x: &Array) -> Result<Array> {
        functional::rms_norm(x, &self.normalized_shape, array_of(self.weight.as_ref()).as_ref(), self.eps)
    }
}

/// Standardised over groups of channels, then scaled and shifted: [batch, num_channels, ..] -> the same. Source: Wu and He 2018.
///
/// Errors of `forward`: `Shape` for another number of channels.
#[derive(Debug)]
pub struct GroupNorm {
    /// [num_channels]; it begins with ones.
    pub weight: Option<Parameter>,
    /// [num_channels]; it begins with zeros.
    pub bias: Option<Parameter>,
    num_groups: usize,
    eps: f64,
}
module!(GroupNorm { weight, bias });

builder! {
    /// Makes a [`GroupNorm`].
    GroupNormBuilder of GroupNorm(num_groups: usize, num_channels: usize) {
        /// Is added to the variance; unless said 1e-5.
        eps: f64 = 1e-5;
        /// Whether it scales and shifts; unless said it does.
        affine: bool = true;
    }
}

impl GroupNormBuilder {
    /// The layer. Errors: `Plan` if the groups do not divide the channels.
    pub fn build(self) -> Result<GroupNorm> {
        divides("GroupNorm", "num_groups", self.num_groups, &[("num_channels", self.num_channels)])?;
        let shape = [self.num_channels];
        let (weight, bias) = (filled(self.affine, &shape, 1.0)?, filled(self.affine, &shape, 0.0)?);
        Ok(GroupNorm { weight, bias, num_groups: self.num_groups, eps: self.eps })
    }
}

impl Layer for GroupNorm {
    fn forward(&self, x: &Array) -> Result<Array> {
        let (weight, bias) = (array_of(self.weight.as_ref()), array_of(self.bias.as_ref()));
        functional::group_norm(x, self.num_groups, weight.as_ref(), bias.as_ref(), self.eps)
    }
}
