//! `DynUpdate`: an array with a part of an axis replaced, from a start known at run time. A back end may write the part
//! over the array itself, where nobody else needs that: caches of keys and values, rows that a loop fills one by one.

use smallvec::SmallVec;

use super::dyn_slice::{check_start, first_index, place};
use super::{Batched, Linear, Realised, Rules, Site, arity, check_axis, check_same_dtype, moves, with_batch};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Graph, Kind, NodeId, Type};
use crate::shape::{Dim, Shape};
use crate::tensor::Tensor;

/// The rules of [`crate::graph::Kind::DynUpdate`].
pub struct DynUpdate {
    pub axis: usize,
}

impl Rules for DynUpdate {
    fn name(&self) -> &'static str {
        "dyn_update"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let [x, part, start] = arity(self.name(), operands)?;
        check_axis(self.name(), self.axis, &x.shape)?;
        check_start(self.name(), start)?;
        check_same_dtype(self.name(), x, part)?;
        if part.shape.rank() != x.shape.rank() || part.shape.without(&[self.axis]) != x.shape.without(&[self.axis]) {
            let what = format!("expected a part of {} in all but axis {}, got {}", x.shape, self.axis, part.shape);
            return Err(Error::shape(self.name(), what));
        }
        Ok((*x).clone())
    }

    fn evaluate(&self, operands: &[&Tensor], out: &Realised) -> Result<Tensor> {
        let [x, part, start] = arity(self.name(), operands)?;
        let (strides, width) = (moves::strides(x.shape()), out.dtype.size_bytes());
        let start = first_index(start)?;
        let (mut bytes, news) = (x.buffer().as_slice().to_vec(), part.buffer().as_slice());
        let mut from = 0;
        moves::for_each_index(part.shape(), |index| {
            if let Some(at) = place(start, index[self.axis], x.shape()[self.axis]) {
                let others = moves::offset(index, &strides) - index[self.axis] * strides[self.axis];
                let to = (others + at * strides[self.axis]) * width;
                bytes[to..to + width].copy_from_slice(&news[from..from + width]);
            }
            from += width;
        });
        let mut aligned = arrow_buffer::MutableBuffer::with_capacity(bytes.len());
        aligned.extend_from_slice(&bytes);
        Tensor::try_new(out.dtype, out.shape, aligned.into())
    }

    fn jvp(&self, g: &mut Graph, at: &Site, tangents: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        let mut or_zeros = |i: usize| tangents[i].map_or_else(|| g.full_like(at.operands[i], 0.0), Ok);
        let (x, part) = (or_zeros(0)?, or_zeros(1)?);
        g.dyn_update(x, part, at.operands[2], self.axis).map(Some)
    }

    fn transpose(&self, g: &mut Graph, at: &Linear, cotangent: NodeId) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        let [_, part, start] = *arity(self.name(), at.operands)?;
        let size = g.ty(part).shape.dims()[self.axis].clone();
        let of_x = at.linear[0].then(|| {
            let nothing = g.full_like(part, 0.0)?;
            g.dyn_update(cotangent, nothing, start, self.axis)
        });
        let of_x = of_x.transpose()?;
        let of_part = at.linear[1].then(|| g.dyn_slice(cotangent, start, self.axis, &size)).transpose()?;
        Ok(SmallVec::from_iter([of_x, of_part, None]))
    }

    /// Entries that start at different places are picked by index, the element of `x` or of the part.
    fn batch(&self, g: &mut Graph, operands: &[Batched], size: &Dim) -> Result<NodeId> {
        let [x, part, start] = operands else { return Err(Error::internal(self.name(), "three operands")) };
        let (x, part) = (with_batch(g, x, size)?, with_batch(g, part, size)?);
        if !start.batched {
            return g.dyn_update(x, part, start.node, self.axis + 1);
        }
        let (axis, shape) = (self.axis + 1, g.ty(x).shape.clone());
        let length = g.ty(part).shape.dims()[axis].clone();
        let position = g.iota(DType::I64, &Shape::new([shape.dims()[axis].clone()]), 0)?;
        let start = g.insert_axis(start.node, 1)?;
        let places = g.sub(position, start)?; // [B, n], of the part
        let ones = |count| std::iter::repeat_n(Dim::fixed(1), count);
        let dims = [size.clone()].into_iter().chain(ones(axis - 1)).chain([shape.dims()[axis].clone()]);
        let column = g.reshape(places, &Shape::new(dims.chain(ones(shape.rank() - axis - 1))))?;
        let places = g.expand(column, &shape)?;
        let spread = g.take_along(part, places, axis)?;
        let (length, zero) = (g.dim_value(DType::I64, &length)?, g.scalar(DType::I64, 0.0)?);
        let (low, high) = (g.ge(places, zero)?, g.lt(places, length)?);
        let inside = g.and(low, high)?;
        g.apply(Kind::Select, &[inside, spread, x])
    }
}

#[cfg(test)]
pub mod rows {
    use crate::ops::proof::{Row, floats, given, ints, others};

    pub fn rows() -> Vec<Row> {
        let start = |at| ints(&[], &[at]);
        vec![
            Row::new("dyn_update", "first axis", [floats(&[4, 2]), others(&[2, 2]), start(1)], |g, x| {
                g.dyn_update(x[0], x[1], x[2], 0)
            }),
            Row::new("dyn_update", "middle axis", [floats(&[2, 4, 2]), others(&[2, 1, 2]), start(3)], |g, x| {
                let square = g.mul(x[1], x[1])?;
                g.dyn_update(x[0], square, x[2], 1)
            }),
            Row::new("dyn_update", "of an array that is written over itself", [floats(&[3]), start(1)], |g, x| {
                let part = g.slice_axis(x[0], 0, 0, 2.into())?;
                g.dyn_update(x[0], part, x[1], 0)
            }),
            Row::new("dyn_update", "drops what leaves", [given(&[1., 2., 3.]), given(&[8., 9.]), start(2)], |g, x| {
                g.dyn_update(x[0], x[1], x[2], 0)
            })
            .expect(&[1., 2., 8.])
            .slopes(&[1., 1., 0., 1., 0.]),
            Row::new("dyn_update", "drops what is before", [given(&[1., 2.]), given(&[8., 9.]), start(-1)], |g, x| {
                g.dyn_update(x[0], x[1], x[2], 0)
            })
            .expect(&[9., 2.]),
        ]
    }
}
