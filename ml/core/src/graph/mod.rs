//! The graph: a hash-consed arena of typed nodes.
//!
//! Equal expressions are one node. Operands always come before their node, so that a walk by index is a walk in
//! topological order. Transforms write into the same arena.

mod build;
pub(crate) mod composite;
mod display;
mod function;
mod linalg;
mod node;
mod simplify;
mod sizes;

pub use build::StackedStep;
pub use composite::{Attention, CellWeights, Interpolation, LuParts, MatrixNorm, Padding, Picking, PlaceRange, Window};
pub(crate) use function::bound_type;
pub use linalg::Linalg;
pub use node::*;

use std::hash::{BuildHasher, Hash, Hasher};

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;
use smallvec::SmallVec;

use crate::error::{Error, Result};

/// The arena.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    /// Nodes by their hash, which stands beside them: a node is not kept twice.
    interned: HashTable<(u64, NodeId)>,
    inputs: Vec<Argument>,
    verbatim: bool,
}

/// A declared argument of the graph.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Argument {
    /// The name it was declared with.
    pub name: String,
    /// Its `Input` node.
    pub node: NodeId,
}

/// A closed function: a graph, its arguments (in order of `Input::index`) and its results.
#[derive(Debug, Clone)]
pub struct Function {
    /// The nodes; [`Graph::arguments`] are the function's arguments.
    pub graph: Graph,
    /// The results, in order.
    pub outputs: Vec<NodeId>,
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty graph that keeps every node as it is written, so that tests can compare with the simplified one.
    pub fn verbatim() -> Self {
        Graph { verbatim: true, ..Self::default() }
    }

    /// An empty graph for a body, as verbatim as this one.
    pub(crate) fn nested(&self) -> Self {
        Graph { verbatim: self.verbatim, ..Self::default() }
    }

    /// The node of this id.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// The type of a node's value.
    pub fn ty(&self, id: NodeId) -> &Type {
        &self.node(id).ty
    }

    /// The declared arguments, in order.
    pub fn arguments(&self) -> &[Argument] {
        &self.inputs
    }

    /// All nodes, operands before users.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.nodes.iter().enumerate().map(|(i, n)| (NodeId(i as u32), n))
    }

    /// Declares the next argument.
    pub fn input(&mut self, name: &str, ty: Type) -> NodeId {
        let index = self.inputs.len() as u32;
        let node = self.intern(Node { kind: Kind::Input { index }, inputs: Default::default(), ty });
        self.inputs.push(Argument { name: name.to_string(), node });
        node
    }

    /// Adds a node: infers its type, simplifies, and makes it once. The general form under all builders.
    /// Errors: `Shape` or `DType` if the operands do not fit the kind; `Internal` for `Input` (see [`Graph::input`]).
    pub fn apply(&mut self, kind: Kind, inputs: &[NodeId]) -> Result<NodeId> {
        if matches!(kind, Kind::Input { .. }) {
            return Err(Error::internal("input", "arguments are declared with Graph::input"));
        }
        let ty = {
            let types: SmallVec<[&Type; 3]> = inputs.iter().map(|&i| self.ty(i)).collect();
            kind.rules().infer(&types)?
        };
        let node = Node { kind, inputs: inputs.into(), ty };
        if !self.verbatim
            && let Some(simpler) = self.simplified(&node)?
        {
            return Ok(simpler);
        }
        Ok(self.intern(node))
    }

    /// A stand-in for an argument that is not declared: transforms substitute it away before they return.
    pub(crate) fn placeholder(&mut self, index: usize, ty: Type) -> NodeId {
        let kind = Kind::Input { index: u32::MAX - index as u32 };
        self.intern(Node { kind, inputs: SmallVec::new(), ty })
    }

    /// The node, made once. Callers have checked the type.
    fn intern(&mut self, node: Node) -> NodeId {
        let hash = FxBuildHasher.hash_one(&node);
        let known = self.interned.find(hash, |&(own, id)| own == hash && self.nodes[id.index()] == node);
        if let Some(&(_, id)) = known {
            return id;
        }
        let id = NodeId(self.nodes.len() as u32);
        self.interned.insert_unique(hash, (hash, id), |entry| entry.0);
        self.nodes.push(node);
        id
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.outputs == other.outputs && self.graph.nodes == other.graph.nodes && self.graph.inputs == other.graph.inputs
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.outputs.hash(state);
        self.graph.nodes.hash(state);
    }
}
