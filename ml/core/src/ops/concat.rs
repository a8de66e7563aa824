//! `Concat`: operands joined along an axis. Its transpose cuts them apart again.

use smallvec::SmallVec;

use super::{Batched, Linear, Realised, Rules, Site, check_axis, check_same_dtype, with_batch};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId, Type};
use crate::shape::{Dim, Shape};
use crate::tensor::Tensor;

/// The rules of [`crate::graph::Kind::Concat`].
pub struct Concat {
    pub axis: usize,
}

impl Rules for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let [first, rest @ ..] = operands else { return Err(Error::shape(self.name(), "expected at least one operand")) };
        check_axis(self.name(), self.axis, &first.shape)?;
        let mut joined = first.shape.dims()[self.axis].clone();
        for other in rest {
            check_same_dtype(self.name(), first, other)?;
            joined = self.join(first, &joined, other)?;
        }
        Ok(Type::new(first.dtype, first.shape.with(self.axis, joined)))
    }

    fn evaluate(&self, operands: &[&Tensor], out: &Realised) -> Result<Tensor> {
        let mut joined = arrow_buffer::MutableBuffer::new(0);
        let outer: usize = out.shape[..self.axis].iter().product();
        for row in 0..outer {
            for x in operands {
                let width = x.buffer().len() / outer;
                joined.extend_from_slice(&x.buffer().as_slice()[row * width..(row + 1) * width]);
            }
        }
        Tensor::try_new(out.dtype, out.shape, joined.into())
    }

    fn jvp(&self, g: &mut Graph, at: &Site, tangents: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        let part = |(&x, t): (&NodeId, &Option<NodeId>)| t.map_or_else(|| g.full_like(x, 0.0), Ok);
        let parts = at.operands.iter().zip(tangents).map(part).collect::<Result<Vec<_>>>()?;
        g.concat(&parts, self.axis).map(Some)
    }

    fn transpose(&self, g: &mut Graph, at: &Linear, cotangent: NodeId) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        let mut before: Vec<Dim> = Vec::new();
        let mut parts = SmallVec::new();
        for (&x, &linear) in at.operands.iter().zip(at.linear) {
            let size = g.ty(x).shape.dims()[self.axis].clone();
            parts.push(linear.then(|| self.part(g, cotangent, &before, &size)).transpose()?);
            before.push(size);
        }
        Ok(parts)
    }

    fn batch(&self, g: &mut Graph, operands: &[Batched], size: &Dim) -> Result<NodeId> {
        let nodes = operands.iter().map(|o| with_batch(g, o, size)).collect::<Result<Vec<_>>>()?;
        g.concat(&nodes, self.axis + 1)
    }
}

impl Concat {
    fn join(&self, first: &Type, joined: &Dim, other: &Type) -> Result<Dim> {
        let fits =
            other.shape.rank() == first.shape.rank() && other.shape.without(&[self.axis]) == first.shape.without(&[self.axis]);
        if !fits {
            let what = format!("operands {} and {} differ beside axis {}", first.shape, other.shape, self.axis);
            return Err(Error::shape(self.name(), what));
        }
        let size = &other.shape.dims()[self.axis];
        let no_sum = || Error::not_implemented(self.name(), format!("sizes {joined} and {size} have no sum in closed form"));
        joined.add(size).ok_or_else(no_sum)
    }

    /// `size` elements along the axis, after parts of the sizes `before`.
    fn part(&self, g: &mut Graph, x: NodeId, before: &[Dim], size: &Dim) -> Result<NodeId> {
        let fixed: Option<usize> = before.iter().map(Dim::as_fixed).sum();
        if let Some(start) = fixed {
            return g.slice_axis(x, self.axis, start, size.plus(start as i64));
        }
        // A slice starts at a fixed place; after symbolic parts the elements are picked by index.
        let mut places = g.iota(DType::I64, &Shape::new([size.clone()]), 0)?;
        for dim in before {
            let skipped = g.dim_value(DType::I64, dim)?;
            places = g.add(places, skipped)?;
        }
        g.gather(x, places, self.axis)
    }
}

#[cfg(test)]
pub mod rows {
    use crate::ops::proof::{Row, floats, others};

    pub fn rows() -> Vec<Row> {
        vec![
            Row::new("concat", "inner axis", [floats(&[2, 1]), others(&[2, 3])], |g, x| g.concat(x, 1)),
            Row::new("concat", "with itself", [floats(&[2])], |g, x| g.concat(&[x[0], x[0]], 0)),
        ]
    }
}
