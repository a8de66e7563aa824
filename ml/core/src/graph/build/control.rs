//! Loops and choices, whose bodies are functions of their own: what they use of this graph must be given to them.

use std::sync::Arc;

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Cond, Function, Graph, Kind, Loop, NodeId, Type, While};
use crate::shape::{Dim, Shape};

/// What the body of [`Graph::repeat_stacked`] is given.
#[derive(Debug, Clone, Copy)]
pub struct StackedStep<'a> {
    /// The step's number, i64 [], from 0.
    pub number: NodeId,
    /// The values carried so far.
    pub carried: &'a [NodeId],
    /// This step's row of each array of rows.
    pub rows: &'a [NodeId],
    /// The constants.
    pub constants: &'a [NodeId],
}

impl Graph {
    /// `body` applied `count` times to the `carried` values: from the step's number (i64, from 0), the values carried and the
    /// `constants` it gives the next values, of the same types. Gives the last ones. A compiled program holds one step and
    /// runs it `count` times. Reverse mode saves of each step what its derivative reads.
    /// Errors: `Shape` or `DType` if a step changes a type; whatever the body's builders say.
    pub fn repeat(
        &mut self,
        count: usize,
        carried: &[NodeId],
        constants: &[NodeId],
        body: impl FnOnce(&mut Graph, NodeId, &[NodeId], &[NodeId]) -> Result<Vec<NodeId>>,
    ) -> Result<Vec<NodeId>> {
        let body = self.step_function(carried, constants, body)?;
        check_carried("loop", &body, carried.len())?;
        let operands = joined(carried, constants);
        let of = |result: usize| Kind::Loop(Arc::new(Loop { body: body.clone(), count, result }));
        (0..carried.len()).map(|result| self.apply(of(result), &operands)).collect()
    }

    /// As [`Graph::repeat`], but reverse mode saves only what every `every`-th step begins with, and computes the steps
    /// between again: with the square root of `count`, memory for twice its square root of steps, and one more pass forward.
    /// Errors: as for [`Graph::repeat`]; `Plan` if `every` is 0.
    pub fn repeat_recomputed(
        &mut self,
        count: usize,
        every: usize,
        carried: &[NodeId],
        constants: &[NodeId],
        body: impl FnOnce(&mut Graph, NodeId, &[NodeId], &[NodeId]) -> Result<Vec<NodeId>>,
    ) -> Result<Vec<NodeId>> {
        if every == 0 {
            return Err(Error::plan("loop", "expected a positive number of steps between those that are saved, got 0"));
        }
        let body = self.step_function(carried, constants, body)?;
        check_carried("loop", &body, carried.len())?;
        let chunk = |g: &mut Graph, steps: usize, first: NodeId, carried: &[NodeId], constants: &[NodeId]| {
            let given = joined(&[first], constants);
            g.repeat(steps, carried, &given, |g, step, carried, given| {
                let number = g.add(given[0], step)?;
                g.inline(&body, &joined(&[number], &joined(carried, &given[1..])))
            })
        };
        let ends = self.repeat(count / every, carried, constants, |g, step, carried, constants| {
            let length = g.constant(crate::Tensor::scalar(every as i64));
            let first = g.mul(step, length)?;
            chunk(g, every, first, carried, constants)
        })?;
        let first = self.constant(crate::Tensor::scalar((count - count % every) as i64));
        chunk(self, count % every, first, &ends, constants)
    }

    /// As [`Graph::repeat`], over `rows`: arrays [count, ..] of which each step is given its own row. The body gives the
    /// next carried values and further results; of these all steps' come out stacked: [count, ..] each.
    /// Errors: as for [`Graph::repeat`]; `Shape` if `rows` are not `count`.
    pub fn repeat_stacked(
        &mut self,
        count: usize,
        carried: &[NodeId],
        rows: &[NodeId],
        constants: &[NodeId],
        body: impl FnOnce(&mut Graph, StackedStep) -> Result<(Vec<NodeId>, Vec<NodeId>)>,
    ) -> Result<(Vec<NodeId>, Vec<NodeId>)> {
        for &x in rows {
            let shape = &self.ty(x).shape;
            if shape.dims().first() != Some(&Dim::fixed(count)) {
                return Err(Error::shape("loop", format!("expected rows for {count} steps, got {shape}")));
            }
        }
        let given = joined(rows, constants);
        let mut kept = 0;
        let step = self.step_function(carried, &given, |g, number, carried, given| {
            let (rows, constants) = given.split_at(rows.len());
            let rows = rows.iter().map(|&x| row(g, x, number)).collect::<Result<Vec<_>>>()?;
            let (next, each) = body(g, StackedStep { number, carried, rows: &rows, constants })?;
            kept = next.len();
            Ok(joined(&next, &each))
        })?;
        if kept != carried.len() {
            return Err(Error::shape("loop", format!("expected {} values after a step, got {kept}", carried.len())));
        }
        let mut start = carried.to_vec();
        for ty in step.output_types().skip(kept) {
            start.push(self.zeros(&Type::new(ty.dtype, ty.shape.insert(0, Dim::fixed(count))))?);
        }
        let mut ends = self.repeat(count, &start, &given, |g, number, carried, given| {
            let (own, stacks) = carried.split_at(kept);
            let mut next = g.inline(&step, &joined(&[number], &joined(own, given)))?;
            for (value, &stack) in next[kept..].iter_mut().zip(stacks) {
                let row = g.insert_axis(*value, 0)?;
                *value = g.dyn_update(stack, row, number, 0)?;
            }
            Ok(next)
        })?;
        let stacked = ends.split_off(kept);
        Ok((ends, stacked))
    }

