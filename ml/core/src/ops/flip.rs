//! `Flip`: axes reversed. It is its own inverse and its own transpose.

use smallvec::SmallVec;

use super::{Batched, Linear, Realised, Rules, Site, arity, check_axes, moves, only, shifted};
use crate::error::Result;
use crate::graph::{Graph, NodeId, Type};
use crate::shape::Dim;
use crate::tensor::Tensor;

/// The rules of [`crate::graph::Kind::Flip`].
pub struct Flip<'a>(pub &'a [usize]);

impl Rules for Flip<'_> {
    fn name(&self) -> &'static str {
        "flip"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let [x] = arity(self.name(), operands)?;
        check_axes(self.name(), self.0, &x.shape)?;
        Ok((*x).clone())
    }

    fn evaluate(&self, operands: &[&Tensor], out: &Realised) -> Result<Tensor> {
        let [x] = arity(self.name(), operands)?;
        let strides = moves::strides(out.shape);
        moves::moved(x, out, |index| {
            let mirrored = |i: usize| if self.0.contains(&i) { out.shape[i] - 1 - index[i] } else { index[i] };
            Some((0..index.len()).map(|i| mirrored(i) * strides[i]).sum())
        })
    }

    fn jvp(&self, g: &mut Graph, _: &Site, tangents: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        tangents[0].map(|t| g.flip(t, self.0)).transpose()
    }

    fn transpose(&self, g: &mut Graph, _: &Linear, cotangent: NodeId) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        g.flip(cotangent, self.0).map(only)
    }

    fn batch(&self, g: &mut Graph, operands: &[Batched], _: &Dim) -> Result<NodeId> {
        g.flip(operands[0].node, &shifted(self.0))
    }
}

#[cfg(test)]
pub mod rows {
    use crate::ops::proof::{Row, floats};

    pub fn rows() -> Vec<Row> {
        vec![Row::new("flip", "two axes of three", [floats(&[2, 2, 3])], |g, x| g.flip(x[0], &[2, 0]))]
    }
}
