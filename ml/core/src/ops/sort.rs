//! `Sort`: the places that put each line along an axis in order. It carries no derivative: pick by it instead, and the
//! derivative is that of the picking.

use std::cmp::Ordering;

use super::wide::{self, Wide};
use super::{Batched, Realised, Rules, Site, arity, check_axis, moves};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Graph, Kind, NodeId, Type};
use crate::shape::Dim;
use crate::tensor::Tensor;

/// The rules of [`crate::graph::Kind::Sort`].
pub struct Sort {
    pub axis: usize,
    pub descending: bool,
}

impl Rules for Sort {
    fn name(&self) -> &'static str {
        "sort"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let [x] = arity(self.name(), operands)?;
        check_axis(self.name(), self.axis, &x.shape)?;
        Ok(Type::new(DType::I64, x.shape.clone()))
    }

    fn evaluate(&self, operands: &[&Tensor], out: &Realised) -> Result<Tensor> {
        let [x] = arity(self.name(), operands)?;
        let values = wide::decode(x);
        let size = x.shape()[self.axis];
        let strides = moves::strides(x.shape());
        let step = strides[self.axis];
        let mut lines = x.shape().to_vec();
        lines[self.axis] = 1;
        let mut order = vec![0i64; x.len()];
        moves::for_each_index(&lines, |index| {
            let base = moves::offset(index, &strides);
            let mut places: Vec<usize> = (0..size).collect();
            places.sort_by(|&i, &j| self.compare(&values, base + i * step, base + j * step)); // stable
            places.into_iter().enumerate().for_each(|(k, place)| order[base + k * step] = place as i64);
        });
        Tensor::from_vec(out.shape, order)
    }

    fn jvp(&self, _: &mut Graph, _: &Site, _: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        Ok(None)
    }

    fn batch(&self, g: &mut Graph, operands: &[Batched], _: &Dim) -> Result<NodeId> {
        g.argsort(operands[0].node, self.axis + 1, self.descending)
    }
}

impl Sort {
    fn compare(&self, values: &Wide, i: usize, j: usize) -> Ordering {
        let ascending = match values {
            Wide::Float(v) => of_floats(v[i], v[j]),
            Wide::Int(v) => v[i].cmp(&v[j]),
        };
        if self.descending { ascending.reverse() } else { ascending }
    }
}

/// NaN counts as largest.
fn of_floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

impl Graph {
    /// The places (i64) that put each line along `axis` in order. Errors: `Shape` if `axis` >= rank.
    pub fn argsort(&mut self, x: NodeId, axis: usize, descending: bool) -> Result<NodeId> {
        self.apply(Kind::Sort { axis, descending }, &[x])
    }

    /// Each line along `axis` in order; a NaN counts as largest. Errors: `Shape` if `axis` >= rank.
    pub fn sort(&mut self, x: NodeId, axis: usize, descending: bool) -> Result<NodeId> {
        let places = self.argsort(x, axis, descending)?;
        self.take_along(x, places, axis)
    }

    /// The `count` largest (or smallest) of each line along `axis`, in order, and their places (i64).
    /// Errors: `Shape` if `axis` >= rank or `count` is more than its size.
    pub fn top_k(&mut self, x: NodeId, axis: usize, count: usize, largest: bool) -> Result<(NodeId, NodeId)> {
        let shape = self.ty(x).shape.clone();
        let size = shape.dims().get(axis).ok_or_else(|| Error::shape("top_k", format!("axis {axis} of {shape}")))?;
        if size.as_fixed().is_some_and(|n| n < count) {
            return Err(Error::shape("top_k", format!("expected at most {size} of axis {axis}, got {count}")));
        }
        let order = self.argsort(x, axis, largest)?;
        let places = self.slice_axis(order, axis, 0, Dim::fixed(count))?;
        Ok((self.take_along(x, places, axis)?, places))
    }
}

#[cfg(test)]
pub mod rows {
    use crate::ops::proof::{Row, floats, given};

    pub fn rows() -> Vec<Row> {
        let odd = || given(&[2.0, f64::NAN, -1.0, 2.0, 0.0, -0.0]);
        vec![
            Row::new("sort", "places", [odd()], |g, x| g.argsort(x[0], 0, false)).expect(&[2., 4., 5., 0., 3., 1.]),
            Row::new("sort", "places downwards", [odd()], |g, x| g.argsort(x[0], 0, true)).expect(&[1., 0., 3., 4., 5., 2.]),
            Row::new("sort", "values along the first axis", [floats(&[4, 2])], |g, x| g.sort(x[0], 0, false)),
            Row::new("sort", "largest values", [floats(&[2, 4])], |g, x| Ok(g.top_k(x[0], 1, 2, true)?.0)),
        ]
    }
}
