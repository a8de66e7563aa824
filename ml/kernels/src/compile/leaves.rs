//! What kernels read: the nodes whose values are in memory.

use gradframe_ml_core::graph::Kind;
use gradframe_ml_core::{Graph, NodeId, Shape};
use rustc_hash::{FxHashMap, FxHashSet};

use super::schedule::is_anchor;
use crate::schedule::BufferId;

/// The nodes in memory so far, and those that shall be before anything reads them.
pub struct Leaves {
    buffers: FxHashMap<NodeId, BufferId>,
    pinned: FxHashSet<NodeId>,
    /// For each node, whether computing it from what will be in memory folds rows.
    has_rows: Vec<bool>,
}

impl Leaves {
    /// Nothing in memory; `pinned` nodes of the graph are not computed inside other kernels.
    pub fn new(graph: &Graph, pinned: FxHashSet<NodeId>) -> Self {
        let mut has_rows: Vec<bool> = Vec::new();
        for (id, node) in graph.nodes() {
            let below = !is_anchor(&node.kind) && node.inputs.iter().any(|input| has_rows[input.index()]);
            has_rows.push(!pinned.contains(&id) && (below || matches!(node.kind, Kind::Reduce { .. })));
        }
        Leaves { buffers: FxHashMap::default(), pinned, has_rows }
    }

    /// Notes that `node` is in memory.
    pub fn insert(&mut self, node: NodeId, buffer: BufferId) {
        self.buffers.insert(node, buffer);
    }

    /// The buffer of a node and the shape under which it is read; buffers are row-major, so a reshape is free.
    pub fn get(&self, graph: &Graph, node: NodeId) -> Option<(BufferId, Shape)> {
        let mut base = node;
        loop {
            if let Some(&buffer) = self.buffers.get(&base) {
                return Some((buffer, graph.ty(node).shape.clone()));
            }
            match graph.node(base).kind {
                Kind::Reshape(_) | Kind::Barrier => base = graph.node(base).inputs[0],
                _ => return None,
            }
        }
    }

    /// True if a kernel that computes the node from memory folds rows on the way.
    pub fn has_rows(&self, node: NodeId) -> bool {
        self.has_rows[node.index()]
    }

    /// True if the node goes to memory rather than into its users.
    pub fn is_pinned(&self, node: NodeId) -> bool {
        self.pinned.contains(&node)
    }
}
