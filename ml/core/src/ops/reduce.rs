//! `Reduce`: folds axes away.

use smallvec::SmallVec;

use super::wide::{self, Wide};
use super::{Batched, Linear, Realised, Rules, Site, arity, check_axes, moves, no_rule, only, shifted};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId, ReduceOp, Type};
use crate::shape::{Dim, Shape};
use crate::tensor::Tensor;

/// The rules of [`crate::graph::Kind::Reduce`].
pub struct Reduce<'a> {
    pub op: ReduceOp,
    pub axes: &'a [usize],
}

impl Rules for Reduce<'_> {
    fn name(&self) -> &'static str {
        "reduce"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let [x] = arity(self.name(), operands)?;
        check_axes(self.op.name(), self.axes, &x.shape)?;
        let (accepted, wanted) = match self.op {
            ReduceOp::All | ReduceOp::Any => (x.dtype == DType::Bool, "bool"),
            ReduceOp::Sum | ReduceOp::Prod => (x.dtype != DType::Bool, "a number"),
            ReduceOp::Max | ReduceOp::Min => (true, ""),
        };
        if !accepted {
            return Err(Error::dtype(self.op.name(), format!("expected {wanted}, got {}", x.dtype)).hint("cast it"));
        }
        Ok(Type::new(x.dtype, x.shape.without(self.axes)))
    }

    /// Sums are accumulated in f64 or i128 and rounded or wrapped once.
    fn evaluate(&self, operands: &[&Tensor], out: &Realised) -> Result<Tensor> {
        let [x] = arity(self.name(), operands)?;
        let targets = self.targets(x.shape(), out.shape);
        let values = match (wide::decode(x), neutral(self.op, out.dtype)) {
            (Wide::Float(v), Wide::Float(n)) => Wide::Float(fold(v, &targets, n[0], out, |a, b| of_floats(self.op, a, b))),
            (Wide::Int(v), Wide::Int(n)) => Wide::Int(fold(v, &targets, n[0], out, |a, b| of_integers(self.op, a, b))),
            _ => return Err(Error::internal(self.name(), "the neutral element has another form than the operand")),
        };
        wide::encode(out.dtype, out.shape, &values)
    }

    fn jvp(&self, g: &mut Graph, at: &Site, tangents: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        let Some(t) = tangents[0] else { return Ok(None) };
        let slope = match self.op {
            ReduceOp::Sum => return g.sum(t, self.axes).map(Some),
            ReduceOp::Prod => self.product_of_others(g, at.operands[0])?,
            ReduceOp::Max | ReduceOp::Min => self.shares(g, at.operands[0], at.value)?,
            ReduceOp::All | ReduceOp::Any => return Ok(None),
        };
        let scaled = g.mul(t, slope)?;
        g.sum(scaled, self.axes).map(Some)
    }

    fn transpose(&self, g: &mut Graph, at: &Linear, cotangent: NodeId) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        if self.op != ReduceOp::Sum {
            return Err(no_rule(self.op.name(), "transpose"));
        }
        let x = at.operands[0];
        let kept = g.restore_axes(cotangent, x, self.axes)?;
        let shape = g.ty(x).shape.clone();
        g.expand(kept, &shape).map(only)
    }

    fn batch(&self, g: &mut Graph, operands: &[Batched], _: &Dim) -> Result<NodeId> {
        g.reduce(self.op, operands[0].node, &shifted(self.axes))
    }
}

