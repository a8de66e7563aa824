//! Folds over the elements that a mask keeps. Nothing kept gives what the fold gives for nothing.

use gradframe_ml_core::graph::{ReduceOp, Type};
use gradframe_ml_core::{DType, Dim, Graph, NodeId, Result, Shape};

use super::arguments::{Arguments, axis, unknown};

/// The counterpart of a masked operator.
pub fn build(op: &str, g: &mut Graph, a: &Arguments) -> Result<Vec<NodeId>> {
    let Some(name) = op.strip_prefix("masked.") else { return Err(unknown()) };
    a.only(&["mask", "input_mask", "other_mask", "dim", "keepdim", "unbiased"])?;
    let x = a.tensor(0, "")?;
    if name == "logaddexp" {
        let (x, y) = (kept(g, a, x, "input_mask", f64::NEG_INFINITY)?, a.tensor(1, "")?);
        let y = kept(g, a, y, "other_mask", f64::NEG_INFINITY)?;
        return g.logaddexp(x, y).map(|n| vec![n]);
    }
    let rank = g.ty(x).shape.rank();
    let value = match name {
        "cumsum" | "cumprod" | "softmax" | "log_softmax" | "softmin" => along(name, g, a, x)?,
        "normalize" => {
            let (p, at) = (a.number(1, "ord", 2.0)?, a.axis(2, "dim", 0, rank)?);
            let norm = g.vector_norm(x, p, &[at])?;
            let norm = g.insert_axis(norm, at)?;
            let least = g.scalar_like(x, 1e-12)?;
            let norm = g.max(norm, least)?;
            g.div(x, norm)?
        }
        _ => folded(name, g, a, x)?,
    };
    Ok(vec![value])
}

/// x with `other` where the mask is not set.
fn kept(g: &mut Graph, a: &Arguments, x: NodeId, mask: &str, other: f64) -> Result<NodeId> {
    match a.named(mask).node() {
        Some(mask) => {
            let other = g.scalar_like(x, other)?;
            g.select(mask, x, other)
        }
        None => Ok(x),
    }
}

fn along(name: &str, g: &mut Graph, a: &Arguments, x: NodeId) -> Result<NodeId> {
    let at = a.axis(1, "dim", 0, g.ty(x).shape.rank())?;
    match name {
        "cumsum" => kept(g, a, x, "mask", 0.0).and_then(|x| g.cumsum(x, at)),
        "cumprod" => kept(g, a, x, "mask", 1.0).and_then(|x| g.cumprod(x, at)),
        "softmax" => kept(g, a, x, "mask", f64::NEG_INFINITY).and_then(|x| g.softmax(x, at)),
        "log_softmax" => kept(g, a, x, "mask", f64::NEG_INFINITY).and_then(|x| g.log_softmax(x, at)),
        _ => {
            let negated = g.neg(x)?;
            kept(g, a, negated, "mask", f64::NEG_INFINITY).and_then(|x| g.softmax(x, at))
        }
    }
}

fn folded(name: &str, g: &mut Graph, a: &Arguments, x: NodeId) -> Result<NodeId> {
    let own = g.ty(x).shape.clone();
    let place = if matches!(name, "norm" | "argmax" | "argmin" | "median") { usize::from(name == "norm") + 1 } else { 1 };
    let axes: Vec<usize> = match a.get(place, "dim").integers() {
        Some(list) if !list.is_empty() && own.rank() > 0 => {
            list.iter().map(|&d| axis(d, own.rank()).ok_or_else(unknown)).collect::<Result<_>>()?
        }
        _ => (0..own.rank()).collect(),
    };
    let value = match name {
        "sum" => kept(g, a, x, "mask", 0.0).and_then(|x| g.sum(x, &axes))?,
        "prod" => kept(g, a, x, "mask", 1.0).and_then(|x| g.prod(x, &axes))?,
        "amax" => kept(g, a, x, "mask", f64::NEG_INFINITY).and_then(|x| g.reduce(ReduceOp::Max, x, &axes))?,
        "amin" => kept(g, a, x, "mask", f64::INFINITY).and_then(|x| g.reduce(ReduceOp::Min, x, &axes))?,
        "norm" => {
            let p = a.number(1, "ord", 2.0)?;
            kept(g, a, x, "mask", 0.0).and_then(|x| g.vector_norm(x, p, &axes))?
        }
        "mean" => mean(g, a, x, &axes)?.0,
        "var" | "std" => spread(name, g, a, x, &axes)?,
        "logsumexp" => logsumexp(g, a, x, &axes)?,
        "argmax" | "argmin" if axes.len() == own.rank() => {
            let edge = if name == "argmax" { f64::NEG_INFINITY } else { f64::INFINITY };
            let x = kept(g, a, x, "mask", edge)?;
            let count: usize = own.as_fixed().ok_or_else(unknown)?.iter().product();
            let line = g.reshape(x, &Shape::fixed(&[count]))?;
            if name == "argmax" { g.argmax(line, 0)? } else { g.argmin(line, 0)? }
        }
        "median" if axes.len() == 1 => median(g, a, x, axes[0])?,
        _ => return Err(unknown()),
    };
    if !a.named("keepdim").is_true() || own.rank() == 0 {
        return Ok(value);
    }
    let shape = axes.iter().fold(own, |shape, &at| shape.with(at, Dim::fixed(1)));
    g.reshape(value, &shape)
}

