//! Transposition: the cotangents of the inputs of a linear graph, from the cotangents of its outputs.

use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use crate::error::Result;
use crate::graph::{Graph, Node, NodeId};
use crate::ops::{Linear, add_tangents};

/// In an open graph: the cotangents of the nodes `wrt` (None: zero), in which the nodes of `seeds` are linear, from the
/// cotangents of those.
/// Errors: `NotImplemented` naming a kind that is not linear in them.
pub fn pull_back(g: &mut Graph, seeds: &[(NodeId, NodeId)], wrt: &[NodeId]) -> Result<Vec<Option<NodeId>>> {
    let outputs: Vec<NodeId> = seeds.iter().map(|s| s.0).collect();
    let on_path = linear_nodes(g, &outputs, wrt);
    let mut cotangents: FxHashMap<NodeId, NodeId> = FxHashMap::default();
    for &(output, cotangent) in seeds {
        accumulate(g, &mut cotangents, output, cotangent)?;
    }
    let ids: Vec<NodeId> = g.nodes().map(|(id, _)| id).take(on_path.len()).filter(|id| on_path[id.index()]).collect();
    let ends: FxHashSet<NodeId> = wrt.iter().copied().collect();
    for id in ids.into_iter().rev().filter(|id| !ends.contains(id)) {
        if let Some(&cotangent) = cotangents.get(&id) {
            let Node { kind, inputs, .. } = g.node(id).clone();
            let linear: SmallVec<[bool; 3]> = inputs.iter().map(|i| on_path[i.index()]).collect();
            let at = Linear { operands: &inputs, linear: &linear };
            let parts = kind.rules().transpose(g, &at, cotangent)?;
            for (&input, part) in inputs.iter().zip(parts) {
                part.map_or(Ok(()), |part| accumulate(g, &mut cotangents, input, part))?;
            }
        }
    }
    Ok(wrt.iter().map(|x| cotangents.get(x).copied()).collect())
}

fn accumulate(g: &mut Graph, cotangents: &mut FxHashMap<NodeId, NodeId>, node: NodeId, part: NodeId) -> Result<()> {
    let total = add_tangents(g, cotangents.get(&node).copied(), Some(part))?;
    total.map(|total| cotangents.insert(node, total));
    Ok(())
}

/// The nodes on a path from `wrt` to `outputs`.
fn linear_nodes(g: &Graph, outputs: &[NodeId], wrt: &[NodeId]) -> Vec<bool> {
    let needed = g.needed(outputs, wrt);
    let mut on_path = vec![false; needed.len()];
    wrt.iter().for_each(|x| on_path[x.index()] = needed[x.index()]);
    for (id, node) in g.nodes() {
        let reached = node.inputs.iter().any(|i| on_path[i.index()]);
        on_path[id.index()] |= reached && needed[id.index()];
    }
    on_path
}
