//! Batching: one function of whole batches for a function of single entries.

use smallvec::SmallVec;

use crate::error::{Error, Result};
use crate::graph::{Function, Graph, Kind, NodeId, Type};
use crate::ops::Batched;
use crate::shape::Dim;

/// The function mapped over one more axis of size `size`: argument i has it at `in_axes[i]`, or not at all (None: the
/// same for all entries); every result has it first.
/// A symbolic `size` must be a name that the function does not use for something else.
/// Errors: `Shape` if there is not one entry in `in_axes` an argument, or an axis is beyond the argument's rank.
pub fn vmap(function: &Function, in_axes: &[Option<usize>], size: &Dim) -> Result<Function> {
    let own = &function.graph;
    if in_axes.len() != own.arguments().len() {
        return Err(Error::shape("vmap", format!("expected {} axes, got {}", own.arguments().len(), in_axes.len())));
    }
    let mut g = Graph::new();
    let mut batched: Vec<Batched> = Vec::with_capacity(own.nodes().count());
    let arguments = declare(own, in_axes, size, &mut g)?;
    for (_, node) in own.nodes() {
        let operands: SmallVec<[Batched; 3]> = node.inputs.iter().map(|i| batched[i.index()]).collect();
        batched.push(match &node.kind {
            Kind::Input { index } => arguments[*index as usize],
            kind => apply_batched(&mut g, kind, &operands, size)?,
        });
    }
    let outputs = function.outputs.iter().map(|o| first_axis(&mut g, batched[o.index()], size)).collect::<Result<_>>()?;
    Function::new(g, outputs)
}

fn declare(own: &Graph, in_axes: &[Option<usize>], size: &Dim, g: &mut Graph) -> Result<Vec<Batched>> {
    let mut declared = Vec::new();
    for (argument, axis) in own.arguments().iter().zip(in_axes) {
        let Type { dtype, shape } = own.ty(argument.node);
        let Some(axis) = *axis else {
            let node = g.input(&argument.name, Type::new(*dtype, shape.clone()));
            declared.push(Batched { node, batched: false });
            continue;
        };
        if axis > shape.rank() {
            return Err(Error::shape("vmap", format!("argument `{}`: axis {axis} of rank {}", argument.name, shape.rank() + 1)));
        }
        let node = g.input(&argument.name, Type::new(*dtype, shape.insert(axis, size.clone())));
        declared.push(Batched { node: g.move_axis(node, axis, 0)?, batched: true });
    }
    Ok(declared)
}

fn apply_batched(g: &mut Graph, kind: &Kind, operands: &[Batched], size: &Dim) -> Result<Batched> {
    let any = operands.iter().any(|o| o.batched);
    let node = if any {
        kind.rules().batch(g, operands, size)?
    } else {
        let nodes: SmallVec<[NodeId; 3]> = operands.iter().map(|o| o.node).collect();
        g.apply(kind.clone(), &nodes)?
    };
    Ok(Batched { node, batched: any })
}

fn first_axis(g: &mut Graph, output: Batched, size: &Dim) -> Result<NodeId> {
    if output.batched { Ok(output.node) } else { g.repeat_axis(output.node, 0, size) }
}
