//! Orders, and places in what is ordered.

use gradframe_ml_core::graph::Kind;
use gradframe_ml_core::{Error, Graph, NodeId, Result};

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
        let last = g.ty(wanted).shape.rank();
        let column = g.insert_axis(wanted, last)?;
        let below = if flag("searchsorted", args, 0)? { g.le(sorted, column)? } else { g.lt(sorted, column)? };
        let counted = Value::Real(below).cast(g, Element::INT)?;
        one(counted.each(g, |g, x| g.sum(x, &[last]))?)
    }),
];

fn order(g: &mut Graph, op: &str, x: Value, args: &Args) -> Result<(NodeId, usize)> {
    let axis = axis(op, g, x, args, 0, -1)?;
    let descending = flag(op, args, 1)?;
    let x = x.real(op, g)?;
    Ok((g.apply(Kind::Sort { axis, descending }, &[x])?, axis))
}
