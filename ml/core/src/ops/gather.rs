//! `Gather`: picks along an axis by index. Its transpose sums the cotangents back to where they came from.

use smallvec::SmallVec;

use super::{Batched, Linear, Realised, Rules, Site, arity, check_axis, check_indices, moves, wide};
use crate::dtype::DType;
use crate::error::Result;
use crate::graph::{Fn2, Graph, NodeId, ScatterOp, Type};
use crate::shape::{Dim, Shape};
use crate::tensor::Tensor;

/// The rules of [`crate::graph::Kind::Gather`].
pub struct Gather {
    pub axis: usize,
}

impl Rules for Gather {
    fn name(&self) -> &'static str {
        "gather"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let [x, indices] = arity(self.name(), operands)?;
        check_axis(self.name(), self.axis, &x.shape)?;
        check_indices(self.name(), indices)?;
        let (before, after) = (&x.shape.dims()[..self.axis], &x.shape.dims()[self.axis + 1..]);
        Ok(Type::new(x.dtype, Shape::new(before.iter().chain(indices.shape.dims()).chain(after).cloned())))
    }

    fn evaluate(&self, operands: &[&Tensor], out: &Realised) -> Result<Tensor> {
        let [x, indices] = arity(self.name(), operands)?;
        let picks = index_values(indices);
        let (strides, index_strides) = (moves::strides(x.shape()), moves::strides(indices.shape()));
        let inner = self.axis..self.axis + indices.shape().len();
        moves::moved(x, out, |index| {
            let pick = picks[moves::offset(&index[inner.clone()], &index_strides)];
            let at = usize::try_from(pick).ok().filter(|&i| i < x.shape()[self.axis])?;
            let outer = moves::offset(&index[..self.axis], &strides) + at * strides[self.axis];
            Some(outer + moves::offset(&index[inner.end..], &strides[self.axis + 1..]))
        })
    }

    fn jvp(&self, g: &mut Graph, at: &Site, tangents: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        tangents[0].map(|t| g.gather(t, at.operands[1], self.axis)).transpose()
    }

    fn transpose(&self, g: &mut Graph, at: &Linear, cotangent: NodeId) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        let [x, indices] = *arity(self.name(), at.operands)?;
        let size = g.ty(x).shape.dims()[self.axis].clone();
        let summed = g.scatter(ScatterOp::Sum, cotangent, indices, self.axis, &size)?;
        Ok(SmallVec::from_iter([Some(summed), None]))
    }

    fn batch(&self, g: &mut Graph, operands: &[Batched], size: &Dim) -> Result<NodeId> {
        let [x, indices] = *arity(self.name(), operands)?;
        if !indices.batched {
            return g.gather(x.node, indices.node, self.axis + 1);
        }
        if !x.batched {
            let picked = g.gather(x.node, indices.node, self.axis)?;
            return g.move_axis(picked, self.axis, 0);
        }
        self.batch_both(g, x.node, indices.node, size)
    }
}

impl Gather {
    /// Each batch entry picks from its own rows: those of all entries, laid end to end, are picked from at once.
    fn batch_both(&self, g: &mut Graph, x: NodeId, indices: NodeId, size: &Dim) -> Result<NodeId> {
        let front = g.move_axis(x, self.axis + 1, 1)?; // [B, n, A.., C..]
        let dims = g.ty(front).shape.clone();
        let (flat, places) = flattened_places(g, indices, size, &dims.dims()[1])?;
        let rows = g.reshape(front, &dims.without(&[0]).with(0, flat))?;
        let picked = g.gather(rows, places, 0)?; // [B, I.., A.., C..]
        let own = g.ty(indices).shape.rank();
        let rank = g.ty(picked).shape.rank();
        let (before, after) = (own..own + self.axis, own + self.axis..rank);
        let perm: Vec<usize> = std::iter::once(0).chain(before).chain(1..own).chain(after).collect();
        g.permute(picked, &perm)
    }
}

/// For indices [B, I..] into axes of size `n`: the size B n of the axes laid end to end, and the places in it;
/// an index outside 0..n becomes -1.
pub(super) fn flattened_places(g: &mut Graph, indices: NodeId, size: &Dim, n: &Dim) -> Result<(Dim, NodeId)> {
    let no_product = || crate::Error::not_implemented("vmap", format!("an axis of {size} times {n} elements"));
    let flat = size.mul(n).ok_or_else(no_product)?;
    let wide = g.cast(indices, DType::I64)?;
    let shape = g.ty(wide).shape.clone();
    let count = g.dim_value(DType::I64, n)?;
    let (zero, outside) = (g.scalar(DType::I64, 0.0)?, g.scalar(DType::I64, -1.0)?);
    let (low, high) = (g.map2(Fn2::Ge, wide, zero)?, g.map2(Fn2::Lt, wide, count)?);
    let inside = g.and(low, high)?;
    let entry = g.iota(DType::I64, &shape, 0)?;
    let start = g.mul(entry, count)?;
    let place = g.add(start, wide)?;
    Ok((flat, g.select(inside, place, outside)?))
}

/// Indices as i64, whichever of the two types they have.
pub(super) fn index_values(indices: &Tensor) -> Vec<i64> {
    match wide::decode(indices) {
        wide::Wide::Int(v) => v.into_iter().map(|i| i as i64).collect(),
        wide::Wide::Float(v) => v.into_iter().map(|i| i as i64).collect(), // refused by the type rule
    }
}

#[cfg(test)]
pub mod rows {
    use crate::ops::proof::{Row, floats, given, ints};

    pub fn rows() -> Vec<Row> {
        vec![
            Row::new("gather", "rows, with repeats", [floats(&[3, 2]), ints(&[2, 2], &[2, 0, 0, 1])], |g, x| {
                g.gather(x[0], x[1], 0)
            }),
            Row::new("gather", "middle axis", [floats(&[2, 3, 2]), ints(&[2], &[2, 0])], |g, x| g.gather(x[0], x[1], 1)),
            Row::new("gather", "outside gives zeros", [given(&[5.0, 6.0]), ints(&[3], &[-1, 1, 2])], |g, x| {
                g.gather(x[0], x[1], 0)
            })
            .expect(&[0., 6., 0.]),
        ]
    }
}
