//! Prepares a function for scheduling: calls give way to their bodies, loops of no or one step too, and nodes that only
//! guide derivatives go.

use gradframe_ml_core::graph::{Kind, Loop, Node};
use gradframe_ml_core::{Error, Function, Graph, NodeId, Result, Tensor};

use super::{CompileOptions, whole};

/// Nodes that the steps of one loop may become: beyond, compiling would take longer than anybody waits.
const UNROLLED_MAX: usize = 200_000;

/// The same function without `StopGradient`, without `Call` but for those that stay whole, and without `Loop` if it is unrolled, dead
/// code dropped.
pub fn flatten(function: &Function, options: CompileOptions) -> Result<Function> {
    let mut flat = function.clone();
    while flat.graph.nodes().any(|(_, node)| is_flattened(&flat.graph, node, options)) {
        flat = once(&flat, options)?;
    }
    Function::new(flat.graph, flat.outputs)
}

fn is_flattened(graph: &Graph, node: &Node, options: CompileOptions) -> bool {
    match &node.kind {
        Kind::Call(call) => !whole::stays(graph, node, call, options.on_device),
        Kind::StopGradient => true,
        Kind::Loop(own) => options.unroll || own.count < 2,
        _ => false,
    }
}

/// One level of calls replaced. Ends: a body holds fewer levels than its call.
fn once(function: &Function, options: CompileOptions) -> Result<Function> {
    let mut graph = Graph::new();
    let mut moved: Vec<NodeId> = Vec::new();
    let mut arguments = function.graph.arguments().iter();
    let declared: Vec<NodeId> = arguments.by_ref().map(|a| graph.input(&a.name, function.graph.ty(a.node).clone())).collect();
    for (_, node) in function.graph.nodes() {
        let is_flat = !is_flattened(&function.graph, node, options);
        moved.push(moved_node(&mut graph, node, &moved, &declared, is_flat)?);
    }
    let outputs = function.outputs.iter().map(|o| moved[o.index()]).collect();
    Function::new(graph, outputs)
}

fn moved_node(graph: &mut Graph, node: &Node, moved: &[NodeId], declared: &[NodeId], is_flat: bool) -> Result<NodeId> {
    let operands: Vec<NodeId> = node.inputs.iter().map(|i| moved[i.index()]).collect();
    match &node.kind {
        Kind::Input { index } => declared.get(*index as usize).copied().ok_or_else(|| unknown_argument(*index)),
        kind if is_flat => graph.apply(kind.clone(), &operands),
        Kind::Call(call) => graph.inline(&call.body, &operands)?.first().copied().ok_or_else(|| no_result(call.name)),
        Kind::Loop(own) => unrolled(graph, own, operands),
        Kind::StopGradient => Ok(operands[0]),
        kind => graph.apply(kind.clone(), &operands),
    }
}

/// All steps one after the other. Two results of one loop become the same nodes.
fn unrolled(graph: &mut Graph, own: &Loop, operands: Vec<NodeId>) -> Result<NodeId> {
    let nodes = own.body.graph.nodes().count();
    if own.count.saturating_mul(nodes) > UNROLLED_MAX {
        let what = format!("{} steps of {nodes} operations are more than a compiled program holds", own.count);
        return Err(Error::not_implemented("loop", what).hint("compile it as a loop"));
    }
    let mut carried = operands;
    let constants = carried.split_off(own.carries());
    for step in 0..own.count {
        let mut arguments = vec![graph.constant(Tensor::scalar(step as i64))];
        arguments.append(&mut carried);
        arguments.extend(&constants);
        carried = graph.inline(&own.body, &arguments)?;
    }
    carried.get(own.result).copied().ok_or_else(|| no_result("loop"))
}

fn unknown_argument(index: u32) -> Error {
    Error::internal("compile", format!("no argument {index}"))
}

fn no_result(name: &str) -> Error {
    Error::internal("compile", format!("the body of `{name}` has no result"))
}
