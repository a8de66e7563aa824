//! `Dot`: general contraction. Result axes: batch, free axes of the left, free axes of the right.

use smallvec::SmallVec;

use super::wide::{self, Wide};
use super::{Batched, Linear, Realised, Rules, Site, add_tangents, arity, check_axis, check_same_dtype, moves, no_rule};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{DotDims, Graph, NodeId, Type};
use crate::shape::{Dim, Shape};
use crate::tensor::Tensor;

/// The rules of [`crate::graph::Kind::Dot`].
pub struct Dot<'a>(pub &'a DotDims);

impl Rules for Dot<'_> {
    fn name(&self) -> &'static str {
        "dot"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let [a, b] = arity(self.name(), operands)?;
        check_same_dtype(self.name(), a, b)?;
        if a.dtype == DType::Bool {
            return Err(Error::dtype(self.name(), "expected numbers, got bool").hint("cast both"));
        }
        self.check_pairs(a, b)?;
        let (batch, left, right) =
            (self.0.batch.iter().map(|p| p.0), self.0.free_left(a.shape.rank()), self.0.free_right(b.shape.rank()));
        let from_a = batch.chain(left).map(|i| a.shape.dims()[i].clone());
        Ok(Type::new(a.dtype, Shape::new(from_a.chain(right.into_iter().map(|i| b.shape.dims()[i].clone())))))
    }

    /// Accumulated in f64 or i128 and rounded or wrapped once.
    fn evaluate(&self, operands: &[&Tensor], out: &Realised) -> Result<Tensor> {
        let [a, b] = arity(self.name(), operands)?;
        let walk = self.walk(a, b, out.shape);
        let values = match (wide::decode(a), wide::decode(b)) {
            (Wide::Float(a), Wide::Float(b)) => Wide::Float(walk.fold(0.0, |sum, i, j| sum + a[i] * b[j])),
            (Wide::Int(a), Wide::Int(b)) => Wide::Int(walk.fold(0, |sum, i, j| sum.wrapping_add(a[i].wrapping_mul(b[j])))),
            _ => return Err(Error::internal(self.name(), format!("operands of {} and {}", a.dtype(), b.dtype()))),
        };
        wide::encode(out.dtype, out.shape, &values)
    }

    fn jvp(&self, g: &mut Graph, at: &Site, tangents: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        let [a, b] = *arity(self.name(), at.operands)?;
        let from_a = tangents[0].map(|t| g.dot(t, b, self.0.clone())).transpose()?;
        let from_b = tangents[1].map(|t| g.dot(a, t, self.0.clone())).transpose()?;
        add_tangents(g, from_a, from_b)
    }

    fn transpose(&self, g: &mut Graph, at: &Linear, cotangent: NodeId) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        let [a, b] = *arity(self.name(), at.operands)?;
        match at.linear {
            [true, false] => Ok(SmallVec::from_iter([Some(self.to_left(g, cotangent, a, b)?), None])),
            [false, true] => Ok(SmallVec::from_iter([None, Some(self.to_right(g, cotangent, a, b)?)])),
            _ => Err(no_rule(self.name(), "transpose").hint("it is linear in each operand, not in both")),
        }
    }

    fn batch(&self, g: &mut Graph, operands: &[Batched], _: &Dim) -> Result<NodeId> {
        let [a, b] = *arity(self.name(), operands)?;
        let (in_a, in_b) = (a.batched as usize, b.batched as usize);
        let shift = |pairs: &[(usize, usize)]| pairs.iter().map(|&(i, j)| (i + in_a, j + in_b)).collect::<SmallVec<[_; 2]>>();
        let mut dims = DotDims { batch: shift(&self.0.batch), contract: shift(&self.0.contract) };
        if a.batched && b.batched {
            dims.batch.insert(0, (0, 0));
            return g.dot(a.node, b.node, dims);
        }
        // The batch axis is a free one of its operand: the first there, and it belongs before all others.
        let left_free = g.ty(a.node).shape.rank() - dims.batch.len() - dims.contract.len();
        let place = dims.batch.len() + if a.batched { 0 } else { left_free };
        let product = g.dot(a.node, b.node, dims)?;
        g.move_axis(product, place, 0)
    }
}

