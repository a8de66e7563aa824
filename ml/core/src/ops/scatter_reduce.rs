//! `ScatterReduce`: folds into groups by index. The sum's transpose gathers each group's cotangent back.

use smallvec::SmallVec;

use super::gather::{flattened_places, index_values};
use super::wide::{self, Wide};
use super::{Batched, Linear, Realised, Rules, Site, arity, check_indices, moves, no_rule, reduce, with_batch};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId, ReduceOp, ScatterOp, Type};
use crate::shape::{Dim, Shape};
use crate::tensor::Tensor;

/// The rules of [`crate::graph::Kind::ScatterReduce`].
pub struct ScatterReduce<'a> {
    pub op: ScatterOp,
    pub axis: usize,
    pub size: &'a Dim,
}

impl Rules for ScatterReduce<'_> {
    fn name(&self) -> &'static str {
        "scatter_reduce"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let [x, indices] = arity(self.name(), operands)?;
        check_indices(self.name(), indices)?;
        if x.dtype == DType::Bool && self.op == ScatterOp::Sum {
            return Err(Error::dtype(self.name(), "expected numbers to sum, got bool").hint("cast them"));
        }
        let (shape, inner) = (x.shape.dims(), indices.shape.dims());
        if shape.get(self.axis..self.axis + inner.len()) != Some(inner) {
            let what = format!("expected axes {} of the indices from axis {}, got {}", indices.shape, self.axis, x.shape);
            return Err(Error::shape(self.name(), what));
        }
        let (before, after) = (&shape[..self.axis], &shape[self.axis + inner.len()..]);
        Ok(Type::new(x.dtype, Shape::new(before.iter().chain([self.size]).chain(after).cloned())))
    }

    fn evaluate(&self, operands: &[&Tensor], out: &Realised) -> Result<Tensor> {
        let [x, indices] = arity(self.name(), operands)?;
        let targets = self.targets(x, indices, out.shape);
        let op = self.op.reduction();
        let length = out.shape.iter().product();
        let values = match (wide::decode(x), reduce::neutral(op, out.dtype)) {
            (Wide::Float(v), Wide::Float(n)) => Wide::Float(fold(v, &targets, n[0], length, |a, b| reduce::of_floats(op, a, b))),
            (Wide::Int(v), Wide::Int(n)) => Wide::Int(fold(v, &targets, n[0], length, |a, b| reduce::of_integers(op, a, b))),
            _ => return Err(Error::internal(self.name(), "the neutral element has another form than the operand")),
        };
        wide::encode(out.dtype, out.shape, &values)
    }

    fn jvp(&self, g: &mut Graph, at: &Site, tangents: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        let ([x, indices], Some(t)) = (*arity(self.name(), at.operands)?, tangents[0]) else { return Ok(None) };
        let slope = match self.op {
            ScatterOp::Sum => t,
            ScatterOp::Max | ScatterOp::Min => {
                let shares = self.shares(g, x, indices, at.value)?;
                g.mul(t, shares)?
            }
        };
        g.scatter(ScatterOp::Sum, slope, indices, self.axis, self.size).map(Some)
    }

    fn transpose(&self, g: &mut Graph, at: &Linear, cotangent: NodeId) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        if self.op != ScatterOp::Sum {
            return Err(no_rule(self.name(), "transpose"));
        }
        let picked = g.gather(cotangent, at.operands[1], self.axis)?;
        Ok(SmallVec::from_iter([Some(picked), None]))
    }

    fn batch(&self, g: &mut Graph, operands: &[Batched], size: &Dim) -> Result<NodeId> {
        let [x, indices] = *arity(self.name(), operands)?;
        if !indices.batched {
            return g.scatter(self.op, x.node, indices.node, self.axis + 1, self.size);
        }
        let x = with_batch(g, &x, size)?;
        self.batch_both(g, x, indices.node, size)
    }
}

impl ScatterOp {
    /// The same fold over axes.
    pub const fn reduction(self) -> ReduceOp {
        match self {
            ScatterOp::Sum => ReduceOp::Sum,
            ScatterOp::Max => ReduceOp::Max,
            ScatterOp::Min => ReduceOp::Min,
        }
    }
}

