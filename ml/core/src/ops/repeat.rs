//! `Loop`: a body applied a known number of times to what it carries. The node is one of the values carried to the end.
//!
//! Its reverse rule saves what each step began with, and goes through the steps again from the last to the first.

use std::sync::Arc;

use smallvec::SmallVec;

use super::{Batched, Linear, Realised, Rules, Site, add_tangents, no_rule, with_batch};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Function, Graph, Kind, Loop, NodeId, Type, bound_type};
use crate::shape::{Dim, Shape};
use crate::tensor::Tensor;
use crate::transform;

/// The rules of [`crate::graph::Kind::Loop`].
pub struct Repeat<'a>(pub &'a Loop);

impl Rules for Repeat<'_> {
    fn name(&self) -> &'static str {
        "loop"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let step = Type::new(DType::I64, Shape::scalar());
        let all: Vec<&Type> = std::iter::once(&step).chain(operands.iter().copied()).collect();
        let bindings = self.0.body.unify(self.name(), &all)?;
        let carried = self.0.body.output_types().zip(operands);
        for (i, (ty, operand)) in carried.enumerate() {
            let ty = bound_type(ty, &bindings)?;
            if ty != **operand {
                let what = format!("carried value {i} is {operand} before a step and {ty} after it");
                return Err(Error::shape(self.name(), what));
            }
        }
        operands.get(self.0.result).map(|ty| (*ty).clone()).ok_or_else(|| Error::internal(self.name(), "no such result"))
    }

    fn evaluate(&self, operands: &[&Tensor], _: &Realised) -> Result<Tensor> {
        let (carried, constants) = operands.split_at(self.0.carries());
        let mut carried: Vec<Tensor> = carried.iter().map(|&x| x.clone()).collect();
        for step in 0..self.0.count {
            let mut arguments = vec![Tensor::scalar(step as i64)];
            arguments.append(&mut carried);
            arguments.extend(constants.iter().map(|&x| x.clone()));
            carried = transform::evaluate(&self.0.body, &arguments)?;
        }
        Ok(carried.swap_remove(self.0.result))
    }

    /// The loop of values and tangents together.
    fn jvp(&self, g: &mut Graph, at: &Site, tangents: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        let carries = self.0.carries();
        let is_float = |g: &Graph, x: NodeId| g.ty(x).dtype.is_float();
        let moving: Vec<usize> = (0..carries).filter(|&i| is_float(g, at.operands[i])).collect();
        let Some(place) = moving.iter().position(|&i| i == self.0.result) else { return Ok(None) };
        let driven: Vec<usize> = (carries..at.operands.len()).filter(|&i| tangents[i].is_some()).collect();
        let body = self.joint(&moving, &driven)?;
        let mut operands = at.operands[..carries].to_vec();
        for &i in &moving {
            operands.push(tangents[i].map_or_else(|| g.full_like(at.operands[i], 0.0), Ok)?);
        }
        operands.extend(&at.operands[carries..]);
        operands.extend(driven.iter().filter_map(|&i| tangents[i]));
        let joint = Loop { body, count: self.0.count, result: carries + place };
        g.apply(Kind::Loop(Arc::new(joint)), &operands).map(Some)
    }

    fn transpose(&self, g: &mut Graph, at: &Linear, cotangent: NodeId) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        let linear = self.linear_operands(at.linear);
        if !linear[self.0.result] {
            return Err(no_rule(self.name(), "transpose").hint("its result is not linear in these operands"));
        }
        let saved = self.saved(g, at.operands, &linear)?;
        let back = self.backward(g, at.operands, &linear, &saved, cotangent)?;
        let mut cotangents = back.into_iter();
        let parts = linear.iter().zip(at.linear).map(|(&linear, &wanted)| {
            let part = if linear { cotangents.next() } else { None };
            part.filter(|_| wanted)
        });
        Ok(parts.collect())
    }

    fn batch(&self, g: &mut Graph, operands: &[Batched], size: &Dim) -> Result<NodeId> {
        let carries = self.0.carries();
        let constants = operands[carries..].iter().map(|o| o.batched.then_some(0));
        let axes: Vec<Option<usize>> = [None].into_iter().chain(vec![Some(0); carries]).chain(constants).collect();
        let body = transform::vmap(&self.0.body, &axes, size)?;
        let mut nodes = Vec::with_capacity(operands.len());
        for (i, operand) in operands.iter().enumerate() {
            nodes.push(if i < carries { with_batch(g, operand, size)? } else { operand.node });
        }
        g.apply(Kind::Loop(Arc::new(Loop { body, ..*self.0 })), &nodes)
    }
}

