//! Folds, scans and orders.

use gradframe_ml_core::graph::ReduceOp;
use gradframe_ml_core::{DType, Graph, NodeId, Result};

use super::Built;
use super::arguments::{Argument, Arguments, axis};

/// The counterpart of a fold, a scan or an order.
pub fn build(op: &str, g: &mut Graph, a: &Arguments) -> Built {
    let x = a.node(0)?;
    let rank = g.ty(x).shape.rank();
    let dim = |place: usize, default: i64| axis(a.get(place, "dim").integer().unwrap_or(default), rank);
    match op {
        "sum" | "mean" | "amax" | "amin" | "prod" | "all" | "any" | "logsumexp" | "var" | "var.unbiased" | "std"
        | "std.unbiased" | "count_nonzero" | "nansum" | "nanmean" => fold(op, g, a, x).map(|r| r.map(|n| vec![n])),
        "max.reduction_no_dim" | "min.reduction_no_dim" => {
            let axes: Vec<usize> = (0..rank).collect();
            let op = if op.starts_with("max") { ReduceOp::Max } else { ReduceOp::Min };
            Some(g.reduce(op, x, &axes).map(|n| vec![n]))
        }
        "max.reduction_with_dim" | "min.reduction_with_dim" if rank > 0 => {
            Some(extreme(g, x, dim(1, 0)?, op.starts_with("max"), a.get(2, "keepdim").is_true()))
        }
        "argmax" | "argmin" if rank > 0 && a.get(1, "dim").integer().is_some() => {
            let axis = dim(1, 0)?;
            let found = if op == "argmax" { g.argmax(x, axis) } else { g.argmin(x, axis) };
            let keep = a.get(2, "keepdim").is_true();
            Some(found.and_then(|f| if keep { g.insert_axis(f, axis) } else { Ok(f) }).map(|n| vec![n]))
        }
        "cumsum" if rank > 0 => Some(g.cumsum(x, dim(1, 0)?).map(|n| vec![n])),
        "cumprod" if rank > 0 => Some(g.cumprod(x, dim(1, 0)?).map(|n| vec![n])),
        "softmax" if rank > 0 => Some(g.softmax(x, dim(1, 0)?).map(|n| vec![n])),
        "log_softmax" if rank > 0 => Some(g.log_softmax(x, dim(1, 0)?).map(|n| vec![n])),
        "nn.functional.softmin" if rank > 0 => {
            let axis = dim(1, 0)?;
            Some(g.neg(x).and_then(|n| g.softmax(n, axis)).map(|n| vec![n]))
        }
        "sort" | "argsort" if rank > 0 => {
            let (axis, down) = (dim(1, -1)?, a.get(2, "descending").is_true());
            Some(
                g.argsort(x, axis, down).and_then(|places| {
                    Ok(if op == "argsort" { vec![places] } else { vec![g.take_along(x, places, axis)?, places] })
                }),
            )
        }
        "topk" if rank > 0 => {
            let (count, axis) = (usize::try_from(a.get(1, "k").integer()?).ok()?, dim(2, -1)?);
            let largest = !matches!(a.get(3, "largest"), Argument::Number(n) if n == 0.0);
            Some(g.top_k(x, axis, count, largest).map(|(values, places)| vec![values, places]))
        }
        _ => None,
    }
}