impl ScatterReduce<'_> {
    /// For each element, the position of the result that it is folded into; None if it is dropped.
    fn targets(&self, x: &Tensor, indices: &Tensor, out: &[usize]) -> Vec<Option<usize>> {
        let picks = index_values(indices);
        let (strides, index_strides) = (moves::strides(out), moves::strides(indices.shape()));
        let inner = self.axis..self.axis + indices.shape().len();
        let mut targets = Vec::new();
        moves::for_each_index(x.shape(), |index| {
            let pick = picks[moves::offset(&index[inner.clone()], &index_strides)];
            let group = usize::try_from(pick).ok().filter(|&i| i < out[self.axis]);
            let outer = moves::offset(&index[..self.axis], &strides);
            let rest = moves::offset(&index[inner.end..], &strides[self.axis + 1..]);
            targets.push(group.map(|i| outer + i * strides[self.axis] + rest));
        });
        targets
    }

    /// 1 / (number of extremes in its group) where an element is its group's extreme, else 0.
    fn shares(&self, g: &mut Graph, x: NodeId, indices: NodeId, value: NodeId) -> Result<NodeId> {
        let dtype = g.ty(x).dtype;
        let extremes = g.gather(value, indices, self.axis)?;
        let equal = g.eq(x, extremes)?;
        let marks = g.cast(equal, dtype)?;
        let counts = g.scatter(ScatterOp::Sum, marks, indices, self.axis, self.size)?;
        let count = g.gather(counts, indices, self.axis)?;
        let one = g.scalar_like(count, 1.0)?;
        let at_least_one = g.max(count, one)?; // an element outside all groups counts as 0 of 0
        g.div(marks, at_least_one)
    }

    /// Each batch entry has groups of its own: those of all entries, laid end to end, are folded into at once.
    fn batch_both(&self, g: &mut Graph, x: NodeId, indices: NodeId, size: &Dim) -> Result<NodeId> {
        let own = g.ty(indices).shape.rank(); // [B, I..]
        let rank = g.ty(x).shape.rank(); // [B, A.., I.., C..]
        let (before, inner, after) = (1..self.axis + 1, self.axis + 1..self.axis + own, self.axis + own..rank);
        let perm: Vec<usize> = std::iter::once(0).chain(inner).chain(before).chain(after).collect();
        let front = g.permute(x, &perm)?;
        let (flat, places) = flattened_places(g, indices, size, self.size)?;
        let folded = g.scatter(self.op, front, places, 0, &flat)?; // [B size, A.., C..]
        let split = g.ty(folded).shape.with(0, self.size.clone()).insert(0, size.clone());
        let groups = g.reshape(folded, &split)?;
        g.move_axis(groups, 1, self.axis + 1)
    }
}

fn fold<T: Copy>(values: Vec<T>, targets: &[Option<usize>], neutral: T, length: usize, f: impl Fn(T, T) -> T) -> Vec<T> {
    let mut folded = vec![neutral; length];
    for (value, target) in values.into_iter().zip(targets) {
        if let Some(target) = *target {
            folded[target] = f(folded[target], value);
        }
    }
    folded
}

#[cfg(test)]
pub mod rows {
    use crate::graph::{Graph, ScatterOp};
    use crate::ops::proof::{Row, floats, given, ints};

    pub fn rows() -> Vec<Row> {
        let scatter = |op, axis| move |g: &mut Graph, x: &[_]| g.scatter(op, x[0], x[1], axis, &3.into());
        let groups = || ints(&[4], &[0, 2, 0, 7]);
        let two_axes = ints(&[2, 2], &[0, 2, 2, 1]);
        vec![
            Row::new("scatter_reduce", "sum of rows", [floats(&[4, 2]), groups()], scatter(ScatterOp::Sum, 0)),
            Row::new("scatter_reduce", "sum, inner axis", [floats(&[2, 4]), groups()], scatter(ScatterOp::Sum, 1)),
            Row::new("scatter_reduce", "sum, indices of two axes", [floats(&[2, 2, 2]), two_axes], scatter(ScatterOp::Sum, 0)),
            Row::new("scatter_reduce", "max", [floats(&[4, 2]), ints(&[4], &[0, 2, 0, 1])], scatter(ScatterOp::Max, 0)),
            Row::new("scatter_reduce", "min", [floats(&[4, 2]), ints(&[4], &[1, 2, 0, 1])], scatter(ScatterOp::Min, 0)),
            Row::new("scatter_reduce", "max with ties", [given(&[1., 1., 2.]), ints(&[3], &[0, 0, 1])], |g, x| {
                g.scatter(ScatterOp::Max, x[0], x[1], 0, &2.into())
            })
            .slopes(&[0.5, 0.5, 1.0]),
        ]
    }
}
