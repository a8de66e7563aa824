//! `While`: a body applied to what it carries as long as a condition holds. Forward mode only: a reverse rule would have to
//! save a number of steps that nobody knows when memory is planned.

use std::sync::Arc;

use smallvec::SmallVec;

use super::steps::{self, Moving};
use super::{Batched, Linear, Realised, Rules, Site, no_rule};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Function, Graph, Kind, NodeId, ReduceOp, Type, While};
use crate::shape::{Dim, Shape};
use crate::tensor::Tensor;
use crate::transform;

/// The rules of [`crate::graph::Kind::While`].
pub struct RepeatWhile<'a>(pub &'a While);

impl Rules for RepeatWhile<'_> {
    fn name(&self) -> &'static str {
        "while"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let step = steps::step_type();
        let all: Vec<&Type> = std::iter::once(&step).chain(operands.iter().copied()).collect();
        self.0.condition.unify(self.name(), &all)?;
        let holds: Vec<&Type> = self.0.condition.output_types().collect();
        if !matches!(holds[..], [ty] if ty.dtype == DType::Bool && ty.shape.rank() == 0) {
            let got: Vec<String> = holds.iter().map(|ty| ty.to_string()).collect();
            return Err(Error::shape(self.name(), format!("expected a condition of bool[], got {}", got.join(", "))));
        }
        steps::carried_type(self.name(), &self.0.body, operands, self.0.result)
    }

    fn evaluate(&self, operands: &[&Tensor], _: &Realised) -> Result<Tensor> {
        let (carried, constants) = operands.split_at(self.0.carries());
        let mut carried: Vec<Tensor> = carried.iter().map(|&x| x.clone()).collect();
        for step in 0.. {
            let holds = steps::evaluated(&self.0.condition, step, &carried, constants)?;
            if holds.first().is_none_or(|holds| holds.buffer().as_slice() == [0]) {
                break;
            }
            self.0.check_limit(step)?;
            carried = steps::evaluated(&self.0.body, step, &carried, constants)?;
        }
        Ok(carried.swap_remove(self.0.result))
    }

    /// The loop of values and tangents together, as long as the condition holds of the values.
    fn jvp(&self, g: &mut Graph, at: &Site, tangents: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        let carries = self.0.carries();
        let moving = Moving::of(&self.0.body, tangents)?;
        let Some(place) = moving.carried.iter().position(|&i| i == self.0.result) else { return Ok(None) };
        let operands = moving.operands(g, at.operands, tangents, carries)?;
        let condition = moving.widened(&self.0.condition, &self.0.body)?;
        let body = moving.joint(&self.0.body)?;
        let joint = While { condition, body, limit: self.0.limit, result: carries + place };
        g.apply(Kind::While(Arc::new(joint)), &operands).map(Some)
    }

    fn transpose(&self, _: &mut Graph, _: &Linear, _: NodeId) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        let hint = "use `repeat` with the largest number of steps, and `select` what is done; or forward mode (jvp)";
        Err(no_rule(self.name(), "transpose").hint(hint))
    }

    /// Goes on while it does for any entry; entries that are done keep their values.
    fn batch(&self, g: &mut Graph, operands: &[Batched], size: &Dim) -> Result<NodeId> {
        let carries = self.0.carries();
        let axes = steps::batched_axes(operands, carries);
        let each = transform::vmap(&self.0.condition, &axes, size)?;
        let next = transform::vmap(&self.0.body, &axes, size)?;
        let nodes = steps::batched_operands(g, operands, carries, size)?;
        let condition = any_of(&each)?;
        let body = held_where_done(&each, &next)?;
        g.apply(Kind::While(Arc::new(While { condition, body, ..*self.0 })), &nodes)
    }
}

impl While {
    /// Errors: `Execution` if as many steps as allowed are done.
    pub fn check_limit(&self, steps: usize) -> Result<()> {
        check_limit(steps, self.limit)
    }
}

/// Errors: `Execution` if as many steps as allowed are done.
pub fn check_limit(steps: usize, limit: usize) -> Result<()> {
    if steps < limit {
        return Ok(());
    }
    let what = format!("its condition still holds after {limit} steps, the limit");
    Err(Error::execution("while", what).hint("does each step come nearer to its end? Else raise the limit"))
}

/// A graph with the arguments of a function.
fn with_arguments(function: &Function) -> (Graph, Vec<NodeId>) {
    let mut g = function.graph.nested();
    let types: Vec<Type> = function.argument_types().cloned().collect();
    let x = types.into_iter().enumerate().map(|(n, ty)| g.input(&format!("x{n}"), ty)).collect();
    (g, x)
}

fn any_of(each: &Function) -> Result<Function> {
    let (mut g, x) = with_arguments(each);
    let holds = g.inline(each, &x)?[0]; // [B]
    let any = g.reduce(ReduceOp::Any, holds, &[0])?;
    Function::new(g, vec![any])
}

fn held_where_done(each: &Function, next: &Function) -> Result<Function> {
    let (mut g, x) = with_arguments(next);
    let holds = g.inline(each, &x)?[0]; // [B]
    let next = g.inline(next, &x)?;
    let mut outputs = Vec::with_capacity(next.len());
    for (i, &value) in next.iter().enumerate() {
        let condition = entry_column(&mut g, holds, value)?;
        outputs.push(g.apply(Kind::Select, &[condition, value, x[i + 1]])?);
    }
    Function::new(g, outputs)
}

/// A number for each entry [B], repeated over what each entry has in `like`: [B, ..].
pub(super) fn entry_column(g: &mut Graph, entries: NodeId, like: NodeId) -> Result<NodeId> {
    let shape = g.ty(like).shape.clone();
    let ones = std::iter::repeat_n(Dim::fixed(1), shape.rank() - 1);
    let column = g.reshape(entries, &Shape::new(shape.dims()[..1].iter().cloned().chain(ones)))?;
    g.expand(column, &shape)
}

#[cfg(test)]
pub mod rows {
    use crate::graph::{Graph, NodeId};
    use crate::ops::proof::{Row, floats, others};

    /// Doubled until the sum of squares is above 30, the limit being carried too.
    fn doubled(g: &mut Graph, x: &[NodeId]) -> crate::Result<NodeId> {
        let ends = g.repeat_while(
            100,
            &[x[0]],
            &[x[1]],
            |g, _, carried, _| {
                let (square, bound) = (g.mul(carried[0], carried[0])?, g.scalar_like(carried[0], 30.0)?);
                let size = g.sum_all(square)?;
                g.lt(size, bound)
            },
            |g, step, carried, constants| {
                let (dtype, twice) = (g.ty(carried[0]).dtype, g.scaled_by(carried[0], 2.0)?);
                let (time, product) = (g.cast(step, dtype)?, g.mul(twice, constants[0])?);
                let (pull, kick) = (g.sin(product)?, g.scaled_by(time, 0.01)?);
                let moved = g.add(twice, kick)?;
                Ok(vec![g.add(moved, pull)?])
            },
        )?;
        Ok(ends[0])
    }

    pub fn rows() -> Vec<Row> {
        vec![
            Row::new("while", "until it is large", [floats(&[2]), others(&[2])], doubled).wide().forward_only(),
            Row::new("while", "that never begins", [floats(&[2])], |g, x| {
                let never = |g: &mut Graph, step: NodeId, _: &[NodeId], _: &[NodeId]| g.lt(step, step);
                Ok(g.repeat_while(1, &[x[0]], &[], never, |g, _, carried, _| Ok(vec![g.exp(carried[0])?]))?[0])
            })
            .forward_only(),
        ]
    }
}
