//! `Cast`: the same values in another element type. Linear between floats; elsewhere it carries no derivative.

use smallvec::SmallVec;

use super::{Batched, Linear, Realised, Rules, Site, arity, batch_elementwise, only, wide};
use crate::dtype::DType;
use crate::error::Result;
use crate::graph::{Graph, Kind, NodeId, Type};
use crate::shape::Dim;
use crate::tensor::Tensor;

/// The rules of [`crate::graph::Kind::Cast`].
pub struct Cast(pub DType);

impl Rules for Cast {
    fn name(&self) -> &'static str {
        "cast"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let [x] = arity(self.name(), operands)?;
        Ok(Type::new(self.0, x.shape.clone()))
    }

    fn evaluate(&self, operands: &[&Tensor], out: &Realised) -> Result<Tensor> {
        let [x] = arity(self.name(), operands)?;
        wide::encode(out.dtype, out.shape, &wide::decode(x))
    }

    fn jvp(&self, g: &mut Graph, _: &Site, tangents: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        match tangents[0] {
            Some(t) if self.0.is_float() => g.cast(t, self.0).map(Some),
            _ => Ok(None),
        }
    }

    fn transpose(&self, g: &mut Graph, at: &Linear, cotangent: NodeId) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        let dtype = g.ty(at.operands[0]).dtype;
        g.cast(cotangent, dtype).map(only)
    }

    fn batch(&self, g: &mut Graph, operands: &[Batched], size: &Dim) -> Result<NodeId> {
        batch_elementwise(g, Kind::Cast(self.0), operands, size)
    }
}

#[cfg(test)]
pub mod rows {
    use crate::dtype::DType;
    use crate::ops::proof::{Row, floats, ints};

    pub fn rows() -> Vec<Row> {
        vec![
            Row::new("cast", "there and back", [floats(&[3])], |g, x| {
                let dtype = g.ty(x[0]).dtype;
                let widened = g.cast(x[0], DType::F64)?;
                let square = g.mul(widened, widened)?;
                g.cast(square, dtype)
            }),
            Row::new("cast", "to integers has no slope", [floats(&[3])], |g, x| {
                let dtype = g.ty(x[0]).dtype;
                let steps = g.cast(x[0], DType::I32)?;
                let steps = g.cast(steps, dtype)?;
                g.mul(steps, x[0])
            }),
            Row::new("cast", "integers to float", [ints(&[3], &[-2, 0, 7])], |g, x| g.cast(x[0], DType::F64))
                .expect(&[-2., 0., 7.]),
        ]
    }
}
