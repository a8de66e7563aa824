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
    let mut families = Families::of(g, &ids);
    for id in ids.into_iter().rev().filter(|id| !ends.contains(id)) {
        let given = families.complete_at(id, &cotangents);
        if !given.is_empty() {
            let Node { kind, inputs, .. } = g.node(id).clone();
            let linear: SmallVec<[bool; 3]> = inputs.iter().map(|i| on_path[i.index()]).collect();
            let at = Linear { operands: &inputs, linear: &linear };
            let parts = kind.rules().transpose_all(g, &at, &given)?;
            for (&input, part) in inputs.iter().zip(parts) {
                part.map_or(Ok(()), |part| accumulate(g, &mut cotangents, input, part))?;
            }
        }
    }
    Ok(wrt.iter().map(|x| cotangents.get(x).copied()).collect())
}

/// Nodes that are results of one loop or choice: they are transposed together, once the cotangents of all are there, which
/// is where the first of them stands.
struct Families {
    /// For each such node the first one, and for that all, with the number of their result.
    members: FxHashMap<NodeId, Vec<(usize, NodeId)>>,
    first: FxHashMap<NodeId, NodeId>,
}

impl Families {
    fn of(g: &Graph, ids: &[NodeId]) -> Self {
        let mut families = Families { members: FxHashMap::default(), first: FxHashMap::default() };
        let mut firsts: Vec<NodeId> = Vec::new();
        for &id in ids {
            let node = g.node(id);
            let Some(result) = node.kind.result() else { continue };
            let is_sibling = |other: &&NodeId| {
                let other = g.node(**other);
                other.inputs == node.inputs && other.kind.is_sibling(&node.kind)
            };
            let first = firsts.iter().find(is_sibling).copied().unwrap_or(id);
            if first == id {
                firsts.push(id);
            }
            families.first.insert(id, first);
            families.members.entry(first).or_default().push((result, id));
        }
        families
    }

    /// The cotangents with which a node is transposed: its own, or all of its family at the first; none elsewhere.
    fn complete_at(&mut self, id: NodeId, cotangents: &FxHashMap<NodeId, NodeId>) -> SmallVec<[(usize, NodeId); 1]> {
        match self.first.get(&id) {
            None => cotangents.get(&id).map(|&ct| (0, ct)).into_iter().collect(),
            Some(first) if *first == id => {
                let members = self.members.remove(&id).unwrap_or_default();
                members.iter().filter_map(|(result, member)| cotangents.get(member).map(|&ct| (*result, ct))).collect()
            }
            Some(_) => SmallVec::new(),
        }
    }
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
