//! `Select`: `c ? a : b`, elementwise.

use smallvec::SmallVec;

use super::{Batched, Linear, Realised, Rules, Site, arity, batch_elementwise, check_same_dtype, check_same_shape, moves};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Graph, Kind, NodeId, Type};
use crate::shape::Dim;
use crate::tensor::Tensor;

/// The rules of [`crate::graph::Kind::Select`].
pub struct Select;

impl Rules for Select {
    fn name(&self) -> &'static str {
        "select"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let [condition, a, b] = arity(self.name(), operands)?;
        if condition.dtype != DType::Bool {
            return Err(Error::dtype(self.name(), format!("expected a condition of bool, got {}", condition.dtype)));
        }
        check_same_dtype(self.name(), a, b)?;
        check_same_shape(self.name(), a, b)?;
        check_same_shape(self.name(), condition, a)?;
        Ok((*a).clone())
    }

    fn evaluate(&self, operands: &[&Tensor], out: &Realised) -> Result<Tensor> {
        let [condition, a, b] = arity(self.name(), operands)?;
        let picks = condition.values::<u8>()?;
        let strides = moves::strides(out.shape);
        let position = |index: &[usize]| moves::offset(index, &strides);
        let from_a = moves::moved(a, out, |i| (picks[position(i)] != 0).then(|| position(i)))?;
        let from_b = moves::moved(b, out, |i| (picks[position(i)] == 0).then(|| position(i)))?;
        let bytes: Vec<u8> = from_a.buffer().iter().zip(from_b.buffer().iter()).map(|(a, b)| a | b).collect();
        let mut aligned = arrow_buffer::MutableBuffer::with_capacity(bytes.len());
        aligned.extend_from_slice(&bytes);
        Tensor::try_new(out.dtype, out.shape, aligned.into())
    }

    fn jvp(&self, g: &mut Graph, at: &Site, tangents: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        let mut side = |t: Option<NodeId>| t.map_or_else(|| g.full_like(at.value, 0.0), Ok);
        let (a, b) = (side(tangents[1])?, side(tangents[2])?);
        g.select(at.operands[0], a, b).map(Some)
    }

    fn transpose(&self, g: &mut Graph, at: &Linear, cotangent: NodeId) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        let condition = at.operands[0];
        let zero = g.full_like(cotangent, 0.0)?;
        let a = at.linear[1].then(|| g.select(condition, cotangent, zero)).transpose()?;
        let b = at.linear[2].then(|| g.select(condition, zero, cotangent)).transpose()?;
        Ok(SmallVec::from_iter([None, a, b]))
    }

    fn batch(&self, g: &mut Graph, operands: &[Batched], size: &Dim) -> Result<NodeId> {
        batch_elementwise(g, Kind::Select, operands, size)
    }
}

#[cfg(test)]
pub mod rows {
    use crate::ops::proof::{Row, bools, floats, others};

    pub fn rows() -> Vec<Row> {
        let condition = bools(&[2, 2], &[true, false, false, true]);
        vec![
            Row::new("select", "both sides", [condition.clone(), floats(&[2, 2]), others(&[2, 2])], |g, x| {
                g.select(x[0], x[1], x[2])
            }),
            Row::new("select", "one side", [condition, floats(&[2, 2])], |g, x| {
                let square = g.mul(x[1], x[1])?;
                let zero = g.scalar_like(square, 0.0)?;
                g.select(x[0], square, zero)
            }),
        ]
    }
}
