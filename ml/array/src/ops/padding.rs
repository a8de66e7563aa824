//! Arrays made larger along their axes.

use gradframe_ml_core::graph::Padding;
use gradframe_ml_core::{Error, Graph, Result, Shape};
use smallvec::SmallVec;

use super::arguments::{sizes, text};
use super::value::{Value, operands};
use super::views::concatenated;
use super::{Row, one, row};
use crate::node::Args;

/// A number around an array, or what is in it.
pub const ROWS: &[Row] = &[
    row("pad", |g, x, args| {
        let [x, filling] = operands("pad", x)?;
        let widths = widths(g, x, args)?;
        let mut value = x;
        let filling = filling.cast(g, x.element(g))?;
        for axis in 0..x.rank(g) {
            let own = value.sizes(g)?;
            let mut parts: SmallVec<[Value; 3]> = SmallVec::new();
            for (part, width) in [(None, widths[2 * axis]), (Some(value), 0), (None, widths[2 * axis + 1])] {
                let mut sizes = own.clone();
                sizes[axis] = width;
                match part {
                    Some(middle) => parts.push(middle),
                    None if width > 0 => parts.push(filling.broadcast(g, &Shape::fixed(&sizes))?),
                    None => {}
                }
            }
            value = concatenated(g, "pad", &parts, axis)?;
        }
        one(value)
    }),
    row("pad_by", |g, x, args| {
        let [x] = operands("pad_by", x)?;
        let widths = widths(g, x, args)?;
        let how = match text("pad_by", args, 1)? {
            Some("reflect") => Padding::Reflect,
            Some("edge") => Padding::Replicate,
            Some("wrap") => Padding::Circular,
            other => return Err(Error::plan("pad", format!("there is no mode {other:?}")).hint("reflect, edge or wrap")),
        };
        let mut value = x;
        for axis in 0..x.rank(g) {
            let (low, high) = (widths[2 * axis], widths[2 * axis + 1]);
            value = value.each(g, |g, x| g.pad_by(x, axis, low, high, how))?;
        }
        one(value)
    }),
];

/// Before and after each axis.
fn widths(g: &Graph, x: Value, args: &Args) -> Result<SmallVec<[usize; 4]>> {
    let (widths, rank) = (sizes("pad", args, 0)?, x.rank(g));
    if widths.len() == 2 * rank {
        return Ok(widths);
    }
    Err(Error::shape("pad", format!("expected {rank} pairs of widths, got {} numbers", widths.len())))
}