    /// `body` applied to the `carried` values as long as `condition` gives true of them (bool []), both of the step's number
    /// (i64, from 0), the values carried and the `constants`. Gives the last values. Forward mode only. A run in which the
    /// condition still holds after `limit` steps fails: it is an error, not an endless loop.
    /// Errors: as for [`Graph::repeat`]; `Shape` if the condition is not one bool.
    pub fn repeat_while(
        &mut self,
        limit: usize,
        carried: &[NodeId],
        constants: &[NodeId],
        condition: impl FnOnce(&mut Graph, NodeId, &[NodeId], &[NodeId]) -> Result<NodeId>,
        body: impl FnOnce(&mut Graph, NodeId, &[NodeId], &[NodeId]) -> Result<Vec<NodeId>>,
    ) -> Result<Vec<NodeId>> {
        let one =
            |g: &mut Graph, step, carried: &[NodeId], constants: &[NodeId]| Ok(vec![condition(g, step, carried, constants)?]);
        let condition = self.step_function(carried, constants, one)?;
        let body = self.step_function(carried, constants, body)?;
        check_carried("while", &body, carried.len())?;
        let operands = joined(carried, constants);
        let of = |result| While { condition: condition.clone(), body: body.clone(), limit, result };
        (0..carried.len()).map(|result| self.apply(Kind::While(Arc::new(of(result))), &operands)).collect()
    }

    /// What `on_true` or `on_false` makes of the operands, as `condition` (bool []) says when it is run; only that one is.
    /// Both give results of the same types.
    /// Errors: `Shape` if they do not, or the condition is not one bool; whatever their builders say.
    pub fn cond(
        &mut self,
        condition: NodeId,
        operands: &[NodeId],
        on_true: impl FnOnce(&mut Graph, &[NodeId]) -> Result<Vec<NodeId>>,
        on_false: impl FnOnce(&mut Graph, &[NodeId]) -> Result<Vec<NodeId>>,
    ) -> Result<Vec<NodeId>> {
        let branches = [self.function_over(operands, on_true)?, self.function_over(operands, on_false)?];
        let [yes, no] = [&branches[0], &branches[1]].map(|branch| branch.outputs.len());
        if yes != no {
            return Err(Error::shape("cond", format!("expected as many results of both branches, got {yes} and {no}")));
        }
        let operands = joined(&[condition], operands);
        let of = |result| Cond { branches: branches.clone(), result };
        (0..yes).map(|result| self.apply(Kind::Cond(Arc::new(of(result))), &operands)).collect()
    }

    /// The function of a step that `body` builds.
    fn step_function(
        &self,
        carried: &[NodeId],
        constants: &[NodeId],
        body: impl FnOnce(&mut Graph, NodeId, &[NodeId], &[NodeId]) -> Result<Vec<NodeId>>,
    ) -> Result<Function> {
        let mut inner = self.nested();
        let step = inner.input("step", Type::new(DType::I64, Shape::scalar()));
        let arguments = self.arguments_like(&mut inner, &joined(carried, constants));
        let (own, given) = arguments.split_at(carried.len());
        let next = body(&mut inner, step, own, given)?;
        Function::new(inner, next)
    }

    /// The function of arguments of the operands' types that `body` builds.
    pub(crate) fn function_over(
        &self,
        operands: &[NodeId],
        body: impl FnOnce(&mut Graph, &[NodeId]) -> Result<Vec<NodeId>>,
    ) -> Result<Function> {
        let mut inner = self.nested();
        let arguments = self.arguments_like(&mut inner, operands);
        let outputs = body(&mut inner, &arguments)?;
        Function::new(inner, outputs)
    }

    fn arguments_like(&self, inner: &mut Graph, operands: &[NodeId]) -> Vec<NodeId> {
        operands.iter().enumerate().map(|(i, &x)| inner.input(&format!("x{i}"), self.ty(x).clone())).collect()
    }
}

fn joined(a: &[NodeId], b: &[NodeId]) -> Vec<NodeId> {
    [a, b].concat()
}

fn check_carried(op: &str, body: &Function, expected: usize) -> Result<()> {
    if body.outputs.len() == expected {
        return Ok(());
    }
    Err(Error::shape(op, format!("expected {expected} values after a step, got {}", body.outputs.len())))
}

/// Row `number` of `x`.
fn row(g: &mut Graph, x: NodeId, number: NodeId) -> Result<NodeId> {
    let shape = g.ty(x).shape.without(&[0]);
    let one = g.dyn_slice(x, number, 0, &Dim::fixed(1))?;
    g.reshape(one, &shape)
}