impl DotDims {
    /// The axes of the left operand that are neither batch nor contracted.
    pub fn free_left(&self, rank: usize) -> Vec<usize> {
        (0..rank).filter(|i| self.pairs().all(|p| p.0 != *i)).collect()
    }

    /// The axes of the right operand that are neither batch nor contracted.
    pub fn free_right(&self, rank: usize) -> Vec<usize> {
        (0..rank).filter(|i| self.pairs().all(|p| p.1 != *i)).collect()
    }

    fn pairs(&self) -> impl Iterator<Item = &(usize, usize)> {
        self.batch.iter().chain(&self.contract)
    }
}

impl Dot<'_> {
    fn check_pairs(&self, a: &Type, b: &Type) -> Result<()> {
        for (n, &(i, j)) in self.0.pairs().enumerate() {
            check_axis(self.name(), i, &a.shape)?;
            check_axis(self.name(), j, &b.shape)?;
            if self.0.pairs().take(n).any(|p| p.0 == i || p.1 == j) {
                return Err(Error::shape(self.name(), format!("axis {i} or {j} is paired twice")));
            }
            if a.shape.dims()[i] != b.shape.dims()[j] {
                let what = format!("axis {i} of {} and axis {j} of {} are paired but differ", a.shape, b.shape);
                return Err(Error::shape(self.name(), what));
            }
        }
        Ok(())
    }

    fn walk(&self, a: &Tensor, b: &Tensor, out: &[usize]) -> Walk {
        let (sa, sb) = (moves::strides(a.shape()), moves::strides(b.shape()));
        let left = self.0.free_left(sa.len()).into_iter().map(|i| (sa[i], 0));
        let right = self.0.free_right(sb.len()).into_iter().map(|j| (0, sb[j]));
        let outer: Vec<_> = self.0.batch.iter().map(|&(i, j)| (sa[i], sb[j])).chain(left).chain(right).collect();
        let inner: Vec<_> = self.0.contract.iter().map(|&(i, j)| (sa[i], sb[j])).collect();
        let contracted: Vec<usize> = self.0.contract.iter().map(|&(i, _)| a.shape()[i]).collect();
        Walk { starts: positions(out, &outer), terms: positions(&contracted, &inner) }
    }

    /// The cotangent of the left operand: contracted with the right one over the right one's free axes.
    fn to_left(&self, g: &mut Graph, ct: NodeId, a: NodeId, b: NodeId) -> Result<NodeId> {
        let (ra, rb) = (g.ty(a).shape.rank(), g.ty(b).shape.rank());
        let (batch, left) = (self.0.batch.len(), self.0.free_left(ra));
        let places = self.0.free_right(rb).into_iter().enumerate().map(|(n, j)| (batch + left.len() + n, j));
        let dims =
            DotDims { batch: self.0.batch.iter().enumerate().map(|(n, p)| (n, p.1)).collect(), contract: places.collect() };
        let mut contracted = self.0.contract.to_vec();
        contracted.sort_by_key(|p| p.1);
        let batch = self.0.batch.iter().map(|p| p.0).collect();
        contraction(g, (ct, b), dims, [batch, left, contracted.iter().map(|p| p.0).collect()])
    }

    /// The cotangent of the right operand: contracted with the left one over the left one's free axes.
    fn to_right(&self, g: &mut Graph, ct: NodeId, a: NodeId, b: NodeId) -> Result<NodeId> {
        let (ra, rb) = (g.ty(a).shape.rank(), g.ty(b).shape.rank());
        let batch = self.0.batch.len();
        let places = self.0.free_left(ra).into_iter().enumerate().map(|(n, i)| (batch + n, i));
        let dims =
            DotDims { batch: self.0.batch.iter().enumerate().map(|(n, p)| (n, p.0)).collect(), contract: places.collect() };
        let mut contracted = self.0.contract.to_vec();
        contracted.sort_by_key(|p| p.0);
        let batch = self.0.batch.iter().map(|p| p.1).collect();
        contraction(g, (ct, a), dims, [batch, self.0.free_right(rb), contracted.iter().map(|p| p.1).collect()])
    }
}

