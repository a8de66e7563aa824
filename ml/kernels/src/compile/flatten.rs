//! Prepares a function for scheduling: calls give way to their bodies, and nodes that only guide derivatives go.

use gradframe_ml_core::graph::{Kind, Node};
use gradframe_ml_core::{Error, Function, Graph, NodeId, Result};

/// The same function without `Call` and `StopGradient`, dead code dropped.
pub fn flatten(function: &Function) -> Result<Function> {
    let mut flat = function.clone();
    while flat.graph.nodes().any(|(_, n)| matches!(n.kind, Kind::Call(_) | Kind::StopGradient)) {
        flat = once(&flat)?;
    }
    Function::new(flat.graph, flat.outputs)
}

/// One level of calls replaced. Ends: a body holds fewer levels than its call.
fn once(function: &Function) -> Result<Function> {
    let mut graph = Graph::new();
    let mut moved: Vec<NodeId> = Vec::new();
    let mut arguments = function.graph.arguments().iter();
    let declared: Vec<NodeId> = arguments.by_ref().map(|a| graph.input(&a.name, function.graph.ty(a.node).clone())).collect();
    for (_, node) in function.graph.nodes() {
        moved.push(moved_node(&mut graph, node, &moved, &declared)?);
    }
    let outputs = function.outputs.iter().map(|o| moved[o.index()]).collect();
    Function::new(graph, outputs)
}

fn moved_node(graph: &mut Graph, node: &Node, moved: &[NodeId], declared: &[NodeId]) -> Result<NodeId> {
    let operands: Vec<NodeId> = node.inputs.iter().map(|i| moved[i.index()]).collect();
    match &node.kind {
        Kind::Input { index } => declared.get(*index as usize).copied().ok_or_else(|| unknown_argument(*index)),
        Kind::Call(call) => graph.inline(&call.body, &operands)?.first().copied().ok_or_else(|| no_result(call.name)),
        Kind::StopGradient => Ok(operands[0]),
        kind => graph.apply(kind.clone(), &operands),
    }
}

fn unknown_argument(index: u32) -> Error {
    Error::internal("compile", format!("no argument {index}"))
}

fn no_result(name: &str) -> Error {
    Error::internal("compile", format!("the body of `{name}` has no result"))
}
