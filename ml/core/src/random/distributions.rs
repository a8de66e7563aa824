//! Distributions made of uniform bits.

use super::{bits, nth, split, uniform};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::shape::{Dim, Shape};

/// Numbers in (0, 1), both ends left out: halfway between the steps of [`uniform`].
/// Errors: `DType` if `dtype` is neither f32 nor f64.
pub fn uniform_open(g: &mut Graph, key: NodeId, dtype: DType, shape: &Shape) -> Result<NodeId> {
    let numbers = uniform(g, key, dtype, shape)?;
    // One bit less than the type has, so that the half step still counts just below 1.
    let (steps, half) = if dtype == DType::F64 { (2f64.powi(52), 0.5) } else { (2f64.powi(23), 0.5) };
    let (scale, inverse, half) = (g.scalar(dtype, steps)?, g.scalar(dtype, 1.0 / steps)?, g.scalar(dtype, half)?);
    let scaled = g.mul(numbers, scale)?;
    let step = g.floor(scaled)?;
    let middle = g.add(step, half)?;
    g.mul(middle, inverse)
}

/// Whole numbers in `low .. high`, i64. The bias towards low ones is below (high - low) / 2^64.
/// Errors: `Plan` if there are none.
pub fn integers(g: &mut Graph, key: NodeId, low: i64, high: i64, shape: &Shape) -> Result<NodeId> {
    let span = high.checked_sub(low).filter(|&span| span > 0);
    let span = span.ok_or_else(|| Error::plan("integers", format!("expected low < high, got {low} and {high}")))?;
    let words = bits(g, key, shape)?;
    let span = g.constant(crate::Tensor::scalar(span as u64));
    let rest = g.rem(words, span)?;
    let rest = g.cast(rest, DType::I64)?;
    let low = g.constant(crate::Tensor::scalar(low));
    g.add(rest, low)
}

/// True with probability `p`, which broadcasts to `shape`; f32 or f64. Errors: `Shape` if it does not.
pub fn bernoulli(g: &mut Graph, key: NodeId, p: NodeId, shape: &Shape) -> Result<NodeId> {
    let dtype = g.ty(p).dtype;
    let numbers = uniform(g, key, dtype, shape)?;
    g.lt(numbers, p)
}

/// Exponentially distributed numbers of mean 1. Errors: `DType` if `dtype` is neither f32 nor f64.
pub fn exponential(g: &mut Graph, key: NodeId, dtype: DType, shape: &Shape) -> Result<NodeId> {
    let numbers = uniform(g, key, dtype, shape)?;
    let negated = g.neg(numbers)?;
    let log = g.log1p(negated)?;
    g.neg(log)
}

/// `-log(-log u)`: the largest of many. Errors: `DType` if `dtype` is neither f32 nor f64. Source: Gumbel 1935.
pub fn gumbel(g: &mut Graph, key: NodeId, dtype: DType, shape: &Shape) -> Result<NodeId> {
    let numbers = uniform_open(g, key, dtype, shape)?;
    let log = g.log(numbers)?;
    let size = g.neg(log)?;
    let outer = g.log(size)?;
    g.neg(outer)
}

/// `log u - log(1 - u)`. Errors: `DType` if `dtype` is neither f32 nor f64.
pub fn logistic(g: &mut Graph, key: NodeId, dtype: DType, shape: &Shape) -> Result<NodeId> {
    let numbers = uniform_open(g, key, dtype, shape)?;
    let negated = g.neg(numbers)?;
    let (log, rest) = (g.log(numbers)?, g.log1p(negated)?);
    g.sub(log, rest)
}

/// `-sign(v) log(1 - 2 |v|)` for v uniform in (-1/2, 1/2): mean 0, scale 1. Errors: `DType` unless f32 or f64.
pub fn laplace(g: &mut Graph, key: NodeId, dtype: DType, shape: &Shape) -> Result<NodeId> {
    let numbers = uniform_open(g, key, dtype, shape)?;
    let (half, minus_two) = (g.scalar(dtype, 0.5)?, g.scalar(dtype, -2.0)?);
    let centred = g.sub(numbers, half)?;
    let (sign, size) = (g.sign(centred)?, g.abs(centred)?);
    let scaled = g.mul(minus_two, size)?;
    let log = g.log1p(scaled)?;
    let product = g.mul(sign, log)?;
    g.neg(product)
}

