//! `Const`: a value known when the graph is built.

use super::{Batched, Realised, Rules, arity, no_rule};
use crate::error::Result;
use crate::graph::{Graph, NodeId, Type};
use crate::shape::{Dim, Shape};
use crate::tensor::Tensor;

/// The rules of [`crate::graph::Kind::Const`].
pub struct Constant<'a>(pub &'a Tensor);

impl Rules for Constant<'_> {
    fn name(&self) -> &'static str {
        "constant"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let [] = arity(self.name(), operands)?;
        Ok(Type::new(self.0.dtype(), Shape::fixed(self.0.shape())))
    }

    fn evaluate(&self, _: &[&Tensor], _: &Realised) -> Result<Tensor> {
        Ok(self.0.clone())
    }

    fn batch(&self, _: &mut Graph, _: &[Batched], _: &Dim) -> Result<NodeId> {
        Err(no_rule(self.name(), "batching"))
    }
}

#[cfg(test)]
pub mod rows {
    use crate::graph::Graph;
    use crate::ops::proof::{Row, floats};

    pub fn rows() -> Vec<Row> {
        let shifted = |g: &mut Graph, x: &[_]| {
            let c = g.scalar_like(x[0], 2.5)?;
            g.mul(c, x[0])
        };
        vec![Row::new("constant", "as a factor", [floats(&[3])], shifted)]
    }
}
