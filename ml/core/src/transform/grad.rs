//! Reverse mode: forward mode on stand-in tangents, then transposed.

use super::jvp::{Dual, float_arguments};
use super::{pull_back, push_forward};
use crate::error::{Error, Result};
use crate::graph::{Function, Graph, NodeId};

/// The gradients of a function with one result, a single float, in the arguments `wrt`.
/// Errors: `Shape` or `DType` if it is not; `DType` if an argument in `wrt` is no float.
pub fn grad(function: &Function, wrt: &[usize]) -> Result<Function> {
    let both = value_and_grad(function, wrt)?;
    Function::new(both.graph, both.outputs[1..].to_vec())
}

/// The function that gives the value, then its gradients in the arguments `wrt`. Errors: as for [`grad`].
pub fn value_and_grad(function: &Function, wrt: &[usize]) -> Result<Function> {
    let [output] = function.outputs.as_slice() else {
        return Err(Error::shape("grad", format!("expected one result, got {}", function.outputs.len())));
    };
    let mut g = function.graph.clone();
    let points = float_arguments("grad", &g, wrt)?;
    let (value, gradients) = g.value_and_gradients(*output, &points)?;
    let outputs = std::iter::once(value).chain(gradients).collect();
    Function::new(g, outputs)
}

/// The function of the arguments followed by a cotangent for each result, that gives the results followed by the
/// cotangents of the arguments `wrt`. The cotangent of an integer or bool result is ignored.
/// Errors: `DType` if an argument in `wrt` is no float; `NotImplemented` naming a kind that has no rule.
pub fn vjp(function: &Function, wrt: &[usize]) -> Result<Function> {
    let mut g = function.graph.clone();
    let points = float_arguments("vjp", &g, wrt)?;
    let (duals, stand_ins) = linearised(&mut g, &function.outputs, &points)?;
    let mut seeds = Vec::new();
    for (i, &(value, tangent)) in duals.iter().enumerate() {
        let ty = g.ty(value).clone();
        let cotangent = g.input(&format!("ct{i}"), ty);
        seeds.extend(tangent.map(|t| (t, cotangent)));
    }
    let gradients = gradients_of(&mut g, &seeds, &points, &stand_ins)?;
    let outputs = duals.into_iter().map(|d| d.0).chain(gradients).collect();
    Function::new(g, outputs)
}

impl Graph {
    /// In an open graph: the gradients of `output`, a single float, in the nodes `wrt`; and its value, which may be
    /// another node than the one given (see [`push_forward`]).
    /// Errors: `Shape` if `output` is not shape `[]`; `DType` if it or a node of `wrt` is no float.
    pub fn value_and_gradients(&mut self, output: NodeId, wrt: &[NodeId]) -> Result<(NodeId, Vec<NodeId>)> {
        let ty = self.ty(output);
        if ty.shape.rank() != 0 {
            return Err(Error::shape("grad", format!("expected a single number, got {}", ty.shape)).hint("sum it, or use vjp"));
        }
        if !ty.dtype.is_float() {
            return Err(Error::dtype("grad", format!("expected a float result, got {}", ty.dtype)));
        }
        let (duals, stand_ins) = linearised(self, &[output], wrt)?;
        let (value, tangent) = duals[0];
        let one = self.scalar_like(value, 1.0)?;
        let seeds: Vec<_> = tangent.map(|t| (t, one)).into_iter().collect();
        Ok((value, gradients_of(self, &seeds, wrt, &stand_ins)?))
    }
}

/// The outputs with their tangents, which are linear in one stand-in for each node of `wrt`.
fn linearised(g: &mut Graph, outputs: &[NodeId], wrt: &[NodeId]) -> Result<(Vec<Dual>, Vec<NodeId>)> {
    let mut stand_ins = Vec::new();
    for (i, &x) in wrt.iter().enumerate() {
        let ty = g.ty(x).clone();
        stand_ins.push(g.placeholder(i, ty));
    }
    let tangents: Vec<Option<NodeId>> = stand_ins.iter().copied().map(Some).collect();
    Ok((push_forward(g, outputs, wrt, &tangents)?, stand_ins))
}

fn gradients_of(g: &mut Graph, seeds: &[(NodeId, NodeId)], wrt: &[NodeId], stand_ins: &[NodeId]) -> Result<Vec<NodeId>> {
    let cotangents = pull_back(g, seeds, stand_ins)?;
    let or_zeros = |(ct, &x): (Option<NodeId>, &NodeId)| ct.map_or_else(|| g.full_like(x, 0.0), Ok);
    cotangents.into_iter().zip(wrt).map(or_zeros).collect()
}