impl Reduce<'_> {
    /// For each element of the operand, the position of the result that it is folded into.
    fn targets(&self, own: &[usize], out: &[usize]) -> Vec<usize> {
        let kept: Vec<usize> = (0..own.len()).filter(|i| !self.axes.contains(i)).collect();
        let strides = moves::strides(out);
        let mut targets = Vec::new();
        moves::for_each_index(own, |index| targets.push(kept.iter().zip(&strides).map(|(&axis, s)| index[axis] * s).sum()));
        targets
    }

    /// 1 / (number of extremes) where the operand is the extreme, else 0: ties share the slope equally.
    fn shares(&self, g: &mut Graph, x: NodeId, value: NodeId) -> Result<NodeId> {
        let dtype = g.ty(x).dtype;
        let kept = g.restore_axes(value, x, self.axes)?;
        let extreme = g.eq(x, kept)?;
        let marks = g.cast(extreme, dtype)?;
        let count = g.sum_keep(marks, self.axes)?;
        g.div(marks, count)
    }

    /// For each element the product of the others it is multiplied with: right also where some are zero.
    /// It takes the square of the folded elements, which is the price of using no division.
    fn product_of_others(&self, g: &mut Graph, x: NodeId) -> Result<NodeId> {
        let own = g.ty(x).shape.clone();
        let kept: Vec<usize> = (0..own.rank()).filter(|i| !self.axes.contains(i)).collect();
        let perm: Vec<usize> = kept.iter().chain(self.axes).copied().collect();
        let count = Shape::new(self.axes.iter().map(|&a| own.dims()[a].clone())).elements();
        let count = count.ok_or_else(|| Error::not_implemented("prod", format!("the number of elements folded in {own}")))?;
        let last = kept.len();
        let moved = g.permute(x, &perm)?;
        let ordered = g.ty(moved).shape.clone();
        let flat = Shape::new(kept.iter().map(|&a| own.dims()[a].clone()).chain([count.clone()]));
        let rows = g.reshape(moved, &flat)?;
        let table = g.repeat_axis(rows, last, &count)?; // [.., i, j] = x[.., j]
        let places = Shape::new([count.clone(), count]);
        let (i, j) = (g.iota(DType::I64, &places, 0)?, g.iota(DType::I64, &places, 1)?);
        let (itself, one) = (g.eq(i, j)?, g.scalar_like(x, 1.0)?);
        let others = g.select(itself, one, table)?;
        let products = g.prod(others, &[last + 1])?;
        let unflat = g.reshape(products, &ordered)?;
        g.permute(unflat, &super::permute::inverse(&perm))
    }
}

/// The value that changes nothing, for a fold over this element type.
pub(crate) fn neutral(op: ReduceOp, dtype: DType) -> Wide {
    let number = |n: i128| if dtype.is_float() { Wide::Float(vec![n as f64]) } else { Wide::Int(vec![n]) };
    match op {
        ReduceOp::Sum | ReduceOp::Any => number(0),
        ReduceOp::Prod | ReduceOp::All => number(1),
        ReduceOp::Max => wide::extremes(dtype).0,
        ReduceOp::Min => wide::extremes(dtype).1,
    }
}

/// Folds each value into its target.
fn fold<T: Copy>(values: Vec<T>, targets: &[usize], neutral: T, out: &Realised, f: impl Fn(T, T) -> T) -> Vec<T> {
    let mut folded = vec![neutral; out.shape.iter().product()];
    values.into_iter().zip(targets).for_each(|(v, &target)| folded[target] = f(folded[target], v));
    folded
}

pub(crate) fn of_floats(op: ReduceOp, a: f64, b: f64) -> f64 {
    match op {
        ReduceOp::Prod => a * b,
        ReduceOp::Max | ReduceOp::Min if a.is_nan() || b.is_nan() => f64::NAN,
        ReduceOp::Max => a.max(b),
        ReduceOp::Min => a.min(b),
        _ => a + b,
    }
}

pub(crate) fn of_integers(op: ReduceOp, a: i128, b: i128) -> i128 {
    match op {
        ReduceOp::Sum => a.wrapping_add(b),
        ReduceOp::Prod => a.wrapping_mul(b),
        ReduceOp::Max | ReduceOp::Any => a.max(b),
        ReduceOp::Min | ReduceOp::All => a.min(b),
    }
}

#[cfg(test)]
pub mod rows {
    use crate::ops::proof::{Row, bools, floats, given};

    pub fn rows() -> Vec<Row> {
        let flags = || [bools(&[2, 2], &[true, false, true, true])];
        vec![
            Row::new("reduce", "sum of two axes", [floats(&[2, 3, 2])], |g, x| g.sum(x[0], &[2, 0])),
            Row::new("reduce", "mean", [floats(&[2, 3])], |g, x| g.mean_keep(x[0], &[1])),
            Row::new("reduce", "prod", [floats(&[2, 3, 2])], |g, x| g.prod(x[0], &[0, 2])),
            Row::new("reduce", "prod with a zero", [given(&[2.0, 0.0, 3.0])], |g, x| g.prod(x[0], &[0])).slopes(&[0.0, 6.0, 0.0]),
            Row::new("reduce", "max", [floats(&[2, 3])], |g, x| g.max_over(x[0], &[1])),
            Row::new("reduce", "min", [floats(&[2, 3])], |g, x| g.min_over(x[0], &[0, 1])),
            Row::new("reduce", "max with ties", [given(&[2.0, 1.0, 2.0])], |g, x| g.max_over(x[0], &[0]))
                .slopes(&[0.5, 0.0, 0.5]),
            Row::new("reduce", "all", flags(), |g, x| g.all(x[0], &[1])).expect(&[0., 1.]),
            Row::new("reduce", "any", flags(), |g, x| g.any(x[0], &[0])).expect(&[1., 1.]),
        ]
    }
}
