//! `Barrier`: the identity, across which nothing is fused.

use smallvec::SmallVec;

use super::{Batched, Linear, Realised, Rules, Site, arity, only};
use crate::error::Result;
use crate::graph::{Graph, NodeId, Type};
use crate::shape::Dim;
use crate::tensor::Tensor;

/// The rules of [`crate::graph::Kind::Barrier`].
pub struct Barrier;

impl Rules for Barrier {
    fn name(&self) -> &'static str {
        "barrier"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let [x] = arity(self.name(), operands)?;
        Ok((*x).clone())
    }

    fn evaluate(&self, operands: &[&Tensor], _: &Realised) -> Result<Tensor> {
        let [x] = arity(self.name(), operands)?;
        Ok((*x).clone())
    }

    fn jvp(&self, g: &mut Graph, _: &Site, tangents: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        tangents[0].map(|t| g.barrier(t)).transpose()
    }

    fn transpose(&self, g: &mut Graph, _: &Linear, cotangent: NodeId) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        g.barrier(cotangent).map(only)
    }

    fn batch(&self, g: &mut Graph, operands: &[Batched], _: &Dim) -> Result<NodeId> {
        g.barrier(operands[0].node)
    }
}

#[cfg(test)]
pub mod rows {
    use crate::ops::proof::{Row, floats};

    pub fn rows() -> Vec<Row> {
        vec![Row::new("barrier", "between two squares", [floats(&[3])], |g, x| {
            let square = g.mul(x[0], x[0])?;
            let held = g.barrier(square)?;
            g.mul(held, held)
        })]
    }
}