/// `tan(pi (u - 1/2))`. Errors: `DType` if `dtype` is neither f32 nor f64.
pub fn cauchy(g: &mut Graph, key: NodeId, dtype: DType, shape: &Shape) -> Result<NodeId> {
    let numbers = uniform_open(g, key, dtype, shape)?;
    let (half, pi) = (g.scalar(dtype, 0.5)?, g.scalar(dtype, std::f64::consts::PI)?);
    let centred = g.sub(numbers, half)?;
    let angle = g.mul(pi, centred)?;
    g.tan(angle)
}

/// Normal numbers (mean 0, variance 1) between `low` and `high`: the inverse of the distribution function at a uniform
/// number. Errors: `Plan` unless low < high; `DType` if `dtype` is neither f32 nor f64.
pub fn truncated_normal(g: &mut Graph, key: NodeId, low: f64, high: f64, dtype: DType, shape: &Shape) -> Result<NodeId> {
    if low.is_nan() || high.is_nan() || low >= high {
        return Err(Error::plan("truncated_normal", format!("expected low < high, got {low} and {high}")));
    }
    let ends = [low, high].map(|x| libm::erf(x / std::f64::consts::SQRT_2));
    let numbers = uniform_open(g, key, dtype, shape)?;
    let (first, span) = (g.scalar(dtype, ends[0])?, g.scalar(dtype, ends[1] - ends[0])?);
    let scaled = g.mul(numbers, span)?;
    let place = g.add(first, scaled)?;
    let inverse = g.erfinv(place)?;
    let root = g.scalar(dtype, std::f64::consts::SQRT_2)?;
    let normal = g.mul(inverse, root)?;
    let (low, high) = (g.scalar(dtype, low)?, g.scalar(dtype, high)?);
    let above = g.max(normal, low)?;
    g.min(above, high) // rounding near an end may step over it
}

/// An index (i64) for each row of `logits` [.., C], with probabilities softmax(logits): [..]. Draws one for each row.
/// Errors: `Shape` for a single number; `DType` if they are neither f32 nor f64.
/// Source: the largest of logits plus Gumbel noise; Gumbel 1954, Maddison et al. 2014.
pub fn categorical(g: &mut Graph, key: NodeId, logits: NodeId) -> Result<NodeId> {
    let ty = g.ty(logits).clone();
    let axis = ty.shape.rank().checked_sub(1);
    let axis = axis.ok_or_else(|| Error::shape("categorical", "expected logits [.., C], got a single number"))?;
    let noise = gumbel(g, key, ty.dtype, &ty.shape)?;
    let noisy = g.add(logits, noise)?;
    g.argmax(noisy, axis)
}

/// The numbers 0 .. n in a random order, i64 [n]: the order of random words.
pub fn permutation(g: &mut Graph, key: NodeId, n: &Dim) -> Result<NodeId> {
    let words = bits(g, key, &Shape::new([n.clone()]))?;
    g.argsort(words, 0, false)
}

/// `count` different places out of 0 .. n, i64 [count]. Errors: `Shape` if `count` is more than a fixed n.
pub fn choice(g: &mut Graph, key: NodeId, n: &Dim, count: &Dim) -> Result<NodeId> {
    let order = permutation(g, key, n)?;
    g.slice_axis(order, 0, 0, count.clone())
}

/// `count` different places out of 0 .. n, i64 [count], drawn one after the other with probabilities that are
/// proportional to exp(logits [n]) among those that are left. Errors: `Shape` unless `logits` are [n] with n >= `count`;
/// `DType` if they are neither f32 nor f64. Source: the largest of logits plus Gumbel noise; Yellott 1977, Kool et al. 2019.
pub fn choice_weighted(g: &mut Graph, key: NodeId, logits: NodeId, count: &Dim) -> Result<NodeId> {
    let ty = g.ty(logits).clone();
    if ty.shape.rank() != 1 {
        return Err(Error::shape("choice_weighted", format!("expected logits [n], got {}", ty.shape)));
    }
    let noise = gumbel(g, key, ty.dtype, &ty.shape)?;
    let noisy = g.add(logits, noise)?;
    let order = g.argsort(noisy, 0, true)?;
    g.slice_axis(order, 0, 0, count.clone())
}

/// `exp` of normal numbers of mean 0 and variance 1. Errors: `DType` if `dtype` is neither f32 nor f64.
pub fn log_normal(g: &mut Graph, key: NodeId, dtype: DType, shape: &Shape) -> Result<NodeId> {
    let numbers = super::normal(g, key, dtype, shape)?;
    g.exp(numbers)
}

/// Two keys from one: for a number that is made of two.
pub fn pair(g: &mut Graph, key: NodeId) -> Result<(NodeId, NodeId)> {
    let keys = split(g, key, &Dim::fixed(2))?;
    Ok((nth(g, keys, 0)?, nth(g, keys, 1)?))
}
