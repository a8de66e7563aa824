//! `Bitcast`: the same bits read as another element type. It carries no derivative.

use super::{Batched, Realised, Rules, Site, arity, batch_elementwise};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Graph, Kind, NodeId, Type};
use crate::shape::Dim;
use crate::tensor::Tensor;

/// The rules of [`crate::graph::Kind::Bitcast`].
pub struct Bitcast(pub DType);

impl Rules for Bitcast {
    fn name(&self) -> &'static str {
        "bitcast"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let [x] = arity(self.name(), operands)?;
        if x.dtype.size_bytes() != self.0.size_bytes() || self.0 == DType::Bool {
            let what = format!("expected a number of {} bytes, got {} to {}", x.dtype.size_bytes(), x.dtype, self.0);
            return Err(Error::dtype(self.name(), what));
        }
        Ok(Type::new(self.0, x.shape.clone()))
    }

    fn evaluate(&self, operands: &[&Tensor], out: &Realised) -> Result<Tensor> {
        let [x] = arity(self.name(), operands)?;
        Tensor::try_new(out.dtype, out.shape, x.buffer().clone())
    }

    fn jvp(&self, _: &mut Graph, _: &Site, _: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        Ok(None)
    }

    fn batch(&self, g: &mut Graph, operands: &[Batched], size: &Dim) -> Result<NodeId> {
        batch_elementwise(g, Kind::Bitcast(self.0), operands, size)
    }
}

#[cfg(test)]
pub mod rows {
    use crate::dtype::DType;
    use crate::ops::proof::{Row, words};

    pub fn rows() -> Vec<Row> {
        let bits = words(&[1.5f64.to_bits(), (-2.0f64).to_bits()]);
        vec![
            Row::new("bitcast", "to a float", [bits], |g, x| g.bitcast(x[0], DType::F64)).expect(&[1.5, -2.0]),
            Row::new("bitcast", "there and back", [words(&[7, u64::MAX])], |g, x| {
                let signed = g.bitcast(x[0], DType::I64)?;
                g.bitcast(signed, DType::U64)
            }),
        ]
    }
}