fn fold(op: &str, g: &mut Graph, a: &Arguments, x: NodeId) -> Option<Result<NodeId>> {
    if !a.names_are(&["dim", "keepdim", "correction", "unbiased"]) {
        return None;
    }
    let rank = g.ty(x).shape.rank();
    let by_flag = op.ends_with(".unbiased");
    let dims = if by_flag { Argument::None } else { a.get(1, "dim") };
    let axes: Vec<usize> = match dims.integers() {
        Some(list) if !list.is_empty() && rank > 0 => list.iter().map(|&d| axis(d, rank)).collect::<Option<_>>()?,
        _ => (0..rank).collect(),
    };
    let keep = a.named("keepdim").is_true() || (a.places() > 2 && !by_flag && a.get(2, "keepdim").is_true());
    let folded = match op {
        "sum" => number(g, x).and_then(|x| g.sum(x, &axes)),
        "prod" => number(g, x).and_then(|x| g.prod(x, &axes)),
        "mean" => g.mean(x, &axes),
        "amax" => g.max_over(x, &axes),
        "amin" => g.min_over(x, &axes),
        "all" => g.cast(x, DType::Bool).and_then(|x| g.all(x, &axes)),
        "any" => g.cast(x, DType::Bool).and_then(|x| g.any(x, &axes)),
        "logsumexp" => match axes[..] {
            [axis] if rank > 0 => g.logsumexp(x, axis),
            _ => return None,
        },
        "count_nonzero" => g.cast(x, DType::Bool).and_then(|x| g.cast(x, DType::I64)).and_then(|x| g.sum(x, &axes)),
        "nansum" => without_nan(g, x).and_then(|x| g.sum(x, &axes)),
        "nanmean" => nan_mean(g, x, &axes),
        _ => spread(op, g, a, x, &axes),
    };
    Some(folded.and_then(|f| if keep { restored(g, f, x, &axes) } else { Ok(f) }))
}

fn number(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    if g.ty(x).dtype == DType::Bool { g.cast(x, DType::I64) } else { Ok(x) }
}

fn restored(g: &mut Graph, folded: NodeId, x: NodeId, axes: &[usize]) -> Result<NodeId> {
    let mut shape = g.ty(x).shape.clone();
    axes.iter().for_each(|&a| shape = shape.with(a, gradframe_ml_core::Dim::fixed(1)));
    g.reshape(folded, &shape)
}

fn without_nan(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let (nan, zero) = (g.map1(gradframe_ml_core::graph::Fn1::IsNan, x)?, g.scalar_like(x, 0.0)?);
    g.select(nan, zero, x)
}

fn nan_mean(g: &mut Graph, x: NodeId, axes: &[usize]) -> Result<NodeId> {
    let dtype = g.ty(x).dtype;
    let nan = g.map1(gradframe_ml_core::graph::Fn1::IsNan, x)?;
    let there = g.not(nan)?;
    let marks = g.cast(there, dtype)?;
    let kept = without_nan(g, x)?;
    let (count, total) = (g.sum(marks, axes)?, g.sum(kept, axes)?);
    g.div(total, count)
}

/// Variance or its root; `correction` is taken from the count.
fn spread(op: &str, g: &mut Graph, a: &Arguments, x: NodeId, axes: &[usize]) -> Result<NodeId> {
    let unbiased = if op.ends_with(".unbiased") { a.get(1, "unbiased") } else { a.named("unbiased") };
    let correction = match unbiased {
        Argument::Number(n) => n,
        _ => a.named("correction").number().unwrap_or(1.0),
    };
    let mean = g.mean_keep(x, axes)?;
    let gap = g.sub(x, mean)?;
    let square = g.mul(gap, gap)?;
    let total = g.sum(square, axes)?;
    let count: usize = axes.iter().filter_map(|&i| g.ty(x).shape.dims()[i].as_fixed()).product();
    let left = g.scalar_like(x, (count as f64 - correction).max(0.0))?;
    let variance = g.div(total, left)?;
    if op.starts_with("std") { g.sqrt(variance) } else { Ok(variance) }
}

fn extreme(g: &mut Graph, x: NodeId, axis: usize, largest: bool, keep: bool) -> Result<Vec<NodeId>> {
    let found = if largest { g.argmax(x, axis)? } else { g.argmin(x, axis)? };
    let column = g.insert_axis(found, axis)?;
    let picked = g.take_along(x, column, axis)?;
    if keep {
        return Ok(vec![picked, column]);
    }
    let shape = g.ty(found).shape.clone();
    Ok(vec![g.reshape(picked, &shape)?, found])
}
