//! `Pad`: zeros before and after each axis. Its transpose is the slice that it surrounds.

use smallvec::SmallVec;

use super::{Batched, Linear, Realised, Rules, Site, arity, moves, only};
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId, Span, Type};
use crate::shape::{Dim, Shape};
use crate::tensor::Tensor;

/// The rules of [`crate::graph::Kind::Pad`].
pub struct Pad<'a> {
    pub low: &'a [usize],
    pub high: &'a [usize],
}

impl Rules for Pad<'_> {
    fn name(&self) -> &'static str {
        "pad"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let [x] = arity(self.name(), operands)?;
        let rank = x.shape.rank();
        if self.low.len() != rank || self.high.len() != rank {
            let what = format!("expected {rank} paddings, for {}, got {} and {}", x.shape, self.low.len(), self.high.len());
            return Err(Error::shape(self.name(), what));
        }
        let dims = x.shape.dims().iter().zip(self.low.iter().zip(self.high));
        Ok(Type::new(x.dtype, Shape::new(dims.map(|(dim, (low, high))| dim.plus((low + high) as i64)))))
    }

    fn evaluate(&self, operands: &[&Tensor], out: &Realised) -> Result<Tensor> {
        let [x] = arity(self.name(), operands)?;
        let strides = moves::strides(x.shape());
        moves::moved(x, out, |index| {
            let inner = |i: usize| index[i].checked_sub(self.low[i]).filter(|&at| at < x.shape()[i]);
            (0..index.len()).try_fold(0, |sum, i| Some(sum + inner(i)? * strides[i]))
        })
    }

    fn jvp(&self, g: &mut Graph, _: &Site, tangents: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        tangents[0].map(|t| g.pad(t, self.low, self.high)).transpose()
    }

    fn transpose(&self, g: &mut Graph, at: &Linear, cotangent: NodeId) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        let own = g.ty(at.operands[0]).shape.dims();
        let inner = |(&start, dim): (&usize, &Dim)| Span { start, stop: dim.plus(start as i64), step: 1 };
        let spans: Vec<Span> = self.low.iter().zip(own).map(inner).collect();
        g.slice(cotangent, &spans).map(only)
    }

    fn batch(&self, g: &mut Graph, operands: &[Batched], _: &Dim) -> Result<NodeId> {
        let widened = |sides: &[usize]| [&[0], sides].concat();
        g.pad(operands[0].node, &widened(self.low), &widened(self.high))
    }
}

#[cfg(test)]
pub mod rows {
    use crate::ops::proof::{Row, floats};

    pub fn rows() -> Vec<Row> {
        vec![Row::new("pad", "both sides", [floats(&[2, 2])], |g, x| g.pad(x[0], &[1, 0], &[0, 2]))]
    }
}
