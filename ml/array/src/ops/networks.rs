//! What layers of networks are made of.

use gradframe_ml_core::graph::{Attention, Window};
use gradframe_ml_core::{DType, Dim, Error, Graph, NodeId, Result};

use super::arguments::{flag, float, integer, sizes};
use super::value::{Value, floats, operands};
use super::{Row, one, row};
use crate::node::Args;

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
        let extra = super::arguments::sizes("conv_transpose", args, 4)?;
        let extra = if extra.is_empty() { vec![0; windows.len()] } else { extra.to_vec() };
        let y = g.conv_transpose(*input, *weight, &windows, &extra, groups)?;
        one(Value::Real(with_bias(g, y, x.get(2).copied())?))
    }),
    row("max_pool", |g, x, args| {
        let x = reals(g, "max_pool", x)?;
        let windows = windows("max_pool", &sizes("max_pool", args, 3)?, args, 0)?;
        one(Value::Real(g.max_pool(x[0], &windows)?))
    }),
    row("avg_pool", |g, x, args| {
        let x = reals(g, "avg_pool", x)?;
        let windows = windows("avg_pool", &sizes("avg_pool", args, 3)?, args, 0)?;
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
    row("cross_entropy", |g, x, _| {
        let [logits, labels] = operands("cross_entropy", x)?;
        let logits = floats(g, "cross_entropy", &[logits])?[0].real("cross_entropy", g)?;
        let labels = labels.real("cross_entropy", g)?;
        let labels = if matches!(g.ty(labels).dtype, DType::I32 | DType::I64) { labels } else { as_places(g, labels)? };
        one(Value::Real(g.cross_entropy(logits, labels)?))
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
    row("one_hot", |g, x, args| {
        let [places] = operands("one_hot", x)?;
        let classes = integer("one_hot", args, 0)?.unwrap_or(0).max(0) as usize;
        let to = super::arguments::element("one_hot", args, 1)?.unwrap_or(crate::element::Element::FLOAT);
        let places = places.real("one_hot", g)?;
        one(Value::Real(g.one_hot(places, &Dim::fixed(classes), to.part())?))
    }),
];

fn reals(g: &mut Graph, op: &str, x: &[Value]) -> Result<Vec<NodeId>> {
    floats(g, op, x)?.iter().map(|v| v.real(op, g)).collect()
}

fn as_places(g: &mut Graph, labels: NodeId) -> Result<NodeId> {
    if !g.ty(labels).dtype.is_integer() {
        let what = format!("expected labels of an integer type, got {}", Value::Real(labels).element(g));
        return Err(Error::dtype("cross_entropy", what));
    }
    g.cast(labels, DType::I64)
}

fn same_shape(g: &Graph, op: &str, a: NodeId, b: NodeId) -> Result<()> {
    let (a, b) = (&g.ty(a).shape, &g.ty(b).shape);
    if a == b { Ok(()) } else { Err(Error::shape(op, format!("expected two arrays of one shape, got {a} and {b}"))) }
}

/// Windows of these sizes; strides, paddings and dilations are three arguments from `first` on, one number an axis.
fn windows(op: &str, of: &[usize], args: &Args, first: usize) -> Result<Vec<Window>> {
    let part = |n: usize, otherwise: usize| -> Result<Vec<usize>> {
        let given = sizes(op, args, first + n)?;
        match given.len() {
            0 => Ok(vec![otherwise; of.len()]),
            1 => Ok(vec![given[0]; of.len()]),
            n if n == of.len() => Ok(given.to_vec()),
            n => Err(Error::shape(op, format!("{n} numbers for {} axes", of.len()))),
        }
    };
    let (strides, paddings, dilations) = (part(0, 1)?, part(1, 0)?, part(2, 1)?);
    let window = |i: usize| Window { size: of[i], stride: strides[i], padding: paddings[i], dilation: dilations[i] };
    Ok((0..of.len()).map(window).collect())
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
