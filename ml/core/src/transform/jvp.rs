//! Forward mode: values and tangents together, from the operands on.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use crate::error::{Error, Result};
use crate::graph::{Call, Function, Graph, Kind, Node, NodeId};
use crate::ops::Site;

/// A value and its tangent (None: zero).
pub type Dual = (NodeId, Option<NodeId>);

/// The function of the arguments followed by a tangent for each argument in `wrt`, that gives the results followed by
/// their tangents. Integer and bool results have tangents of zeros.
/// Errors: `DType` if an argument in `wrt` is not a float; `NotImplemented` naming a kind that has no rule.
pub fn jvp(function: &Function, wrt: &[usize]) -> Result<Function> {
    let mut g = function.graph.clone();
    let points = float_arguments("jvp", &g, wrt)?;
    let mut tangents = Vec::new();
    for &x in &points {
        let name = format!("d{}", g.arguments()[argument_index(&g, x)].name);
        let ty = g.ty(x).clone();
        tangents.push(Some(g.input(&name, ty)));
    }
    let duals = push_forward(&mut g, &function.outputs, &points, &tangents)?;
    let mut outputs: Vec<NodeId> = duals.iter().map(|d| d.0).collect();
    for (value, tangent) in duals {
        outputs.push(tangent.map_or_else(|| g.full_like(value, 0.0), Ok)?);
    }
    Function::new(g, outputs)
}

/// In an open graph: the values and tangents of `outputs`, where the nodes `wrt` have the given tangents and every
/// other node is constant. A composite with a tangent is replaced by its body, so that both share its inner values:
/// the value that comes back may be another node than the one asked for.
/// `wrt` should be arguments: a node that uses a computed one may have been simplified to use what that is made of.
/// Errors: `NotImplemented` naming a kind that has no rule.
pub fn push_forward(g: &mut Graph, outputs: &[NodeId], wrt: &[NodeId], tangents: &[Option<NodeId>]) -> Result<Vec<Dual>> {
    let mut duals: FxHashMap<NodeId, Dual> = wrt.iter().zip(tangents).map(|(&x, &t)| (x, (x, t))).collect();
    walk(g, outputs, &mut duals)?;
    Ok(outputs.iter().map(|o| duals[o]).collect())
}

/// Finds the duals of all nodes from those that are known up to `outputs`.
fn walk(g: &mut Graph, outputs: &[NodeId], duals: &mut FxHashMap<NodeId, Dual>) -> Result<()> {
    for id in unknown(g, outputs, duals) {
        if !duals.contains_key(&id) {
            let dual = dual_of(g, id, duals)?;
            duals.insert(id, dual);
        }
    }
    Ok(())
}

/// The nodes that `outputs` need and that have no dual, operands first. It goes no farther than to those that have one: a
/// composite's body costs what it has itself, however large the graph around it.
fn unknown(g: &Graph, outputs: &[NodeId], duals: &FxHashMap<NodeId, Dual>) -> Vec<NodeId> {
    let (mut found, mut stack) = (FxHashSet::default(), outputs.to_vec());
    while let Some(id) = stack.pop() {
        if !duals.contains_key(&id) && found.insert(id) {
            stack.extend(&g.node(id).inputs);
        }
    }
    let mut ids: Vec<NodeId> = found.into_iter().collect();
    ids.sort_unstable();
    ids
}

fn dual_of(g: &mut Graph, id: NodeId, duals: &mut FxHashMap<NodeId, Dual>) -> Result<Dual> {
    let operands: SmallVec<[Dual; 3]> = g.node(id).inputs.iter().map(|i| duals[i]).collect();
    let constant = operands.iter().all(|d| d.1.is_none());
    let unchanged = operands.iter().zip(&g.node(id).inputs).all(|(d, i)| d.0 == *i);
    if constant && unchanged {
        return Ok((id, None));
    }
    let Node { kind, .. } = g.node(id).clone();
    let (values, tangents): (Vec<NodeId>, Vec<Option<NodeId>>) = operands.into_iter().unzip();
    match (&kind, tangents.as_slice()) {
        (Kind::Call(call), _) if !constant && call.tangent.is_some() => by_own_rule(g, call, &values, &tangents),
        (Kind::Call(call), _) if !constant && call.recomputed => super::checkpoint::push(g, call, &values, &tangents),
        (Kind::Call(call), &[Some(tangent)]) if super::factored::applies_to(call) => {
            super::factored::push(g, call, values[0], tangent)
        }
        (Kind::Call(call), _) if !constant => {
            let body = g.inline(&call.body, &values)?;
            duals.extend(values.into_iter().zip(tangents).map(|(x, t)| (x, (x, t))));
            walk(g, &body, duals)?;
            Ok(duals[&body[0]])
        }
        _ => {
            let value = g.apply(kind.clone(), &values)?;
            let site = Site { operands: &values, value };
            let tangent = if constant { None } else { kind.rules().jvp(g, &site, &tangents)? };
            Ok((value, tangent))
        }
    }
}

/// The value of a composite that brings its derivative, and the tangent by that.
fn by_own_rule(g: &mut Graph, call: &Arc<Call>, values: &[NodeId], tangents: &[Option<NodeId>]) -> Result<Dual> {
    let value = g.apply(Kind::Call(Arc::clone(call)), values)?;
    let Some(rule) = &call.tangent else { return Ok((value, None)) };
    let mut operands = values.to_vec();
    operands.push(value);
    for (&x, tangent) in values.iter().zip(tangents) {
        if g.ty(x).dtype.is_float() {
            operands.push(tangent.map_or_else(|| g.full_like(x, 0.0), Ok)?);
        }
    }
    Ok((value, g.inline(rule, &operands)?.first().copied()))
}

/// The nodes of these arguments. Errors: `Plan` if there is no such argument, `DType` if it is not a float.
pub(super) fn float_arguments(op: &str, g: &Graph, wrt: &[usize]) -> Result<Vec<NodeId>> {
    let one = |&index: &usize| {
        let known = g.arguments().len();
        let argument = g.arguments().get(index);
        let argument = argument.ok_or_else(|| Error::plan(op, format!("argument {index} of a function of {known}")))?;
        let dtype = g.ty(argument.node).dtype;
        if !dtype.is_float() {
            return Err(Error::dtype(op, format!("argument `{}`: expected a float, got {dtype}", argument.name)));
        }
        Ok(argument.node)
    };
    wrt.iter().map(one).collect()
}

fn argument_index(g: &Graph, node: NodeId) -> usize {
    g.arguments().iter().position(|a| a.node == node).unwrap_or(0)
}
