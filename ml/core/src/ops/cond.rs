//! `Cond`: one of two functions of the same operands, as a condition known at run time says. Only that one is run; where
//! entries of a batch choose for themselves, both are.

use std::sync::Arc;

use smallvec::SmallVec;

use super::repeat_while::entry_column;
use super::{Batched, Linear, Realised, Rules, Site};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Cond, Function, Graph, Kind, NodeId, Type, bound_type};
use crate::shape::Dim;
use crate::tensor::Tensor;
use crate::transform;

/// The rules of [`crate::graph::Kind::Cond`].
pub struct Choice<'a>(pub &'a Cond);

impl Rules for Choice<'_> {
    fn name(&self) -> &'static str {
        "cond"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let [condition, operands @ ..] = operands else { return Err(Error::shape(self.name(), "expected a condition")) };
        if condition.dtype != DType::Bool || condition.shape.rank() != 0 {
            return Err(Error::shape(self.name(), format!("expected a condition of bool[], got {condition}")));
        }
        let mut types = Vec::with_capacity(2);
        for branch in &self.0.branches {
            let bindings = branch.unify(self.name(), operands)?;
            let outputs = branch.output_types().map(|ty| bound_type(ty, &bindings)).collect::<Result<Vec<_>>>()?;
            types.push(outputs);
        }
        if types[0] != types[1] {
            let shown = |types: &[Type]| types.iter().map(Type::to_string).collect::<Vec<_>>().join(", ");
            let what = format!("expected the same of both branches, got {} and {}", shown(&types[0]), shown(&types[1]));
            return Err(Error::shape(self.name(), what));
        }
        types[0].get(self.0.result).cloned().ok_or_else(|| Error::internal(self.name(), "no such result"))
    }

    fn evaluate(&self, operands: &[&Tensor], _: &Realised) -> Result<Tensor> {
        let branch = &self.0.branches[usize::from(operands[0].buffer().as_slice() == [0])];
        let arguments: Vec<Tensor> = operands[1..].iter().map(|&x| x.clone()).collect();
        Ok(transform::evaluate(branch, &arguments)?.swap_remove(self.0.result))
    }

    /// The choice between the tangents of both branches.
    fn jvp(&self, g: &mut Graph, at: &Site, tangents: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        let floats: Vec<usize> = (0..self.0.results()).filter(|&i| self.0.is_float(i)).collect();
        let Some(result) = floats.iter().position(|&i| i == self.0.result) else { return Ok(None) };
        let wrt: Vec<usize> = (1..tangents.len()).filter(|&i| tangents[i].is_some()).map(|i| i - 1).collect();
        let of = |branch: &Function| {
            let both = transform::jvp(branch, &wrt)?;
            let outputs = floats.iter().map(|&i| both.outputs[self.0.results() + i]).collect();
            Function::new(both.graph, outputs)
        };
        let branches = [of(&self.0.branches[0])?, of(&self.0.branches[1])?];
        let operands: Vec<NodeId> = at.operands.iter().copied().chain(tangents[1..].iter().filter_map(|t| *t)).collect();
        g.apply(Kind::Cond(Arc::new(Cond { branches, result })), &operands).map(Some)
    }

    fn transpose(&self, g: &mut Graph, at: &Linear, cotangent: NodeId) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        self.transpose_all(g, at, &[(self.0.result, cotangent)])
    }

    /// The choice between the transposes of both branches.
    fn transpose_all(&self, g: &mut Graph, at: &Linear, cotangents: &[(usize, NodeId)]) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        let linear = &at.linear[1..];
        let results: Vec<usize> = cotangents.iter().map(|(result, _)| *result).collect();
        let branches = [transposed(&self.0.branches[0], linear, &results)?, transposed(&self.0.branches[1], linear, &results)?];
        let given = (1..at.operands.len()).filter(|&i| !at.linear[i]).map(|i| at.operands[i]);
        let cotangents = cotangents.iter().map(|(_, ct)| *ct);
        let operands: Vec<NodeId> = [at.operands[0]].into_iter().chain(given).chain(cotangents).collect();
        let mut parts = SmallVec::from_iter([None]);
        let mut result = 0;
        for &is_linear in linear {
            parts.push(if is_linear {
                result += 1;
                let choice = Cond { branches: branches.clone(), result: result - 1 };
                Some(g.apply(Kind::Cond(Arc::new(choice)), &operands)?)
            } else {
                None
            });
        }
        Ok(parts)
    }

    fn batch(&self, g: &mut Graph, operands: &[Batched], size: &Dim) -> Result<NodeId> {
        let axes: Vec<Option<usize>> = operands[1..].iter().map(|o| o.batched.then_some(0)).collect();
        let nodes: Vec<NodeId> = operands.iter().map(|o| o.node).collect();
        let of = |branch: &Function| transform::vmap(branch, &axes, size);
        let branches = [of(&self.0.branches[0])?, of(&self.0.branches[1])?];
        if !operands[0].batched {
            return g.apply(Kind::Cond(Arc::new(Cond { branches, result: self.0.result })), &nodes);
        }
        let [yes, no] = [g.inline(&branches[0], &nodes[1..])?, g.inline(&branches[1], &nodes[1..])?];
        let (yes, no) = (yes[self.0.result], no[self.0.result]);
        let condition = entry_column(g, nodes[0], yes)?;
        g.apply(Kind::Select, &[condition, yes, no])
    }
}

