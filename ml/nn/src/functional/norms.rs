//! Functions that standardise.

use gradframe_ml_array::{Arg, Array, Element};
use gradframe_ml_core::{DType, Error, Result};
use smallvec::SmallVec;

use super::{check_shape, float, one};

/// Standardised over the last axes, of these sizes, then scaled and shifted: x [.., shape] -> the same; weight and bias of that shape.
/// Errors: `Shape` if x does not end in these axes, or a weight is of another shape; `Plan` for a bias without a weight.
pub fn layer_norm(
    x: &Array,
    normalized_shape: &[usize],
    weight: Option<&Array>,
    bias: Option<&Array>,
    eps: f64,
) -> Result<Array> {
    check_last("layer_norm", x, normalized_shape)?;
    let operands = learned("layer_norm", x, normalized_shape, weight, bias)?;
    one("layer_norm", &operands, [Arg::Int(normalized_shape.len() as i64), float(eps)])
}

/// Divided by the root of the mean of squares over the last axes, of these sizes, then scaled: x [.., shape] -> the same. An `eps` of None is
/// the precision of the element type. Source: Zhang and Sennrich 2019. Errors: `Shape` as for [`layer_norm`].
pub fn rms_norm(x: &Array, normalized_shape: &[usize], weight: Option<&Array>, eps: Option<f64>) -> Result<Array> {
    check_last("rms_norm", x, normalized_shape)?;
    let operands = learned("rms_norm", x, normalized_shape, weight, None)?;
    let eps = eps.unwrap_or_else(|| precision(x.element()));
    one("rms_norm", &operands, [Arg::Int(normalized_shape.len() as i64), float(eps)])
}

/// The distance from 1 to the next number.
fn precision(element: Element) -> f64 {
    match element.part() {
        DType::F64 => f64::EPSILON,
        DType::F16 => 2f64.powi(-10),
        DType::BF16 => 2f64.powi(-7),
        _ => f64::from(f32::EPSILON),
    }
}

/// Standardised over groups of channels, then scaled and shifted: x [batch, channels, ..] -> the same; weight and bias [channels].
/// Errors: `Shape` if the groups do not divide the channels, or a weight is of another shape; `Plan` for a bias without a weight.
pub fn group_norm(x: &Array, num_groups: usize, weight: Option<&Array>, bias: Option<&Array>, eps: f64) -> Result<Array> {
    let channels = x.shape().get(1..2).unwrap_or_default();
    let operands = learned("group_norm", x, channels, weight, bias)?;
    one("group_norm", &operands, [Arg::Int(num_groups as i64), float(eps)])
}

fn check_last(op: &str, x: &Array, normalized_shape: &[usize]) -> Result<()> {
    if x.shape().ends_with(normalized_shape) {
        return Ok(());
    }
    Err(Error::shape(op, format!("the last axes of {:?} are not {normalized_shape:?}", x.shape())))
}

fn learned<'a>(
    op: &str,
    x: &'a Array,
    shape: &[usize],
    weight: Option<&'a Array>,
    bias: Option<&'a Array>,
) -> Result<SmallVec<[&'a Array; 3]>> {
    if bias.is_some() && weight.is_none() {
        return Err(Error::plan(op, "a bias without a weight").hint("a weight of ones"));
    }
    for (name, array) in [("weight", weight), ("bias", bias)] {
        if let Some(array) = array {
            check_shape(op, name, array, shape)?;
        }
    }
    Ok(std::iter::once(x).chain(weight).chain(bias).collect())
}

/// Means and variances of channels: [channels] each.
#[derive(Debug, Clone)]
pub struct Statistics {
    /// The means.
    pub mean: Array,
    /// The variances, over the number of elements, not one less.
    pub var: Array,
}

impl Statistics {
    /// Those of a batch [batch, channels, ..] over all axes but the channels'. Errors: `Shape` without channels.
    pub fn of(x: &Array) -> Result<Self> {
        check_channels("batch_norm", x)?;
        if x.shape().len() > 1 && x.shape()[0] * x.shape()[2..].iter().product::<usize>() == 1 {
            let what = format!("expected more than one value a channel in training, got shape {:?}", x.shape());
            return Err(Error::shape("batch_norm", what).hint("leave a last batch of one row away"));
        }
        let axes: Vec<i64> = std::iter::once(0).chain(2..x.shape().len() as i64).collect();
        let args = [Arg::Ints(SmallVec::from_slice(&axes)), Arg::Bool(false)];
        Ok(Statistics { mean: x.mean(Some(&axes), false)?, var: one("var", &[x], args)? })
    }
}

fn check_channels(op: &str, x: &Array) -> Result<()> {
    if x.shape().len() > 1 {
        return Ok(());
    }
    Err(Error::shape(op, format!("expected [batch, channels, ..], got shape {:?}", x.shape())))
}

/// Standardised by the statistics of its channels, then scaled and shifted: x [batch, channels, ..] -> the same; weight and bias
/// [channels]. In training these are the batch's own ([`Statistics::of`]). Source: Ioffe and Szegedy 2015.
/// Errors: `Shape` for what is not a number a channel.
pub fn batch_norm(x: &Array, of: &Statistics, weight: Option<&Array>, bias: Option<&Array>, eps: f64) -> Result<Array> {
    check_channels("batch_norm", x)?;
    let given = [("mean", Some(&of.mean)), ("var", Some(&of.var)), ("weight", weight), ("bias", bias)];
    for (name, array) in given.into_iter().filter_map(|(name, array)| array.map(|array| (name, array))) {
        check_shape("batch_norm", name, array, &x.shape()[1..2])?;
    }
    let along: Vec<i64> = [1, -1].into_iter().chain(std::iter::repeat_n(1, x.shape().len() - 2)).collect();
    let deviation = of.var.add(eps)?.sqrt()?;
    let scale = match weight {
        Some(weight) => weight.divide(&deviation)?,
        None => deviation.pow(-1.0)?,
    };
    let y = x.subtract(&of.mean.reshape(&along)?)?.multiply(&scale.reshape(&along)?)?;
    match bias {
        Some(bias) => y.add(&bias.reshape(&along)?),
        None => Ok(y),
    }
}
