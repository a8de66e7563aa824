//! Functions without composites.

use gradframe_ml_core::graph::{Kind, Type};
use gradframe_ml_core::{Function, Graph, NodeId, Result};

/// The same function, each composite in it written out, in bodies too.
pub(super) fn flattened(function: &Function) -> Result<Function> {
    let mut g = Graph::new();
    let mut operands = Vec::new();
    for (argument, ty) in function.graph.arguments().iter().zip(function.argument_types()) {
        operands.push(g.input(&argument.name, ty.clone()));
    }
    let outputs = written(&mut g, function, &operands)?;
    Function::new(g, outputs)
}

fn written(g: &mut Graph, function: &Function, operands: &[NodeId]) -> Result<Vec<NodeId>> {
    let mut made: Vec<NodeId> = Vec::new();
    for (_, node) in function.graph.nodes() {
        let inputs: Vec<NodeId> = node.inputs.iter().map(|input| made[input.index()]).collect();
        made.push(match &node.kind {
            Kind::Input { index } => operands[*index as usize],
            Kind::Const(value) => g.constant(value.as_ref().clone()),
            Kind::Call(call) => {
                let types: Vec<Type> = inputs.iter().map(|&input| g.ty(input).clone()).collect();
                let body = call.body.bound_to(call.name, &types.iter().collect::<Vec<_>>())?;
                written(g, &body, &inputs)?[0]
            }
            kind => {
                let mut kind = kind.clone();
                for body in kind.bodies_mut() {
                    *body = flattened(body)?;
                }
                g.apply(kind, &inputs)?
            }
        });
    }
    Ok(function.outputs.iter().map(|output| made[output.index()]).collect())
}
