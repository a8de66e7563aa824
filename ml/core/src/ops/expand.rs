//! `Expand`: repeats axes of size 1. Its transpose is the sum over what was repeated.

use smallvec::SmallVec;

use super::{Batched, Linear, Realised, Rules, Site, arity, moves, only};
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId, Type};
use crate::shape::{Dim, Shape};
use crate::tensor::Tensor;

/// The rules of [`crate::graph::Kind::Expand`].
pub struct Expand<'a>(pub &'a Shape);

impl Rules for Expand<'_> {
    fn name(&self) -> &'static str {
        "expand"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let [x] = arity(self.name(), operands)?;
        let fits = x.shape.dims().iter().zip(self.0.dims()).all(|(own, wanted)| own == wanted || own.is_one());
        if x.shape.rank() != self.0.rank() || !fits {
            return Err(Error::shape(self.name(), format!("{} does not broadcast to {}", x.shape, self.0)));
        }
        Ok(Type::new(x.dtype, self.0.clone()))
    }

    fn evaluate(&self, operands: &[&Tensor], out: &Realised) -> Result<Tensor> {
        let [x] = arity(self.name(), operands)?;
        let own = moves::strides(x.shape()).into_iter().zip(x.shape());
        let strides: Vec<usize> = own.map(|(stride, &size)| if size == 1 { 0 } else { stride }).collect();
        moves::moved(x, out, |index| Some(moves::offset(index, &strides)))
    }

    fn jvp(&self, g: &mut Graph, _: &Site, tangents: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        tangents[0].map(|t| g.expand(t, self.0)).transpose()
    }

    fn transpose(&self, g: &mut Graph, at: &Linear, cotangent: NodeId) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        let own = g.ty(at.operands[0]).shape.clone();
        let repeated: Vec<usize> = (0..own.rank()).filter(|&i| own.dims()[i] != self.0.dims()[i]).collect();
        g.sum_keep(cotangent, &repeated).map(only)
    }

    fn batch(&self, g: &mut Graph, operands: &[Batched], size: &Dim) -> Result<NodeId> {
        g.expand(operands[0].node, &self.0.insert(0, size.clone()))
    }
}

#[cfg(test)]
pub mod rows {
    use crate::ops::proof::{Row, floats};
    use crate::shape::Shape;

    pub fn rows() -> Vec<Row> {
        vec![
            Row::new("expand", "one axis", [floats(&[2, 1])], |g, x| g.expand(x[0], &Shape::fixed(&[2, 3]))),
            Row::new("expand", "a number", [floats(&[])], |g, x| g.broadcast_to(x[0], &Shape::fixed(&[2, 2]))),
        ]
    }
}
