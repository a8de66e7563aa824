//! Composites replaced by their bodies; what no result needs is left behind.

use gradframe_ml_core::graph::{Graph, Kind, NodeId};
use gradframe_ml_core::{Error, Function, Result};

/// The same function without `Call` nodes.
pub fn without_calls(function: &Function) -> Result<Function> {
    let mut graph = Graph::new();
    let operands: Vec<NodeId> =
        function.graph.arguments().iter().map(|a| graph.input(&a.name, function.graph.ty(a.node).clone())).collect();
    let outputs = graft(&mut graph, function, &operands)?;
    Function::new(graph, outputs)
}

/// Writes the function's body into another graph, its arguments replaced.
fn graft(into: &mut Graph, function: &Function, operands: &[NodeId]) -> Result<Vec<NodeId>> {
    let needed = needed(function);
    let mut copies: Vec<Option<NodeId>> = vec![None; needed.len()];
    for (id, node) in function.graph.nodes().filter(|(id, _)| needed[id.index()]) {
        let inputs = node.inputs.iter().map(|&i| copied(&copies, i)).collect::<Result<Vec<_>>>()?;
        copies[id.index()] = Some(match &node.kind {
            Kind::Input { index } => {
                *operands.get(*index as usize).ok_or_else(|| Error::internal("compile", "a call lacks an operand"))?
            }
            Kind::Call(call) => graft(into, &call.body, &inputs)?[0],
            kind => into.apply(kind.clone(), &inputs)?,
        });
    }
    function.outputs.iter().map(|&output| copied(&copies, output)).collect()
}

fn copied(copies: &[Option<NodeId>], id: NodeId) -> Result<NodeId> {
    copies[id.index()].ok_or_else(|| Error::internal("compile", "a node is used before it is made"))
}

/// Which nodes some result needs.
pub fn needed(function: &Function) -> Vec<bool> {
    let nodes: Vec<_> = function.graph.nodes().collect();
    let mut needed = vec![false; nodes.len()];
    function.outputs.iter().for_each(|o| needed[o.index()] = true);
    for (id, node) in nodes.iter().rev() {
        if needed[id.index()] {
            node.inputs.iter().for_each(|i| needed[i.index()] = true);
        }
    }
    needed
}
