//! Random numbers: pure functions of a key, an array of shape [] of uint64. The key is an operand, so another key is not
//! another program.

use gradframe_ml_core::{DType, Dim, Error, Graph, NodeId, Result, Shape, random};

use super::arguments::{element, integer, sizes};
use super::value::{Value, operands};
use super::{Row, Values, one, row};
use crate::element::Element;
use crate::node::Args;

/// Their arguments are the shape and the element type.
pub const ROWS: &[Row] = &[
    row("random_split", |g, x, args| {
        let [key] = operands("split", x)?;
        let count = integer("split", args, 0)?.unwrap_or(2).max(0) as usize;
        let key = key_of(g, "split", key)?;
        one(Value::Real(random::split(g, key, &Dim::fixed(count))?))
    }),
    row("random_fold_in", |g, x, _| {
        let [key, number] = operands("fold_in", x)?;
        let (key, number) = (key_of(g, "fold_in", key)?, number.cast(g, Element::Real(DType::U64))?.real("fold_in", g)?);
        one(Value::Real(random::fold_in(g, key, number)?))
    }),
    row("random_bits", |g, x, args| {
        let [key] = operands("bits", x)?;
        let key = key_of(g, "bits", key)?;
        one(Value::Real(random::bits(g, key, &Shape::fixed(&sizes("bits", args, 0)?))?))
    }),
    row("random_uniform", |g, x, args| {
        let [key, low, high] = operands("uniform", x)?;
        drawn(g, "uniform", key, args, random::uniform, &[low, high], |g, unit, bounds| {
            let width = g.sub(bounds[1], bounds[0])?;
            let scaled = g.mul(unit, width)?;
            g.add(scaled, bounds[0])
        })
    }),
    row("random_normal", |g, x, args| {
        let [key, mean, deviation] = operands("normal", x)?;
        drawn(g, "normal", key, args, random::normal, &[mean, deviation], |g, unit, of| {
            let scaled = g.mul(unit, of[1])?;
            g.add(scaled, of[0])
        })
    }),
    row("random_exponential", |g, x, args| {
        let [key] = operands("exponential", x)?;
        drawn(g, "exponential", key, args, random::exponential, &[], |_, unit, _| Ok(unit))
    }),
    row("random_gumbel", |g, x, args| {
        let [key] = operands("gumbel", x)?;
        drawn(g, "gumbel", key, args, random::gumbel, &[], |_, unit, _| Ok(unit))
    }),
    row("random_laplace", |g, x, args| {
        let [key] = operands("laplace", x)?;
        drawn(g, "laplace", key, args, random::laplace, &[], |_, unit, _| Ok(unit))
    }),
    row("random_integers", |g, x, args| {
        let [key, low, high] = operands("integers", x)?;
        let (key, shape) = (key_of(g, "integers", key)?, Shape::fixed(&sizes("integers", args, 0)?));
        let (low, high) = (low.cast(g, Element::INT)?.real("integers", g)?, high.cast(g, Element::INT)?.real("integers", g)?);
        let (words, span) = (random::bits(g, key, &shape)?, g.sub(high, low)?);
        let span = g.cast(span, DType::U64)?;
        let rest = g.rem(words, span)?;
        let rest = g.cast(rest, DType::I64)?;
        let drawn = Value::Real(g.add(rest, low)?);
        one(drawn.cast(g, element("integers", args, 1)?.unwrap_or(Element::INT))?)
    }),
    row("random_bernoulli", |g, x, args| {
        let [key, p] = operands("bernoulli", x)?;
        let (key, p) = (key_of(g, "bernoulli", key)?, p.cast(g, Element::FLOAT)?.real("bernoulli", g)?);
        one(Value::Real(random::bernoulli(g, key, p, &Shape::fixed(&sizes("bernoulli", args, 0)?))?))
    }),
    row("random_permutation", |g, x, args| {
        let [key] = operands("permutation", x)?;
        let (key, count) = (key_of(g, "permutation", key)?, integer("permutation", args, 0)?.unwrap_or(0).max(0) as usize);
        one(Value::Real(random::permutation(g, key, &Dim::fixed(count))?))
    }),
    row("random_categorical", |g, x, _| {
        let [key, logits] = operands("categorical", x)?;
        let key = key_of(g, "categorical", key)?;
        let logits = super::value::floats(g, "categorical", &[logits])?[0].real("categorical", g)?;
        one(Value::Real(random::categorical(g, key, logits)?))
    }),
    row("dropout", |g, x, args| {
        let [x, key] = operands("dropout", x)?;
        let key = key_of(g, "dropout", key)?;
        let x = super::value::floats(g, "dropout", &[x])?[0].real("dropout", g)?;
        one(Value::Real(g.dropout(x, key, super::arguments::float("dropout", args, 0)?.unwrap_or(0.5))?))
    }),
];

fn key_of(g: &Graph, op: &str, key: Value) -> Result<NodeId> {
    let node = key.real(op, g)?;
    if g.ty(node).dtype != DType::U64 || g.ty(node).shape.rank() != 0 {
        let what = format!("expected a key, a single uint64, got {}{}", key.element(g), g.ty(node).shape);
        return Err(Error::dtype(op, what).hint("make one with random.key(seed), new ones with random.split(key)"));
    }
    Ok(node)
}

type Draw = fn(&mut Graph, NodeId, DType, &Shape) -> Result<NodeId>;

/// Numbers of the standard distribution in f32 or f64, moved by `of`, which broadcasts to the shape, and rounded if narrower.
fn drawn(
    g: &mut Graph,
    op: &str,
    key: Value,
    args: &Args,
    draw: Draw,
    of: &[Value],
    moved: fn(&mut Graph, NodeId, &[NodeId]) -> Result<NodeId>,
) -> Result<Values> {
    let (key, shape) = (key_of(g, op, key)?, Shape::fixed(&sizes(op, args, 0)?));
    let to = element(op, args, 1)?.unwrap_or(Element::FLOAT);
    if !to.is_float() {
        return Err(Error::dtype(op, format!("expected a float type, got {to}")));
    }
    let wide = if to.part() == DType::F64 { DType::F64 } else { DType::F32 };
    let mut nodes = Vec::with_capacity(of.len());
    for value in of {
        let node = value.cast(g, Element::Real(wide))?.real(op, g)?;
        nodes.push(g.broadcast_to(node, &shape)?);
    }
    let unit = draw(g, key, wide, &shape)?;
    one(Value::Real(moved(g, unit, &nodes)?).cast(g, to)?)
}
