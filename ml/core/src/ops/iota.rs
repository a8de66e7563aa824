//! `Iota`: 0, 1, 2 ... along an axis.

use super::{Batched, Realised, Rules, arity, check_axis, moves, no_rule, wide};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId, Type};
use crate::shape::{Dim, Shape};
use crate::tensor::Tensor;

/// The rules of [`crate::graph::Kind::Iota`].
pub struct Iota<'a> {
    pub axis: usize,
    pub dtype: DType,
    pub shape: &'a Shape,
}

impl Rules for Iota<'_> {
    fn name(&self) -> &'static str {
        "iota"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let [] = arity(self.name(), operands)?;
        check_axis(self.name(), self.axis, self.shape)?;
        if self.dtype == DType::Bool {
            return Err(Error::dtype(self.name(), "expected a number type, got bool"));
        }
        Ok(Type::new(self.dtype, self.shape.clone()))
    }

    fn evaluate(&self, _: &[&Tensor], out: &Realised) -> Result<Tensor> {
        let mut values = Vec::new();
        moves::for_each_index(out.shape, |index| values.push(index[self.axis] as i128));
        wide::encode(out.dtype, out.shape, &wide::Wide::Int(values))
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
        let ramp = |g: &mut Graph, x: &[_]| {
            let ty = g.ty(x[0]).clone();
            let steps = g.iota(ty.dtype, &ty.shape, 1)?;
            g.mul(steps, x[0])
        };
        vec![Row::new("iota", "as a factor", [floats(&[2, 3])], ramp)]
    }
}
