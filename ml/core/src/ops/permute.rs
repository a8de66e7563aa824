//! `Permute`: axes in another order.

use smallvec::SmallVec;

use super::{Batched, Linear, Realised, Rules, Site, arity, moves, only, shifted};
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId, Type};
use crate::shape::{Dim, Shape};
use crate::tensor::Tensor;

/// The rules of [`crate::graph::Kind::Permute`].
pub struct Permute<'a>(pub &'a [usize]);

impl Rules for Permute<'_> {
    fn name(&self) -> &'static str {
        "permute"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let [x] = arity(self.name(), operands)?;
        let mut sorted: Vec<usize> = self.0.to_vec();
        sorted.sort_unstable();
        if sorted.iter().copied().ne(0..x.shape.rank()) {
            return Err(Error::shape(
                self.name(),
                format!("expected a permutation of the axes of {}, got {:?}", x.shape, self.0),
            ));
        }
        Ok(Type::new(x.dtype, Shape::new(self.0.iter().map(|&axis| x.shape.dims()[axis].clone()))))
    }

    fn evaluate(&self, operands: &[&Tensor], out: &Realised) -> Result<Tensor> {
        let [x] = arity(self.name(), operands)?;
        let own = moves::strides(x.shape());
        let strides: Vec<usize> = self.0.iter().map(|&axis| own[axis]).collect();
        moves::moved(x, out, |index| Some(moves::offset(index, &strides)))
    }

    fn jvp(&self, g: &mut Graph, _: &Site, tangents: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        tangents[0].map(|t| g.permute(t, self.0)).transpose()
    }

    fn transpose(&self, g: &mut Graph, _: &Linear, cotangent: NodeId) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        g.permute(cotangent, &inverse(self.0)).map(only)
    }

    fn batch(&self, g: &mut Graph, operands: &[Batched], _: &Dim) -> Result<NodeId> {
        let mut perm = shifted(self.0);
        perm.insert(0, 0);
        g.permute(operands[0].node, &perm)
    }
}

/// The permutation that undoes this one.
pub(crate) fn inverse(perm: &[usize]) -> Vec<usize> {
    let mut inverse = vec![0; perm.len()];
    perm.iter().enumerate().for_each(|(to, &from)| inverse[from] = to);
    inverse
}

#[cfg(test)]
pub mod rows {
    use crate::ops::proof::{Row, floats};

    pub fn rows() -> Vec<Row> {
        vec![
            Row::new("permute", "rotate", [floats(&[2, 3, 2])], |g, x| g.permute(x[0], &[2, 0, 1])),
            Row::new("permute", "swap", [floats(&[2, 3])], |g, x| g.transpose(x[0])),
        ]
    }
}