impl Repeat<'_> {
    /// The body of values and tangents: step, carried, their tangents (of `moving`), constants, theirs (of `driven`).
    fn joint(&self, moving: &[usize], driven: &[usize]) -> Result<Function> {
        let carries = self.0.carries();
        let wrt: Vec<usize> = moving.iter().chain(driven).map(|&i| i + 1).collect();
        let both = transform::jvp(&self.0.body, &wrt)?;
        let types: Vec<Type> = both.argument_types().cloned().collect();
        let own = self.0.body.graph.arguments().len();
        let mut g = Graph::new();
        let mut given: Vec<Option<NodeId>> = vec![None; types.len()];
        let tangents = own..own + moving.len();
        let order = (0..=carries).chain(tangents.clone()).chain(carries + 1..own).chain(tangents.end..types.len());
        for (n, place) in order.enumerate() {
            given[place] = Some(g.input(&format!("x{n}"), types[place].clone()));
        }
        let given: Vec<NodeId> = given.into_iter().flatten().collect();
        let results = g.inline(&both, &given)?;
        let outputs = results[..carries].iter().copied().chain(moving.iter().map(|&i| results[carries + i])).collect();
        Function::new(g, outputs)
    }

    /// The operands in which a step is linear: those marked, and the carried values that come to depend on them.
    fn linear_operands(&self, marked: &[bool]) -> Vec<bool> {
        let (graph, carries) = (&self.0.body.graph, self.0.carries());
        let mut linear = marked.to_vec();
        for _ in 0..=carries {
            let mut depends = vec![false; graph.nodes().count()];
            for (argument, &linear) in graph.arguments()[1..].iter().zip(&linear) {
                depends[argument.node.index()] = linear;
            }
            for (id, node) in graph.nodes() {
                depends[id.index()] |= node.inputs.iter().any(|i| depends[i.index()]);
            }
            self.0.body.outputs.iter().enumerate().for_each(|(i, o)| linear[i] |= depends[o.index()]);
        }
        linear
    }

    /// What each step began with, of the carried values that are not linear: [count, ..] each.
    fn saved(&self, g: &mut Graph, operands: &[NodeId], linear: &[bool]) -> Result<Vec<NodeId>> {
        let carries = self.0.carries();
        let kept: Vec<usize> = (0..carries).filter(|&i| !linear[i]).collect();
        let mut start: Vec<NodeId> = kept.iter().map(|&i| operands[i]).collect();
        for &i in &kept {
            let ty = g.ty(operands[i]).clone();
            start.push(g.zeros(&Type::new(ty.dtype, ty.shape.insert(0, Dim::fixed(self.0.count))))?);
        }
        let constants: Vec<NodeId> = (carries..operands.len()).filter(|&i| !linear[i]).map(|i| operands[i]).collect();
        let ends = g.repeat(self.0.count, &start, &constants, |g, step, carried, constants| {
            let (own, rows) = carried.split_at(kept.len());
            let mut arguments = vec![step];
            let mut given = own.iter().chain(constants).copied();
            for (i, &linear) in linear.iter().enumerate() {
                // A linear value is not needed for the others: any will do.
                let value = if linear { None } else { given.next() };
                arguments.push(value.map_or_else(|| self.zero_of(g, i + 1), Ok)?);
            }
            let next = g.inline(&self.0.body, &arguments)?;
            let mut results: Vec<NodeId> = kept.iter().map(|&i| next[i]).collect();
            for (&value, &rows) in own.iter().zip(rows) {
                let row = g.insert_axis(value, 0)?;
                results.push(g.dyn_update(rows, row, step, 0)?);
            }
            Ok(results)
        })?;
        Ok(ends[kept.len()..].to_vec())
    }

    fn zero_of(&self, g: &mut Graph, argument: usize) -> Result<NodeId> {
        let graph = &self.0.body.graph;
        let ty = graph.ty(graph.arguments()[argument].node).clone();
        g.zeros(&ty)
    }

    /// The cotangents of all linear operands, through the steps from the last to the first.
    fn backward(
        &self,
        g: &mut Graph,
        operands: &[NodeId],
        linear: &[bool],
        saved: &[NodeId],
        cotangent: NodeId,
    ) -> Result<Vec<NodeId>> {
        let chosen: Vec<usize> = (0..operands.len()).filter(|&i| linear[i]).collect();
        let mut start = Vec::with_capacity(chosen.len());
        for &i in &chosen {
            start.push(if i == self.0.result { cotangent } else { g.full_like(operands[i], 0.0)? });
        }
        let rest: Vec<NodeId> = (self.0.carries()..operands.len()).filter(|&i| !linear[i]).map(|i| operands[i]).collect();
        let constants: Vec<NodeId> = saved.iter().copied().chain(rest).collect();
        g.repeat(self.0.count, &start, &constants, |g, step, cotangents, constants| {
            let last = g.scalar(DType::I64, self.0.count as f64 - 1.0)?;
            let step = g.sub(last, step)?;
            self.step_back(g, step, linear, cotangents, constants)
        })
    }

    /// One step's cotangents: of carried values those before it, of constants those so far and this step's.
    fn step_back(
        &self,
        g: &mut Graph,
        step: NodeId,
        linear: &[bool],
        cotangents: &[NodeId],
        constants: &[NodeId],
    ) -> Result<Vec<NodeId>> {
        let carries = self.0.carries();
        let mut given = constants.iter().copied();
        let (mut arguments, mut stand_ins) = (vec![step], Vec::new());
        for (i, &linear) in linear.iter().enumerate() {
            let ty = self.0.body.graph.ty(self.0.body.graph.arguments()[i + 1].node).clone();
            if linear {
                let stand_in = g.placeholder(stand_ins.len(), ty);
                stand_ins.push(stand_in);
                arguments.push(stand_in);
                continue;
            }
            let value = given.next().ok_or_else(|| Error::internal(self.name(), "a value is missing"))?;
            arguments.push(if i < carries { row_of(g, value, step, &ty)? } else { value });
        }
        let next = g.inline(&self.0.body, &arguments)?;
        let seeds: Vec<(NodeId, NodeId)> =
            (0..carries).filter(|&i| linear[i]).zip(cotangents).map(|(i, &ct)| (next[i], ct)).collect();
        let parts = transform::pull_back(g, &seeds, &stand_ins)?;
        let mut results = Vec::with_capacity(parts.len());
        let carried = (0..carries).filter(|&i| linear[i]).count();
        for (n, (part, &so_far)) in parts.into_iter().zip(cotangents).enumerate() {
            let total = if n < carried { part } else { add_tangents(g, Some(so_far), part)? };
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

impl Graph {
    /// `body` applied `count` times to the `carried` values: from the step's number (i64, from 0), the values carried and the
    /// `constants` it gives the next values, of the same types. Gives the last ones. The body is closed: what it uses of
    /// this graph must be carried or constant. A compiled program holds all steps one after the other.
    /// Errors: `Shape` or `DType` if a step changes a type; whatever the body's builders say.
    pub fn repeat(
        &mut self,
        count: usize,
        carried: &[NodeId],
        constants: &[NodeId],
        body: impl FnOnce(&mut Graph, NodeId, &[NodeId], &[NodeId]) -> Result<Vec<NodeId>>,
    ) -> Result<Vec<NodeId>> {
        let mut inner = self.nested();
        let step = inner.input("step", Type::new(DType::I64, Shape::scalar()));
        let operands: Vec<NodeId> = carried.iter().chain(constants).copied().collect();
        let arguments: Vec<NodeId> =
            operands.iter().enumerate().map(|(i, &x)| inner.input(&format!("x{i}"), self.ty(x).clone())).collect();
        let (own, given) = arguments.split_at(carried.len());
        let next = body(&mut inner, step, own, given)?;
        if next.len() != carried.len() {
            return Err(Error::shape("loop", format!("expected {} values after a step, got {}", carried.len(), next.len())));
        }
        let body = Function::new(inner, next)?;
        let of = |result: usize| Kind::Loop(Arc::new(Loop { body: body.clone(), count, result }));
        (0..carried.len()).map(|result| self.apply(of(result), &operands)).collect()
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

    pub fn rows() -> Vec<Row> {
        let arguments = || [floats(&[2]), others(&[2]), floats(&[2])];
        vec![
            Row::new("loop", "of two values, the first", arguments(), |g, x| swing(g, x, 0)).wide(),
            Row::new("loop", "of two values, the second", arguments(), |g, x| swing(g, x, 1)).wide(),
            Row::new("loop", "of a product with a constant", [floats(&[2, 2]), others(&[2, 1])], |g, x| {
                Ok(g.repeat(3, &[x[1]], &[x[0]], |g, _, carried, constants| Ok(vec![g.matmul(constants[0], carried[0])?]))?[0])
            })
            .wide(),
            Row::new("loop", "without a step", [floats(&[2])], |g, x| {
                Ok(g.repeat(0, &[x[0]], &[], |g, _, carried, _| Ok(vec![g.exp(carried[0])?]))?[0])
            }),
        ]
    }
}