/// The mean, and the number of elements.
fn mean(g: &mut Graph, a: &Arguments, x: NodeId, axes: &[usize]) -> Result<(NodeId, NodeId)> {
    let shape = g.ty(x).shape.clone();
    let ones = g.full(&Type::new(DType::F64, shape), 1.0)?;
    let (ones, x) = (kept(g, a, ones, "mask", 0.0)?, kept(g, a, x, "mask", 0.0)?);
    let (count, total) = (g.sum(ones, axes)?, g.sum(x, axes)?);
    Ok((g.div(total, count)?, count))
}

fn spread(name: &str, g: &mut Graph, a: &Arguments, x: NodeId, axes: &[usize]) -> Result<NodeId> {
    let (mean, count) = mean(g, a, x, axes)?;
    let shape = axes.iter().fold(g.ty(x).shape.clone(), |shape, &at| shape.with(at, Dim::fixed(1)));
    let mean = g.reshape(mean, &shape)?;
    let gap = g.sub(x, mean)?;
    let square = g.square(gap)?;
    let square = kept(g, a, square, "mask", 0.0)?;
    let total = g.sum(square, axes)?;
    let unbiased = a.named("unbiased").is_none() || a.named("unbiased").is_true();
    let left = g.plus_number(count, if unbiased { -1.0 } else { 0.0 })?;
    let zero = g.scalar_like(left, 0.0)?;
    let left = g.max(left, zero)?;
    let variance = g.div(total, left)?;
    if name == "std" { g.sqrt(variance) } else { Ok(variance) }
}

fn logsumexp(g: &mut Graph, a: &Arguments, x: NodeId, axes: &[usize]) -> Result<NodeId> {
    let x = kept(g, a, x, "mask", f64::NEG_INFINITY)?;
    let own = g.ty(x).shape.as_fixed().ok_or_else(unknown)?;
    if axes.len() != own.len() {
        return Err(unknown());
    }
    let line = g.reshape(x, &Shape::fixed(&[own.iter().product()]))?;
    g.logsumexp(line, 0)
}

/// The lower median of what is kept; NaN if nothing is.
fn median(g: &mut Graph, a: &Arguments, x: NodeId, at: usize) -> Result<NodeId> {
    let shape = g.ty(x).shape.clone();
    let ones = g.full(&Type::new(DType::F64, shape.clone()), 1.0)?;
    let ones = kept(g, a, ones, "mask", 0.0)?;
    let count = g.sum_keep(ones, &[at])?;
    let held = kept(g, a, x, "mask", f64::NAN)?; // sorted last
    let order = g.argsort(held, at, false)?;
    let less = g.plus_number(count, -1.0)?;
    let half = g.scaled_by(less, 0.5)?;
    let middle = g.floor(half)?;
    let middle = g.cast(middle, DType::I64)?;
    let zero = g.scalar(DType::I64, 0.0)?;
    let middle = g.max(middle, zero)?;
    let place = g.take_along(order, middle, at)?;
    let value = g.take_along(held, place, at)?;
    g.reshape(value, &shape.without(&[at]))
}
