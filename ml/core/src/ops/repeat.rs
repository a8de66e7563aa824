//! `Loop`: a body applied a known number of times to what it carries. The node is one of the values carried to the end;
//! nodes of one loop that differ in that alone run together.
//!
//! Its reverse rule (`reverse`) saves of each step what the step's derivative reads, and goes through the steps again from
//! the last to the first. `Graph::repeat_recomputed` saves less and computes it again.

mod reverse;

use std::sync::Arc;

use smallvec::SmallVec;

use super::steps::{self, Moving};
use super::{Batched, Linear, Realised, Rules, Site};
use crate::error::Result;
use crate::graph::{Graph, Kind, Loop, NodeId, Type};
use crate::shape::Dim;
use crate::tensor::Tensor;
use crate::transform;

/// The rules of [`crate::graph::Kind::Loop`].
pub struct Repeat<'a>(pub &'a Loop);

impl Rules for Repeat<'_> {
    fn name(&self) -> &'static str {
        "loop"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        steps::carried_type(self.name(), &self.0.body, operands, self.0.result)
    }

    fn evaluate(&self, operands: &[&Tensor], _: &Realised) -> Result<Tensor> {
        let (carried, constants) = operands.split_at(self.0.carries());
        let mut carried: Vec<Tensor> = carried.iter().map(|&x| x.clone()).collect();
        for step in 0..self.0.count {
            carried = steps::evaluated(&self.0.body, step, &carried, constants)?;
        }
        Ok(carried.swap_remove(self.0.result))
    }

    /// The loop of values and tangents together.
    fn jvp(&self, g: &mut Graph, at: &Site, tangents: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        let carries = self.0.carries();
        let moving = Moving::of(&self.0.body, tangents)?;
        let Some(place) = moving.carried.iter().position(|&i| i == self.0.result) else { return Ok(None) };
        let operands = moving.operands(g, at.operands, tangents, carries)?;
        let joint = Loop { body: moving.joint(&self.0.body)?, count: self.0.count, result: carries + place };
        g.apply(Kind::Loop(Arc::new(joint)), &operands).map(Some)
    }

    fn transpose(&self, g: &mut Graph, at: &Linear, cotangent: NodeId) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        self.transpose_all(g, at, &[(self.0.result, cotangent)])
    }

    fn transpose_all(&self, g: &mut Graph, at: &Linear, cotangents: &[(usize, NodeId)]) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        reverse::Reverse::of(self.0, at)?.run(g, at, cotangents)
    }

    fn batch(&self, g: &mut Graph, operands: &[Batched], size: &Dim) -> Result<NodeId> {
        let carries = self.0.carries();
        let body = transform::vmap(&self.0.body, &steps::batched_axes(operands, carries), size)?;
        let nodes = steps::batched_operands(g, operands, carries, size)?;
        g.apply(Kind::Loop(Arc::new(Loop { body, ..*self.0 })), &nodes)
    }
}

#[cfg(test)]
pub mod rows {
    use crate::graph::{Graph, NodeId};
    use crate::ops::proof::{Row, floats, others};

    /// x and v of a swinging thing, with a factor that every step uses.
    fn swing(g: &mut Graph, x: &[NodeId], result: usize) -> crate::Result<NodeId> {
        let ends = g.repeat(3, &[x[0], x[1]], &[x[2]], |g, step, carried, constants| {
            let dtype = g.ty(carried[0]).dtype;
            let (time, tenth) = (g.cast(step, dtype)?, g.scalar(dtype, 0.1)?);
            let (sine, kick) = (g.sin(carried[0])?, g.mul(time, tenth)?);
            let pull = g.mul(sine, constants[0])?;
            let change = g.add(pull, kick)?;
            let v = g.sub(carried[1], change)?;
            let far = g.mul(v, tenth)?;
            Ok(vec![g.add(carried[0], far)?, v])
        })?;
        Ok(ends[result])
    }

