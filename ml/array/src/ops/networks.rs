//! What layers of networks are made of.

use gradframe_ml_core::graph::{Attention, Picking, PlaceRange, Window};
use gradframe_ml_core::{DType, Dim, Error, Graph, NodeId, Result};

use super::arguments::{flag, float, integer, integers};
use super::indexing::as_places;
use super::value::{Value, floats, operands};
use super::{Row, one, picking, row};
use crate::node::Args;
use crate::places::{of_cross_entropy, of_nll_loss, of_one_hot};

/// Layers without their parameters, which are operands.
pub const ROWS: &[Row] = &[
    row("layer_norm", |g, x, args| {
        let x = reals(g, "layer_norm", x)?;
        let (axes, epsilon) = (integer("layer_norm", args, 0)?.unwrap_or(1), float("layer_norm", args, 1)?.unwrap_or(1e-5));
        one(Value::Real(g.layer_norm(x[0], axes.max(0) as usize, x.get(1).copied(), x.get(2).copied(), epsilon)?))
    }),
    row("rms_norm", |g, x, args| {
        let x = reals(g, "rms_norm", x)?;
        let (axes, epsilon) = (integer("rms_norm", args, 0)?.unwrap_or(1), float("rms_norm", args, 1)?.unwrap_or(1e-6));
        one(Value::Real(g.rms_norm(x[0], axes.max(0) as usize, x.get(1).copied(), epsilon)?))
    }),
    row("group_norm", |g, x, args| {
        let x = reals(g, "group_norm", x)?;
        let (groups, epsilon) = (integer("group_norm", args, 0)?.unwrap_or(1), float("group_norm", args, 1)?.unwrap_or(1e-5));
        one(Value::Real(g.group_norm(x[0], groups.max(0) as usize, x.get(1).copied(), x.get(2).copied(), epsilon)?))
    }),
    row("conv", |g, x, args| {
        let x = reals(g, "conv", x)?;
        let [input, weight, ..] = x.as_slice() else { return Err(Error::plan("conv", "expected an input and a weight")) };
        let sizes = g.ty(*weight).shape.dims().get(2..).unwrap_or_default();
        let sizes: Vec<usize> = sizes.iter().filter_map(Dim::as_fixed).collect();
        let windows = windows("conv", &sizes, args, 0)?;
        let groups = integer("conv", args, 3)?.unwrap_or(1).max(0) as usize;
        let y = g.conv(*input, *weight, &windows, groups)?;
        one(Value::Real(with_bias(g, y, x.get(2).copied())?))
    }),
    row("conv_transpose", |g, x, args| {
        let x = reals(g, "conv_transpose", x)?;
        let [input, weight, ..] = x.as_slice() else {
            return Err(Error::plan("conv_transpose", "expected an input and a weight"));
        };
        let sizes: Vec<usize> = g.ty(*weight).shape.dims().iter().skip(2).filter_map(Dim::as_fixed).collect();
        let windows = windows("conv_transpose", &sizes, args, 0)?;
        let groups = integer("conv_transpose", args, 3)?.unwrap_or(1).max(0) as usize;
        let extra = along_axes("conv_transpose", "output_padding", args, 4, windows.len(), 0)?;
        let y = g.conv_transpose(*input, *weight, &windows, &extra, groups)?;
        one(Value::Real(with_bias(g, y, x.get(2).copied())?))
    }),
    row("max_pool", |g, x, args| {
        let x = reals(g, "max_pool", x)?;
        let windows = pools("max_pool", g, x[0], args)?;
        one(Value::Real(g.max_pool(x[0], &windows)?))
    }),
    row("avg_pool", |g, x, args| {
        let x = reals(g, "avg_pool", x)?;
        let windows = pools("avg_pool", g, x[0], args)?;
        one(Value::Real(g.avg_pool(x[0], &windows)?))
    }),
    row("attention", |g, x, args| {
        let how = Attention { causal: flag("attention", args, 0)?, scale: float("attention", args, 1)? };
        let (parts, mask) = x.split_at(3.min(x.len()));
        let parts = reals(g, "attention", parts)?;
        let [q, k, v] = parts.as_slice() else { return Err(Error::plan("attention", "expected query, key and value")) };
        let mask = mask.first().map(|mask| mask.real("attention", g)).transpose()?;
        one(Value::Real(g.attention(*q, *k, *v, mask, how)?))
    }),
    picking("cross_entropy", of_cross_entropy, |g, x, args| {
        let (logits, labels) = scores_and_labels(g, Picking::CrossEntropy, x, args)?;
        one(Value::Real(g.cross_entropy(logits, labels)?))
    }),
    picking("nll_loss", of_nll_loss, |g, x, args| {
        let (scores, labels) = scores_and_labels(g, Picking::NllLoss, x, args)?;
        let shape = g.ty(labels).shape.clone();
        let wide = g.cast(labels, DType::I64)?;
        let column = g.insert_axis(wide, shape.rank())?;
        let picked = g.take_along(scores, column, shape.rank())?;
        let picked = g.reshape(picked, &shape)?;
        one(Value::Real(g.neg(picked)?))
    }),
    row("binary_cross_entropy", |g, x, _| {
        let x = reals(g, "binary_cross_entropy", x)?;
        let [logits, targets] = x.as_slice() else { return Err(Error::plan("binary_cross_entropy", "expected two arrays")) };
        same_shape(g, "binary_cross_entropy", *logits, *targets)?;
        one(Value::Real(g.binary_cross_entropy(*logits, *targets)?))
    }),
    row("huber", |g, x, args| {
        let x = reals(g, "huber", x)?;
        let [a, b] = x.as_slice() else { return Err(Error::plan("huber", "expected two arrays")) };
        same_shape(g, "huber", *a, *b)?;
        one(Value::Real(g.huber(*a, *b, float("huber", args, 0)?.unwrap_or(1.0))?))
    }),
    picking("one_hot", of_one_hot, |g, x, args| {
        let [places] = operands("one_hot", x)?;
        let classes = integer("one_hot", args, 0)?.unwrap_or(0).max(0) as usize;
        let to = super::arguments::element("one_hot", args, 1)?.unwrap_or(crate::element::Element::FLOAT);
        let places = places.real("one_hot", g)?;
        let places = match g.ty(places).dtype.is_integer() {
            true => {
                let places = if g.ty(places).dtype == DType::U64 { as_places(g, places)? } else { places };
                g.places(Picking::OneHot, places, PlaceRange { low: 0, size: classes, none: None })?
            }
            false => places, // refused below
        };
        one(Value::Real(g.one_hot(places, &Dim::fixed(classes), to.part())?))
    }),
];

