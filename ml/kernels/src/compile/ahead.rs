//! Stores what later kernels make of a value instead of the value, where they make one thing of it alone and need nothing for it that is
//! not there yet: the derivative of a GELU in place of its error function. One array waits for the way back, not the error function and
//! the argument that belongs to it.

use gradframe_ml_core::graph::Kind;
use gradframe_ml_core::{Function, NodeId};
use rustc_hash::FxHashSet;
use smallvec::SmallVec;

use super::sharing::is_root;

/// Values in memory of which a candidate is made, at most.
const SOURCES_MAX: usize = 8;
/// Nodes that are looked at for one candidate, at most: so the time is in proportion to the graph.
const NODES_MAX: usize = 64;

/// What a node is computed from, sorted; None of too many.
type Sources = Option<SmallVec<[NodeId; 4]>>;

/// Moves pins of `shared`, the values that several kernels need, to what is made of them.
pub fn moved(function: &Function, shared: &FxHashSet<NodeId>, pinned: &mut FxHashSet<NodeId>) {
    let mut candidates: Vec<NodeId> = shared.iter().copied().filter(|&id| is_pointwise(function, id)).collect();
    if candidates.is_empty() {
        return;
    }
    candidates.sort_unstable();
    let made = Made::of(function, pinned, &candidates);
    for value in candidates {
        match made.of_value(value, pinned).as_deref() {
            Some([]) => {
                pinned.remove(&value);
            }
            Some(&[only]) if only != value => {
                pinned.remove(&value);
                pinned.insert(only);
            }
            _ => {}
        }
    }
}

fn is_pointwise(function: &Function, id: NodeId) -> bool {
    matches!(function.graph.node(id).kind, Kind::Map1(_) | Kind::Map2(_) | Kind::Select)
}

/// Who reads each node, and what its readers are made of by it.
struct Made<'a> {
    function: &'a Function,
    users: Vec<SmallVec<[NodeId; 2]>>,
    /// The node itself, of what is in memory.
    sources: Vec<Sources>,
    /// Whether a node is made, element by element, of a value that lies in memory as it is.
    is_along: Vec<bool>,
    outputs: FxHashSet<NodeId>,
}

impl<'a> Made<'a> {
    fn of(function: &'a Function, pinned: &FxHashSet<NodeId>, candidates: &[NodeId]) -> Self {
        let graph = &function.graph;
        let (mut users, mut sources) = (Vec::<SmallVec<[NodeId; 2]>>::new(), Vec::<Sources>::new());
        let mut is_along = Vec::new();
        for (id, node) in graph.nodes() {
            users.push(SmallVec::new());
            for input in &node.inputs {
                let users = &mut users[input.index()];
                if users.last() != Some(&id) {
                    users.push(id);
                }
            }
            // A fold is not at hand where what it folds is made.
            let is_stored = is_root(&node.kind)
                || matches!(node.kind, Kind::Reduce { .. })
                || (pinned.contains(&id) && candidates.binary_search(&id).is_err());
            sources.push(match &node.kind {
                Kind::Const(value) if value.len() == 1 => Some(SmallVec::new()),
                Kind::Input { .. } | Kind::Const(_) => Some(SmallVec::from_elem(id, 1)),
                _ if is_stored => Some(SmallVec::from_elem(id, 1)),
                _ => united(&sources, &node.inputs),
            });
            let keeps_places = is_pointwise(function, id) || matches!(node.kind, Kind::Cast(_) | Kind::Reshape(_));
            let is_source = is_stored || matches!(node.kind, Kind::Input { .. });
            is_along.push(is_source || (keeps_places && node.inputs.iter().any(|input| is_along[input.index()])));
        }
        Made { function, users, sources, is_along, outputs: function.outputs.iter().copied().collect() }
    }

    /// The values that are made of `value` and the sources of it, are read by others, and are not in memory anyway. None if they were not found.
    fn of_value(&self, value: NodeId, pinned: &FxHashSet<NodeId>) -> Option<SmallVec<[NodeId; 2]>> {
        // Kernels become one where they read a whole array in common: what reads none would compute the value once more for each reader.
        if !self.function.graph.node(value).inputs.iter().any(|input| self.is_along[input.index()]) {
            return None;
        }
        let sources = self.made_of(value)?;
        let (mut inside, mut next) = (vec![value], 0);
        while let Some(&id) = inside.get(next) {
            next += 1;
            if id != value && self.is_stored(id, pinned) {
                continue; // who reads it reads it in memory
            }
            let more = self.users[id.index()].iter().filter(|&&user| self.is_like(user, value, &sources));
            let more: SmallVec<[NodeId; 4]> = more.copied().filter(|user| !inside.contains(user)).collect();
            inside.extend(more);
            if inside.len() > NODES_MAX {
                return None;
            }
        }
        let is_read = |id: NodeId| self.users[id.index()].iter().any(|user| !inside.contains(user));
        let is_last = |id: NodeId| match id == value {
            true => self.outputs.contains(&id) || is_read(id),
            false => !self.is_stored(id, pinned) && is_read(id),
        };
        Some(inside.iter().copied().filter(|&id| is_last(id)).collect())
    }

    fn is_stored(&self, id: NodeId, pinned: &FxHashSet<NodeId>) -> bool {
        pinned.contains(&id) || self.outputs.contains(&id)
    }

    /// True of a function, element by element, of what `value` is made of, that takes no more memory.
    fn is_like(&self, id: NodeId, value: NodeId, sources: &[NodeId]) -> bool {
        let (own, other) = (self.function.graph.ty(id), self.function.graph.ty(value));
        let fits = own.shape == other.shape && own.dtype.size_bytes() <= other.dtype.size_bytes();
        let are_known = |found: SmallVec<[NodeId; 4]>| found.iter().all(|source| sources.contains(source));
        fits && is_pointwise(self.function, id) && self.made_of(id).is_some_and(are_known)
    }

    fn made_of(&self, id: NodeId) -> Sources {
        united(&self.sources, &self.function.graph.node(id).inputs)
    }
}

fn united(sources: &[Sources], nodes: &[NodeId]) -> Sources {
    let mut union: SmallVec<[NodeId; 4]> = SmallVec::new();
    for node in nodes {
        for source in sources[node.index()].as_ref()? {
            if let Err(at) = union.binary_search(source) {
                union.insert(at, *source);
            }
        }
    }
    (union.len() <= SOURCES_MAX).then_some(union)
}