impl Cond {
    fn results(&self) -> usize {
        self.branches[0].outputs.len()
    }

    fn is_float(&self, result: usize) -> bool {
        let [branch, _] = &self.branches;
        branch.graph.ty(branch.outputs[result]).dtype.is_float()
    }
}

/// From the operands in which a function is not linear and cotangents of some results: those of the linear operands.
fn transposed(function: &Function, linear: &[bool], results: &[usize]) -> Result<Function> {
    let mut g = function.graph.nested();
    let types: Vec<Type> = function.argument_types().cloned().collect();
    let (mut operands, mut stand_ins) = (Vec::new(), Vec::new());
    for (i, (ty, &linear)) in types.into_iter().zip(linear).enumerate() {
        operands.push(if linear { g.placeholder(i, ty) } else { g.input(&format!("x{i}"), ty) });
        if linear {
            stand_ins.push(operands[i]);
        }
    }
    let outputs = g.inline(function, &operands)?;
    let mut seeds = Vec::with_capacity(results.len());
    for &result in results {
        let ty = g.ty(outputs[result]).clone();
        seeds.push((outputs[result], g.input(&format!("ct{result}"), ty)));
    }
    let parts = transform::pull_back(&mut g, &seeds, &stand_ins)?;
    let mut cotangents = Vec::with_capacity(parts.len());
    for (part, &x) in parts.into_iter().zip(&stand_ins) {
        let ty = g.ty(x).clone();
        cotangents.push(part.map_or_else(|| g.zeros(&ty), Ok)?);
    }
    Function::new(g, cotangents)
}

#[cfg(test)]
pub mod rows {
    use crate::graph::{Graph, NodeId};
    use crate::ops::proof::{Row, bools, floats, others};

    fn chosen(g: &mut Graph, x: &[NodeId]) -> crate::Result<NodeId> {
        let ends = g.cond(
            x[0],
            &x[1..],
            |g, x| {
                let sine = g.sin(x[0])?;
                Ok(vec![g.mul(sine, x[1])?, g.exp(x[1])?])
            },
            |g, x| {
                let square = g.mul(x[0], x[0])?;
                Ok(vec![square, g.add(square, x[1])?])
            },
        )?;
        g.mul(ends[0], ends[1])
    }

    pub fn rows() -> Vec<Row> {
        let arguments = |condition| [bools(&[], &[condition]), floats(&[3]), others(&[3])];
        vec![
            Row::new("cond", "the first", arguments(true), chosen),
            Row::new("cond", "the second", arguments(false), chosen),
            Row::new("cond", "on what it is given", [floats(&[2])], |g, x| {
                let total = g.sum_all(x[0])?;
                let zero = g.scalar_like(total, 0.0)?;
                let positive = g.gt(total, zero)?;
                let sine = |g: &mut Graph, x: &[NodeId]| Ok(vec![g.sin(x[0])?]);
                Ok(g.cond(positive, &[x[0]], sine, |_, x| Ok(vec![x[0]]))?[0])
            }),
        ]
    }
}
