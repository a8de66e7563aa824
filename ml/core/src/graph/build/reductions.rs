//! Folds over axes.

use smallvec::SmallVec;

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{ArgOp, Graph, Kind, NodeId, ReduceOp};
use crate::shape::{Dim, Shape};

impl Graph {
    /// Folds `axes` away. Errors: `Shape` if an axis >= rank or is named twice; `DType` if the fold does not take it.
    pub fn reduce(&mut self, op: ReduceOp, x: NodeId, axes: &[usize]) -> Result<NodeId> {
        let mut axes: SmallVec<[usize; 4]> = axes.into();
        axes.sort_unstable();
        self.apply(Kind::Reduce { op, axes }, &[x])
    }

    /// Folds `axes` to size 1, so that the result broadcasts against `x`.
    pub fn reduce_keep(&mut self, op: ReduceOp, x: NodeId, axes: &[usize]) -> Result<NodeId> {
        let folded = self.reduce(op, x, axes)?;
        self.restore_axes(folded, x, axes)
    }

    /// Gives a reduction of `x` over `axes` those axes back, with size 1.
    pub(crate) fn restore_axes(&mut self, folded: NodeId, x: NodeId, axes: &[usize]) -> Result<NodeId> {
        let dims = self.ty(x).shape.dims().iter().enumerate();
        let kept = dims.map(|(i, d)| if axes.contains(&i) { Dim::fixed(1) } else { d.clone() });
        let shape = Shape::new(kept);
        self.reshape(folded, &shape)
    }

    /// The sum over `axes`, then divided by the number of elements in them (NaN for none). Floats only; those of 16 bits, whose sums
    /// soon leave them, in 32.
    pub fn mean(&mut self, x: NodeId, axes: &[usize]) -> Result<NodeId> {
        let ty = self.ty(x).clone();
        if ty.dtype.is_float() && ty.dtype.size_bytes() < 4 {
            return self.in_f32(x, |g, x| g.mean(x, axes));
        }
        if !ty.dtype.is_float() {
            return Err(Error::dtype("mean", format!("expected a float, got {}", ty.dtype)).hint("cast it to f64"));
        }
        let total = self.sum(x, axes)?;
        let dims = axes.iter().filter_map(|&a| ty.shape.dims().get(a));
        let mut count = self.scalar(ty.dtype, 1.0)?;
        for dim in dims {
            let size = self.dim_value(ty.dtype, dim)?;
            count = self.mul(count, size)?;
        }
        self.div(total, count)
    }

    /// `f` of floats of 16 bits in 32, rounded back; of others as they are.
    pub fn in_f32(&mut self, x: NodeId, f: impl FnOnce(&mut Graph, NodeId) -> Result<NodeId>) -> Result<NodeId> {
        let dtype = self.ty(x).dtype;
        if !dtype.is_float() || dtype.size_bytes() >= 4 {
            return f(self, x);
        }
        let wide = self.cast(x, DType::F32)?;
        let value = f(self, wide)?;
        self.cast(value, dtype)
    }

    /// `mean`, with `axes` kept as size 1.
    pub fn mean_keep(&mut self, x: NodeId, axes: &[usize]) -> Result<NodeId> {
        let folded = self.mean(x, axes)?;
        self.restore_axes(folded, x, axes)
    }

    /// The sum of all elements, shape `[]`.
    pub fn sum_all(&mut self, x: NodeId) -> Result<NodeId> {
        let axes: Vec<usize> = (0..self.ty(x).shape.rank()).collect();
        self.sum(x, &axes)
    }

    /// The mean of all elements, shape `[]`.
    pub fn mean_all(&mut self, x: NodeId) -> Result<NodeId> {
        let axes: Vec<usize> = (0..self.ty(x).shape.rank()).collect();
        self.mean(x, &axes)
    }

    /// Index (i64) of the first largest element along `axis`; a NaN counts as largest.
    pub fn argmax(&mut self, x: NodeId, axis: usize) -> Result<NodeId> {
        self.apply(Kind::ArgReduce { op: ArgOp::Max, axis }, &[x])
    }

    /// Index (i64) of the first smallest element along `axis`; a NaN counts as smallest.
    pub fn argmin(&mut self, x: NodeId, axis: usize) -> Result<NodeId> {
        self.apply(Kind::ArgReduce { op: ArgOp::Min, axis }, &[x])
    }
}

macro_rules! reductions {
    ($($(#[$doc:meta])* $name:ident, $keep:ident => $op:ident),* $(,)?) => {
        impl Graph { $(
            $(#[$doc])*
            pub fn $name(&mut self, x: NodeId, axes: &[usize]) -> Result<NodeId> { self.reduce(ReduceOp::$op, x, axes) }

            $(#[$doc])*
            /// The folded axes stay, with size 1.
            pub fn $keep(&mut self, x: NodeId, axes: &[usize]) -> Result<NodeId> {
                self.reduce_keep(ReduceOp::$op, x, axes)
            }
        )* }
    };
}

reductions! {
    /// The sum over `axes`; 0 for none.
    sum, sum_keep => Sum,
    /// The product over `axes`; 1 for none.
    prod, prod_keep => Prod,
    /// The largest over `axes`; the lowest value of the type for none, NaN if any is.
    max_over, max_keep => Max,
    /// The smallest over `axes`; the highest value of the type for none, NaN if any is.
    min_over, min_keep => Min,
    /// True where all are, over `axes` of a bool.
    all, all_keep => All,
    /// True where any is, over `axes` of a bool.
    any, any_keep => Any,
}