    /// The running products of the rows of x[0], from x[1], and the sum of their sines in the last.
    fn rows_of_products(g: &mut Graph, x: &[NodeId]) -> crate::Result<NodeId> {
        let (ends, rows) = g.repeat_stacked(3, &[x[1]], &[x[0]], &[], |g, step| {
            let next = g.mul(step.carried[0], step.rows[0])?;
            Ok((vec![next], vec![g.sin(next)?]))
        })?;
        let end = g.insert_axis(ends[0], 0)?;
        g.concat(&[rows[0], end], 0)
    }

    pub fn rows() -> Vec<Row> {
        let arguments = || [floats(&[2]), others(&[2]), floats(&[2])];
        vec![
            Row::new("loop", "of two values, the first", arguments(), |g, x| swing(g, x, 0)).wide(),
            Row::new("loop", "of two values, the second", arguments(), |g, x| swing(g, x, 1)).wide(),
            Row::new("loop", "of two values, both", arguments(), |g, x| {
                let (first, second) = (swing(g, x, 0)?, swing(g, x, 1)?);
                g.mul(first, second)
            })
            .wide(),
            Row::new("loop", "of a product with a constant", [floats(&[2, 2]), others(&[2, 1])], |g, x| {
                Ok(g.repeat(3, &[x[1]], &[x[0]], |g, _, carried, constants| Ok(vec![g.matmul(constants[0], carried[0])?]))?[0])
            })
            .wide(),
            Row::new("loop", "over rows, with a row for each step", [floats(&[3, 2]), others(&[2])], rows_of_products).wide(),
            Row::new("loop", "computed again", [floats(&[2]), others(&[2])], |g, x| {
                Ok(g.repeat_recomputed(5, 2, &[x[0]], &[x[1]], |g, step, carried, constants| {
                    let (dtype, sine) = (g.ty(carried[0]).dtype, g.sin(carried[0])?);
                    let (time, product) = (g.cast(step, dtype)?, g.mul(sine, constants[0])?);
                    let scaled = g.scaled_by(time, 0.1)?;
                    Ok(vec![g.add(product, scaled)?])
                })?[0])
            })
            .wide(),
            Row::new("loop", "in a loop", [floats(&[2]), others(&[2])], |g, x| {
                Ok(g.repeat(2, &[x[0]], &[x[1]], |g, _, carried, constants| {
                    g.repeat(2, carried, constants, |g, _, carried, constants| {
                        let sine = g.sin(carried[0])?;
                        Ok(vec![g.mul(sine, constants[0])?])
                    })
                })?[0])
            })
            .wide(),
            Row::new("loop", "with a choice that it carries", [floats(&[3])], |g, x| {
                // Each step takes the largest that is left: the mask is made of what has a slope, and has none.
                let ones = g.full_like(x[0], 1.0)?;
                let total = g.scalar(g.ty(x[0]).dtype, 0.0)?;
                let ends = g.repeat(2, &[total, ones, x[0]], &[], |g, _, carried, _| {
                    let (low, zero) = (g.scalar_like(carried[2], -9.0)?, g.scalar_like(carried[1], 0.0)?);
                    let is_left = g.gt(carried[1], zero)?;
                    let candidates = g.select(is_left, carried[2], low)?;
                    let place = g.argmax(candidates, 0)?;
                    let hot = g.one_hot(place, &3.into(), g.ty(carried[1]).dtype)?;
                    let (left, weighted) = (g.sub(carried[1], hot)?, g.mul(hot, carried[2])?);
                    let masked = g.mul(left, carried[2])?;
                    let (taken, bent) = (g.sum_all(weighted)?, g.sin(masked)?);
                    Ok(vec![g.add(carried[0], taken)?, left, bent])
                })?;
                let rest = g.sum_all(ends[2])?;
                g.mul(ends[0], rest)
            })
            .wide(),
            Row::new("loop", "without a step", [floats(&[2])], |g, x| {
                Ok(g.repeat(0, &[x[0]], &[], |g, _, carried, _| Ok(vec![g.exp(carried[0])?]))?[0])
            }),
        ]
    }
}