/// A cotangent times the other operand, with the axes in the operand's order: those of the batch, free ones and contracted ones are
/// at these places. Which of the two stands left is chosen so that they come in this order by themselves, if one does.
fn contraction(
    g: &mut Graph,
    (ct, other): (NodeId, NodeId),
    dims: DotDims,
    [batch, free, contracted]: [Vec<usize>; 3],
) -> Result<NodeId> {
    if batch.iter().chain(&contracted).chain(&free).is_sorted() {
        let turned = |pairs: &[(usize, usize)]| pairs.iter().map(|&(i, j)| (j, i)).collect();
        return g.dot(other, ct, DotDims { batch: turned(&dims.batch), contract: turned(&dims.contract) });
    }
    let product = g.dot(ct, other, dims)?;
    let axes: Vec<usize> = [batch, free, contracted].concat();
    g.permute(product, &super::permute::inverse(&axes))
}

/// Which elements are multiplied and summed.
struct Walk {
    /// For each element of the result, the positions of its first pair.
    starts: Vec<(usize, usize)>,
    /// How far each pair is from the first.
    terms: Vec<(usize, usize)>,
}

impl Walk {
    fn fold<T: Copy>(&self, zero: T, term: impl Fn(T, usize, usize) -> T) -> Vec<T> {
        let sum = |&(p, q): &(usize, usize)| self.terms.iter().fold(zero, |sum, (dp, dq)| term(sum, p + dp, q + dq));
        self.starts.iter().map(sum).collect()
    }
}

/// The positions in both operands of every index of a shape, by the strides of its axes in each.
fn positions(shape: &[usize], strides: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut positions = Vec::new();
    moves::for_each_index(shape, |index| {
        let step = |(p, q): (usize, usize), (i, (s, t)): (&usize, &(usize, usize))| (p + i * s, q + i * t);
        positions.push(index.iter().zip(strides).fold((0, 0), step));
    });
    positions
}

#[cfg(test)]
pub mod rows {
    use crate::graph::{DotDims, Graph};
    use crate::ops::proof::{Row, floats, others};

    pub fn rows() -> Vec<Row> {
        let batched = DotDims { batch: [(1, 2)].into_iter().collect(), contract: [(0, 1)].into_iter().collect() };
        let twice = DotDims { batch: Default::default(), contract: [(0, 2), (2, 0)].into_iter().collect() };
        vec![
            Row::new("dot", "matrices", [floats(&[2, 3]), others(&[3, 2])], |g, x| g.matmul(x[0], x[1])),
            Row::new("dot", "matrix and vector", [floats(&[2, 3]), others(&[3])], |g, x| g.matmul(x[0], x[1])),
            Row::new("dot", "shared left matrix", [floats(&[2, 3]), others(&[2, 3, 2])], |g, x| g.matmul(x[0], x[1])),
            Row::new("dot", "outer product", [floats(&[2]), others(&[3])], |g, x| g.dot(x[0], x[1], DotDims::default())),
            Row::new("dot", "batch inside", [floats(&[3, 2, 2]), others(&[2, 3, 2])], move |g: &mut Graph, x: &[_]| {
                g.dot(x[0], x[1], batched.clone())
            }),
            Row::new("dot", "two contractions", [floats(&[2, 2, 3]), others(&[3, 2, 2])], move |g: &mut Graph, x: &[_]| {
                g.dot(x[0], x[1], twice.clone())
            }),
        ]
    }
}