fn reals(g: &mut Graph, op: &str, x: &[Value]) -> Result<Vec<NodeId>> {
    floats(g, op, x)?.iter().map(|v| v.real(op, g)).collect()
}

/// Scores [.., classes] as floats, and labels [..] as i32 or i64; the first argument is a label that stands for none.
/// Errors: `Shape` if there is not a label a row; `DType`.
fn scores_and_labels(g: &mut Graph, picking: Picking, x: &[Value], args: &Args) -> Result<(NodeId, NodeId)> {
    let op = picking.name();
    let [scores, labels] = operands(op, x)?;
    let (scores, labels) = (floats(g, op, &[scores])?[0].real(op, g)?, labels.real(op, g)?);
    let (own, wanted) = (g.ty(scores).shape.clone(), g.ty(labels).shape.clone());
    if own.rank() == 0 || own.without(&[own.rank() - 1]) != wanted {
        return Err(Error::shape(op, format!("expected labels for each row of {own}, got {wanted}")));
    }
    let dtype = g.ty(labels).dtype;
    if !dtype.is_integer() {
        let what = format!("expected labels of an integer type, got {}", Value::Real(labels).element(g));
        return Err(Error::dtype(op, what));
    }
    let labels = if matches!(dtype, DType::I32 | DType::I64) { labels } else { as_places(g, labels)? };
    let labels = match own.dims().last().and_then(Dim::as_fixed) {
        Some(size) => g.places(picking, labels, PlaceRange { low: 0, size, none: integer(op, args, 0)? })?,
        None => labels,
    };
    Ok((scores, labels))
}

