//! Views and rearrangements: other shapes, orders and parts of the same elements.

use smallvec::SmallVec;

use crate::error::{Error, Result};
use crate::graph::{Graph, Kind, NodeId, Span};
use crate::shape::{Dim, Shape};

impl Graph {
    /// The same elements, row-major, under another shape. Errors: `Shape` if the number of elements differs.
    pub fn reshape(&mut self, x: NodeId, shape: &Shape) -> Result<NodeId> {
        self.apply(Kind::Reshape(shape.clone()), &[x])
    }

    /// Axes in another order: result axis i is operand axis `perm[i]`. Errors: `Shape` if it is no permutation.
    pub fn permute(&mut self, x: NodeId, perm: &[usize]) -> Result<NodeId> {
        self.apply(Kind::Permute(perm.into()), &[x])
    }

    /// The last two axes swapped. Errors: `Shape` below rank 2.
    pub fn transpose(&mut self, x: NodeId) -> Result<NodeId> {
        let rank = self.ty(x).shape.rank();
        if rank < 2 {
            return Err(Error::shape("transpose", format!("expected rank 2 or more, got {}", self.ty(x).shape)));
        }
        let mut perm: Vec<usize> = (0..rank).collect();
        perm.swap(rank - 2, rank - 1);
        self.permute(x, &perm)
    }

    /// Axis `from` moved to position `to`; the others keep their order. Errors: `Shape` if an axis >= rank.
    pub fn move_axis(&mut self, x: NodeId, from: usize, to: usize) -> Result<NodeId> {
        let rank = self.ty(x).shape.rank();
        if from >= rank || to >= rank {
            return Err(Error::shape("move_axis", format!("axes {from} and {to} of {}", self.ty(x).shape)));
        }
        let mut perm: Vec<usize> = (0..rank).filter(|&i| i != from).collect();
        perm.insert(to, from);
        self.permute(x, &perm)
    }

    /// Repeats axes of size 1 up to `shape`, of the same rank. Errors: `Shape` if another axis differs.
    pub fn expand(&mut self, x: NodeId, shape: &Shape) -> Result<NodeId> {
        self.apply(Kind::Expand(shape.clone()), &[x])
    }

    /// Broadcasts to `shape` by NumPy's rule: missing axes come first. Errors: `Shape` if it does not fit.
    pub fn broadcast_to(&mut self, x: NodeId, shape: &Shape) -> Result<NodeId> {
        let own = self.ty(x).shape.clone();
        let missing = shape.rank().checked_sub(own.rank());
        let missing =
            missing.ok_or_else(|| Error::shape("broadcast_to", format!("expected rank {} or less, got {own}", shape.rank())))?;
        let ones = std::iter::repeat_n(Dim::fixed(1), missing);
        let padded = self.reshape(x, &Shape::new(ones.chain(own.dims().iter().cloned())))?;
        self.expand(padded, shape)
    }

    /// An axis of size 1 before axis `axis`. Errors: `Shape` if `axis` > rank.
    pub fn insert_axis(&mut self, x: NodeId, axis: usize) -> Result<NodeId> {
        let shape = &self.ty(x).shape;
        if axis > shape.rank() {
            return Err(Error::shape("insert_axis", format!("axis {axis} of {shape}")));
        }
        self.reshape(x, &shape.insert(axis, Dim::fixed(1)))
    }

    /// Repeats `x` along a new axis `axis` of size `size`.
    pub fn repeat_axis(&mut self, x: NodeId, axis: usize, size: &Dim) -> Result<NodeId> {
        let one = self.insert_axis(x, axis)?;
        let shape = self.ty(one).shape.with(axis, size.clone());
        self.expand(one, &shape)
    }

    /// The given axes reversed. Errors: `Shape` if an axis >= rank or is named twice.
    pub fn flip(&mut self, x: NodeId, axes: &[usize]) -> Result<NodeId> {
        let mut axes: SmallVec<[usize; 4]> = axes.into();
        axes.sort_unstable();
        self.apply(Kind::Flip(axes), &[x])
    }

    /// `low[i]` zeros before and `high[i]` zeros after axis i. Errors: `Shape` unless there is one pair an axis.
    pub fn pad(&mut self, x: NodeId, low: &[usize], high: &[usize]) -> Result<NodeId> {
        self.apply(Kind::Pad { low: low.into(), high: high.into() }, &[x])
    }

    /// A range of each axis. Errors: `Shape` if a range leaves its axis or there is not one an axis.
    pub fn slice(&mut self, x: NodeId, spans: &[Span]) -> Result<NodeId> {
        self.apply(Kind::Slice(spans.into()), &[x])
    }

    /// Elements `start .. stop` of one axis, all of the others. Errors: `Shape` as for `slice`.
    pub fn slice_axis(&mut self, x: NodeId, axis: usize, start: usize, stop: Dim) -> Result<NodeId> {
        let shape = &self.ty(x).shape;
        if axis >= shape.rank() {
            return Err(Error::shape("slice", format!("axis {axis} of {shape}")));
        }
        let mut spans: Vec<Span> = shape.dims().iter().map(Span::all).collect();
        spans[axis] = Span { start, stop, step: 1 };
        self.slice(x, &spans)
    }

    /// Joins operands along `axis`. Errors: `Shape` if another axis differs; `DType` if the element types do.
    pub fn concat(&mut self, operands: &[NodeId], axis: usize) -> Result<NodeId> {
        self.apply(Kind::Concat { axis }, operands)
    }

    /// Joins operands of equal shape along a new axis `axis`.
    pub fn stack(&mut self, operands: &[NodeId], axis: usize) -> Result<NodeId> {
        let operands = operands.iter().map(|&x| self.insert_axis(x, axis)).collect::<Result<Vec<_>>>()?;
        self.concat(&operands, axis)
    }
}

impl Span {
    /// The whole of an axis of this size.
    pub fn all(dim: &Dim) -> Self {
        Span { start: 0, stop: dim.clone(), step: 1 }
    }
}
