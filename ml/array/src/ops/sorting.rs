//! Orders, and places in what is ordered.

use gradframe_ml_core::graph::Kind;
use gradframe_ml_core::{DType, Error, Graph, NodeId, Result};

use super::arguments::{axis, flag};
use super::value::{Value, operands, promoted};
use super::{Row, one, row};
use crate::element::Element;
use crate::node::Args;

/// Sorts are stable; a NaN counts as largest.
pub const ROWS: &[Row] = &[
    row("argsort", |g, x, args| {
        let [x] = operands("argsort", x)?;
        let (order, _) = order(g, "argsort", x, args)?;
        one(Value::Real(order))
    }),
    row("sort", |g, x, args| {
        let [x] = operands("sort", x)?;
        let (order, axis) = order(g, "sort", x, args)?;
        one(x.each(g, |g, x| g.take_along(x, order, axis))?)
    }),
    // How many of the sorted numbers are smaller, or not larger.
    row("searchsorted", |g, x, args| {
        let [sorted, wanted] = operands("searchsorted", x)?;
        let x = promoted(g, "searchsorted", &[sorted, wanted])?;
        let (sorted, wanted) = (x[0].real("searchsorted", g)?, x[1].real("searchsorted", g)?);
        let shape = g.ty(sorted).shape.clone();
        if shape.rank() != 1 {
            return Err(Error::shape("searchsorted", format!("expected a sorted line [n], got {shape}")));
        }
        let above = flag("searchsorted", args, 0)?;
        match shape.dims()[0].as_fixed() {
            Some(count) if count > COUNTED_MAX => one(Value::Real(by_halving(g, sorted, wanted, count, above)?)),
            _ => one(by_counting(g, sorted, wanted, above)?),
        }
    }),
];

/// A line of so many numbers is looked at whole for each that is wanted.
const COUNTED_MAX: usize = 64;

fn is_below(g: &mut Graph, sorted: NodeId, wanted: NodeId, above: bool) -> Result<NodeId> {
    if above { g.le(sorted, wanted) } else { g.lt(sorted, wanted) }
}

fn by_counting(g: &mut Graph, sorted: NodeId, wanted: NodeId, above: bool) -> Result<Value> {
    let last = g.ty(wanted).shape.rank();
    let column = g.insert_axis(wanted, last)?;
    let below = is_below(g, sorted, column, above)?;
    Value::Real(below).cast(g, Element::INT)?.each(g, |g, x| g.sum(x, &[last]))
}

/// The count grows by powers of two, from the largest down, as long as the number that it ends with is below.
fn by_halving(g: &mut Graph, sorted: NodeId, wanted: NodeId, count: usize, above: bool) -> Result<NodeId> {
    let shape = g.ty(wanted).shape.clone();
    let number = |g: &mut Graph, n: usize| {
        let n = g.scalar(DType::I64, n as f64)?;
        g.broadcast_to(n, &shape)
    };
    let (mut found, all, one) = (number(g, 0)?, number(g, count)?, number(g, 1)?);
    for bit in (0..=count.ilog2()).rev() {
        let step = number(g, 1 << bit)?;
        let more = g.add(found, step)?;
        let (there, held) = (g.le(more, all)?, g.min(more, all)?);
        let place = g.sub(held, one)?;
        let own = g.gather(sorted, place, 0)?;
        let below = is_below(g, own, wanted, above)?;
        let grows = g.and(there, below)?;
        found = g.select(grows, more, found)?;
    }
    Ok(found)
}

fn order(g: &mut Graph, op: &str, x: Value, args: &Args) -> Result<(NodeId, usize)> {
    let axis = axis(op, g, x, args, 0, -1)?;
    let descending = flag(op, args, 1)?;
    let x = x.real(op, g)?;
    Ok((g.apply(Kind::Sort { axis, descending }, &[x])?, axis))
}
