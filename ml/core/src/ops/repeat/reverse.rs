//! The transpose of a loop: forward once more for what each step began with, then the steps' cotangents, last step first.

use smallvec::SmallVec;

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Graph, Loop, NodeId, Type};
use crate::ops::steps::{dependent, read_by};
use crate::ops::{Linear, add_tangents, no_rule};
use crate::shape::Dim;
use crate::transform;

/// A loop under transposition.
pub(super) struct Reverse<'a> {
    own: &'a Loop,
    /// The operands in which a step is linear: those asked for, and the carried values that come to depend on them.
    linear: Vec<bool>,
    /// Carried values that the derivative of a step reads.
    wanted: Vec<usize>,
    /// Those and the carried values that they are computed from.
    kept: Vec<usize>,
}

impl<'a> Reverse<'a> {
    /// Errors: `NotImplemented` if the node is not linear in the operands asked for.
    pub fn of(own: &'a Loop, at: &Linear) -> Result<Self> {
        let (body, carries) = (&own.body, own.carries());
        let linear = dependent(body, at.linear);
        if !linear[own.result] {
            return Err(no_rule("loop", "transpose").hint("its result is not linear in these operands"));
        }
        let outputs: Vec<NodeId> = (0..carries).filter(|&i| linear[i]).map(|i| body.outputs[i]).collect();
        let read = read_by(body, &outputs);
        let wanted: Vec<usize> = (0..carries).filter(|&i| read[i] && !linear[i]).collect();
        let mut is_kept = vec![false; carries];
        let mut open = wanted.clone();
        while let Some(i) = open.pop() {
            if !std::mem::replace(&mut is_kept[i], true) {
                let read = read_by(body, &[body.outputs[i]]);
                open.extend((0..carries).filter(|&j| read[j]));
            }
        }
        let kept = (0..carries).filter(|&i| is_kept[i]).collect();
        Ok(Reverse { own, linear, wanted, kept })
    }

