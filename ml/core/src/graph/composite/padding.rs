//! Axes made longer by what stands beyond their ends.

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::shape::Dim;

/// What stands beyond the ends of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// The elements in reverse order, the end itself not repeated.
    Reflect,
    /// The last element again and again.
    Replicate,
    /// The elements from the other end.
    Circular,
}

impl Graph {
    /// `low` elements before and `high` after those along an axis. They are views, and so are their gradients.
    /// Errors: `Shape` if there are not enough elements for it; `NotImplemented` if the axis is symbolic; unless both are 0.
    pub fn pad_by(&mut self, x: NodeId, axis: usize, low: usize, high: usize, how: Padding) -> Result<NodeId> {
        if low.max(high) == 0 {
            return Ok(x);
        }
        let n = self.fixed_axis("pad", x, axis)?;
        let most = match how {
            Padding::Reflect => n.checked_sub(1),
            Padding::Circular => Some(n),
            Padding::Replicate => (n > 0).then_some(usize::MAX),
        };
        if most.is_none_or(|most| low.max(high) > most) {
            let what = format!("{low} before and {high} after axis {axis} of {} are more than {how:?} has", self.ty(x).shape);
            return Err(Error::shape("pad", what));
        }
        let mut parts = vec![x];
        if low > 0 {
            let part = match how {
                Padding::Reflect => self.reversed(x, axis, 1, low)?,
                Padding::Replicate => self.repeated(x, axis, 0, low)?,
                Padding::Circular => self.slice_axis(x, axis, n - low, Dim::fixed(n))?,
            };
            parts.insert(0, part);
        }
        if high > 0 {
            parts.push(match how {
                Padding::Reflect => self.reversed(x, axis, n - 1 - high, high)?,
                Padding::Replicate => self.repeated(x, axis, n - 1, high)?,
                Padding::Circular => self.slice_axis(x, axis, 0, Dim::fixed(high))?,
            });
        }
        self.concat(&parts, axis)
    }

    /// `width` elements from `start` on, the last first.
    fn reversed(&mut self, x: NodeId, axis: usize, start: usize, width: usize) -> Result<NodeId> {
        let part = self.slice_axis(x, axis, start, Dim::fixed(start + width))?;
        self.flip(part, &[axis])
    }

    /// One element `width` times.
    fn repeated(&mut self, x: NodeId, axis: usize, place: usize, width: usize) -> Result<NodeId> {
        let element = self.slice_axis(x, axis, place, Dim::fixed(place + 1))?;
        let shape = self.ty(x).shape.with(axis, Dim::fixed(width));
        self.broadcast_to(element, &shape)
    }
}
