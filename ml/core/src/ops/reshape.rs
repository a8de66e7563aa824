//! `Reshape`: the same elements in row-major order under another shape.

use smallvec::SmallVec;

use super::{Batched, Linear, Realised, Rules, Site, arity, only};
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId, Type};
use crate::shape::{Dim, Shape};
use crate::tensor::Tensor;

/// The rules of [`crate::graph::Kind::Reshape`].
pub struct Reshape<'a>(pub &'a Shape);

impl Rules for Reshape<'_> {
    fn name(&self) -> &'static str {
        "reshape"
    }

    /// Sizes without a closed form (a product of sums of symbols) are compared at run time.
    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let [x] = arity(self.name(), operands)?;
        match (x.shape.elements(), self.0.elements()) {
            (Some(own), Some(wanted)) if own != wanted => {
                Err(Error::shape(self.name(), format!("expected {own} elements, as in {}, got {}", x.shape, self.0)))
            }
            _ => Ok(Type::new(x.dtype, self.0.clone())),
        }
    }

    fn evaluate(&self, operands: &[&Tensor], out: &Realised) -> Result<Tensor> {
        let [x] = arity(self.name(), operands)?;
        x.reshaped(out.shape)
    }

    fn jvp(&self, g: &mut Graph, _: &Site, tangents: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        tangents[0].map(|t| g.reshape(t, self.0)).transpose()
    }

    fn transpose(&self, g: &mut Graph, at: &Linear, cotangent: NodeId) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        let shape = g.ty(at.operands[0]).shape.clone();
        g.reshape(cotangent, &shape).map(only)
    }

    fn batch(&self, g: &mut Graph, operands: &[Batched], size: &Dim) -> Result<NodeId> {
        g.reshape(operands[0].node, &self.0.insert(0, size.clone()))
    }
}

#[cfg(test)]
pub mod rows {
    use crate::ops::proof::{Row, floats};
    use crate::shape::Shape;

    pub fn rows() -> Vec<Row> {
        vec![
            Row::new("reshape", "flatten", [floats(&[2, 3])], |g, x| g.reshape(x[0], &Shape::fixed(&[6]))),
            Row::new("reshape", "split", [floats(&[6])], |g, x| g.reshape(x[0], &Shape::fixed(&[3, 1, 2]))),
        ]
    }
}