    /// The cotangents of the operands asked for, from those of some of the carried values.
    pub fn run(&self, g: &mut Graph, at: &Linear, given: &[(usize, NodeId)]) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        let saved = self.saved(g, at.operands)?;
        let mut back = self.backward(g, at.operands, &saved, given)?.into_iter();
        let parts = self.linear.iter().zip(at.linear).map(|(&linear, &asked)| {
            let part = if linear { back.next() } else { None };
            part.filter(|_| asked)
        });
        Ok(parts.collect())
    }

    fn constants(&self) -> impl Iterator<Item = usize> {
        (self.own.carries()..self.linear.len()).filter(|&i| !self.linear[i])
    }

    /// What each step began with, of the carried values that are wanted: [count, ..] each.
    fn saved(&self, g: &mut Graph, operands: &[NodeId]) -> Result<Vec<NodeId>> {
        let mut start: Vec<NodeId> = self.kept.iter().map(|&i| operands[i]).collect();
        for &i in &self.wanted {
            let ty = g.ty(operands[i]).clone();
            start.push(g.zeros(&Type::new(ty.dtype, ty.shape.insert(0, Dim::fixed(self.own.count))))?);
        }
        let constants: Vec<NodeId> = self.constants().map(|i| operands[i]).collect();
        let ends = g.repeat(self.own.count, &start, &constants, |g, step, carried, constants| {
            let (own, rows) = carried.split_at(self.kept.len());
            let mut arguments = vec![step];
            let (mut kept, mut given) = (self.kept.iter().zip(own).peekable(), constants.iter().copied());
            for (i, &linear) in self.linear.iter().enumerate() {
                let value = if i < self.own.carries() {
                    kept.next_if(|(k, _)| **k == i).map(|(_, &value)| value)
                } else if linear {
                    None
                } else {
                    given.next()
                };
                // What is neither kept nor given is not needed for what is: any value will do.
                arguments.push(value.map_or_else(|| self.zero_of(g, i + 1), Ok)?);
            }
            let next = g.inline(&self.own.body, &arguments)?;
            let mut results: Vec<NodeId> = self.kept.iter().map(|&i| next[i]).collect();
            for (&i, &rows) in self.wanted.iter().zip(rows) {
                let row = g.insert_axis(arguments[i + 1], 0)?;
                results.push(g.dyn_update(rows, row, step, 0)?);
            }
            Ok(results)
        })?;
        Ok(ends[self.kept.len()..].to_vec())
    }

    fn zero_of(&self, g: &mut Graph, argument: usize) -> Result<NodeId> {
        let ty = self.type_of(argument);
        g.zeros(&ty)
    }

    fn type_of(&self, argument: usize) -> Type {
        let graph = &self.own.body.graph;
        graph.ty(graph.arguments()[argument].node).clone()
    }

    /// The cotangents of all linear operands, through the steps from the last to the first.
    fn backward(&self, g: &mut Graph, operands: &[NodeId], saved: &[NodeId], given: &[(usize, NodeId)]) -> Result<Vec<NodeId>> {
        let mut start = Vec::new();
        for i in (0..operands.len()).filter(|&i| self.linear[i]) {
            let of_result = given.iter().find(|(result, _)| *result == i).map(|(_, ct)| *ct);
            start.push(of_result.map_or_else(|| g.full_like(operands[i], 0.0), Ok)?);
        }
        let constants: Vec<NodeId> = saved.iter().copied().chain(self.constants().map(|i| operands[i])).collect();
        g.repeat(self.own.count, &start, &constants, |g, step, cotangents, constants| {
            let last = g.scalar(DType::I64, self.own.count as f64 - 1.0)?;
            let step = g.sub(last, step)?;
            self.step_back(g, step, cotangents, constants)
        })
    }

    /// One step's cotangents: of carried values those before it, of constants those so far and this step's.
    fn step_back(&self, g: &mut Graph, step: NodeId, cotangents: &[NodeId], constants: &[NodeId]) -> Result<Vec<NodeId>> {
        let carries = self.own.carries();
        let (saved, rest) = constants.split_at(self.wanted.len());
        let (mut saved, mut rest) = (self.wanted.iter().zip(saved).peekable(), rest.iter().copied());
        let (mut arguments, mut stand_ins) = (vec![step], Vec::new());
        for (i, &linear) in self.linear.iter().enumerate() {
            let ty = self.type_of(i + 1);
            arguments.push(if linear {
                stand_ins.push(g.placeholder(stand_ins.len(), ty));
                stand_ins[stand_ins.len() - 1]
            } else if i < carries {
                match saved.next_if(|(wanted, _)| **wanted == i) {
                    Some((_, &rows)) => row_of(g, rows, step, &ty)?,
                    None => g.zeros(&ty)?, // no derivative reads it
                }
            } else {
                rest.next().ok_or_else(|| Error::internal("loop", "a constant is missing"))?
            });
        }
        let next = g.inline(&self.own.body, &arguments)?;
        let carried: Vec<usize> = (0..carries).filter(|&i| self.linear[i]).collect();
        let seeds: Vec<(NodeId, NodeId)> = carried.iter().zip(cotangents).map(|(&i, &ct)| (next[i], ct)).collect();
        let parts = transform::pull_back(g, &seeds, &stand_ins)?;
        let mut results = Vec::with_capacity(parts.len());
        for (n, (part, &so_far)) in parts.into_iter().zip(cotangents).enumerate() {
            let total = if n < carried.len() { part } else { add_tangents(g, Some(so_far), part)? };
            results.push(total.map_or_else(|| g.full_like(so_far, 0.0), Ok)?);
        }
        Ok(results)
    }
}

/// What a step began with.
fn row_of(g: &mut Graph, rows: NodeId, step: NodeId, ty: &Type) -> Result<NodeId> {
    let row = g.dyn_slice(rows, step, 0, &Dim::fixed(1))?;
    g.reshape(row, &ty.shape)
}
