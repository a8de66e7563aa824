//! What kernels read: the nodes whose values are in memory.

use gradframe_ml_core::graph::Kind;
use gradframe_ml_core::{Graph, NodeId, Shape};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::schedule::BufferId;

/// The nodes in memory so far, and those that shall be before anything reads them.
#[derive(Default)]
pub struct Leaves {
    buffers: FxHashMap<NodeId, BufferId>,
    pinned: FxHashSet<NodeId>,
}

impl Leaves {
    /// Nothing in memory; `pinned` nodes are not computed inside other kernels.
    pub fn new(pinned: FxHashSet<NodeId>) -> Self {
        Leaves { buffers: FxHashMap::default(), pinned }
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

    /// True if the node goes to memory rather than into its users.
    pub fn is_pinned(&self, node: NodeId) -> bool {
        self.pinned.contains(&node)
    }
}
