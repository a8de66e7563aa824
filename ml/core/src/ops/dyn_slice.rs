//! `DynSlice`: a part of an axis from a start known at run time. It and `DynUpdate` are each other's transposes.

use smallvec::SmallVec;

use super::{Batched, Linear, Realised, Rules, Site, arity, check_axis, gather, moves};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId, Type};
use crate::shape::{Dim, Shape};
use crate::tensor::Tensor;

/// The rules of [`crate::graph::Kind::DynSlice`].
pub struct DynSlice<'a> {
    pub axis: usize,
    pub size: &'a Dim,
}

impl Rules for DynSlice<'_> {
    fn name(&self) -> &'static str {
        "dyn_slice"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let [x, start] = arity(self.name(), operands)?;
        check_axis(self.name(), self.axis, &x.shape)?;
        check_start(self.name(), start)?;
        Ok(Type::new(x.dtype, x.shape.with(self.axis, self.size.clone())))
    }

    fn evaluate(&self, operands: &[&Tensor], out: &Realised) -> Result<Tensor> {
        let [x, start] = arity(self.name(), operands)?;
        let strides = moves::strides(x.shape());
        let start = first_index(start)?;
        moves::moved(x, out, |index| {
            let at = place(start, index[self.axis], x.shape()[self.axis])?;
            let before = moves::offset(&index[..self.axis], &strides) + at * strides[self.axis];
            Some(before + moves::offset(&index[self.axis + 1..], &strides[self.axis + 1..]))
        })
    }

    fn jvp(&self, g: &mut Graph, at: &Site, tangents: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        tangents[0].map(|t| g.dyn_slice(t, at.operands[1], self.axis, self.size)).transpose()
    }

    fn transpose(&self, g: &mut Graph, at: &Linear, cotangent: NodeId) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        let nothing = g.full_like(at.operands[0], 0.0)?;
        let placed = g.dyn_update(nothing, cotangent, at.operands[1], self.axis)?;
        Ok(SmallVec::from_iter([Some(placed), None]))
    }

    /// Entries that start at different places pick each from its own row by index.
    fn batch(&self, g: &mut Graph, operands: &[Batched], size: &Dim) -> Result<NodeId> {
        let [x, start] = *arity(self.name(), operands)?;
        if !start.batched {
            return g.dyn_slice(x.node, start.node, self.axis + 1, self.size);
        }
        let count = g.iota(DType::I64, &Shape::new([self.size.clone()]), 0)?;
        let start_column = g.insert_axis(start.node, 1)?;
        let node = g.add(start_column, count)?;
        gather::Gather { axis: self.axis }.batch(g, &[x, Batched { node, batched: true }], size)
    }
}

/// Refuses a start that is not a single i64.
pub(super) fn check_start(op: &str, start: &Type) -> Result<()> {
    if start.dtype == DType::I64 && start.shape.rank() == 0 {
        return Ok(());
    }
    Err(Error::shape(op, format!("expected a start of i64[], got {start}")))
}

/// The number in a start.
pub(super) fn first_index(start: &Tensor) -> Result<i64> {
    start.values::<i64>()?.first().copied().ok_or_else(|| Error::internal("dyn_slice", "a start without a number"))
}

/// `start + offset`, if that is inside `0 .. size`.
pub(super) fn place(start: i64, offset: usize, size: usize) -> Option<usize> {
    let at = start.checked_add(i64::try_from(offset).ok()?)?;
    usize::try_from(at).ok().filter(|&at| at < size)
}

#[cfg(test)]
pub mod rows {
    use crate::ops::proof::{Row, floats, given, ints};

    pub fn rows() -> Vec<Row> {
        let start = |at| ints(&[], &[at]);
        vec![
            Row::new("dyn_slice", "first axis", [floats(&[4, 2]), start(1)], |g, x| g.dyn_slice(x[0], x[1], 0, &2.into())),
            Row::new("dyn_slice", "middle axis", [floats(&[2, 4, 2]), start(2)], |g, x| {
                let square = g.mul(x[0], x[0])?;
                g.dyn_slice(square, x[1], 1, &2.into())
            }),
            Row::new("dyn_slice", "zeros beyond the end", [given(&[5.0, 6.0, 7.0]), start(2)], |g, x| {
                g.dyn_slice(x[0], x[1], 0, &3.into())
            })
            .expect(&[7., 0., 0.])
            .slopes(&[0., 0., 1.]),
            Row::new("dyn_slice", "zeros before the start", [given(&[5.0, 6.0]), start(-1)], |g, x| {
                g.dyn_slice(x[0], x[1], 0, &2.into())
            })
            .expect(&[0., 5.]),
        ]
    }
}