fn same_shape(g: &Graph, op: &str, a: NodeId, b: NodeId) -> Result<()> {
    let (a, b) = (&g.ty(a).shape, &g.ty(b).shape);
    if a == b { Ok(()) } else { Err(Error::shape(op, format!("expected two arrays of one shape, got {a} and {b}"))) }
}

/// The windows of pooling over x [B, C, ..], whose sizes are the fourth argument.
/// Errors: `Shape` also for padding beyond half of a window, which could hold nothing else.
fn pools(op: &str, g: &Graph, x: NodeId, args: &Args) -> Result<Vec<Window>> {
    let sizes = along_axes(op, "kernel_size", args, 3, g.ty(x).shape.rank().saturating_sub(2), 1)?;
    let windows = windows(op, &sizes, args, 0)?;
    match windows.iter().find(|window| 2 * window.padding > window.size) {
        Some(Window { size, padding, .. }) => {
            Err(Error::shape(op, format!("`padding` is {padding}, expected at most half of `kernel_size`, which is {size}")))
        }
        None => Ok(windows),
    }
}

/// Windows of these sizes; strides, paddings and dilations are three arguments from `first` on, one number an axis.
fn windows(op: &str, of: &[usize], args: &Args, first: usize) -> Result<Vec<Window>> {
    let part = |n: usize, called: &str, least: usize| along_axes(op, called, args, first + n, of.len(), least);
    if let Some(size) = of.iter().find(|&&size| size == 0) {
        return Err(Error::shape(op, format!("`kernel_size` is {size}, expected 1 or more")));
    }
    let (strides, paddings, dilations) = (part(0, "stride", 1)?, part(1, "padding", 0)?, part(2, "dilation", 1)?);
    let window = |i: usize| Window { size: of[i], stride: strides[i], padding: paddings[i], dilation: dilations[i] };
    Ok((0..of.len()).map(window).collect())
}

/// The n-th argument as a number for each of `axes` axes, one for all, or `least` if it is left out.
/// Errors: `Shape` naming it, as it is `called`, for another number of them, or one below `least` or beyond 31 bits.
fn along_axes(op: &str, called: &str, args: &Args, n: usize, axes: usize, least: usize) -> Result<Vec<usize>> {
    let given = integers(op, args, n)?.unwrap_or_default();
    let number = |&i: &i64| {
        let found = i32::try_from(i).ok().and_then(|i| usize::try_from(i).ok()).filter(|&i| i >= least);
        let largest = i32::MAX;
        found.ok_or_else(|| Error::shape(op, format!("`{called}` is {i}, expected a whole number from {least} to {largest}")))
    };
    let given = given.iter().map(number).collect::<Result<Vec<_>>>()?;
    match given.len() {
        0 => Ok(vec![least; axes]),
        1 => Ok(vec![given[0]; axes]),
        n if n == axes => Ok(given),
        n => Err(Error::shape(op, format!("`{called}` has {n} numbers for {axes} axes"))),
    }
}

/// y [B, O, ..] plus a bias [O].
fn with_bias(g: &mut Graph, y: NodeId, bias: Option<NodeId>) -> Result<NodeId> {
    let Some(bias) = bias else { return Ok(y) };
    let rank = g.ty(y).shape.rank();
    let channels = g.ty(bias).shape.dims().first().cloned().unwrap_or(Dim::fixed(1));
    let along = (0..rank).map(|i| if i == 1 { channels.clone() } else { Dim::fixed(1) });
    let shape = gradframe_ml_core::Shape::new(along);
    let bias = g.reshape(bias, &shape)?;
    g.add(y, bias)
}
