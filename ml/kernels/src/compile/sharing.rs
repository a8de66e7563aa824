//! Which values are worth storing because several kernels need them.

use gradframe_ml_core::graph::{Fn1, Fn2, Kind};
use gradframe_ml_core::{Function, NodeId};
use rustc_hash::FxHashSet;

/// The kernels that reach a node.
#[derive(Clone, Copy, PartialEq)]
enum Reach {
    None,
    One(NodeId),
    Many,
}

/// The nodes that are dear to compute and reached from several kernels.
pub fn pinned(function: &Function) -> FxHashSet<NodeId> {
    let graph = &function.graph;
    let nodes: Vec<NodeId> = graph.nodes().map(|(id, _)| id).collect();
    let dear = dear(function, &nodes);
    let mut reach = vec![Reach::None; nodes.len()];
    let mut pinned = FxHashSet::default();
    for &id in nodes.iter().rev() {
        let node = graph.node(id);
        if function.outputs.contains(&id) || is_root(&node.kind) {
            reach[id.index()] = Reach::One(id);
        }
        if reach[id.index()] == Reach::Many && dear[id.index()] {
            pinned.insert(id);
            reach[id.index()] = Reach::One(id);
        }
        let own = reach[id.index()];
        for input in &node.inputs {
            let slot = &mut reach[input.index()];
            *slot = joined(*slot, own);
        }
    }
    pinned
}

fn joined(a: Reach, b: Reach) -> Reach {
    match (a, b) {
        (Reach::None, other) | (other, Reach::None) => other,
        (a, b) if a == b => a,
        _ => Reach::Many,
    }
}

fn is_root(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Dot(_)
            | Kind::Gather { .. }
            | Kind::ScatterReduce { .. }
            | Kind::ArgReduce { .. }
            | Kind::Scan { .. }
            | Kind::Sort { .. }
            | Kind::Concat { .. }
            | Kind::Linalg(_)
            | Kind::Fft { .. }
            | Kind::Barrier
    )
}

/// For each node, whether computing it again (down to what is in memory anyway) costs more than reading it.
fn dear(function: &Function, nodes: &[NodeId]) -> Vec<bool> {
    let mut dear: Vec<bool> = Vec::with_capacity(nodes.len());
    for &id in nodes {
        let node = function.graph.node(id);
        let inherits = !is_root(&node.kind) && node.inputs.iter().any(|i| dear[i.index()]);
        dear.push(inherits || is_dear(&node.kind));
    }
    for &id in nodes {
        let kind = &function.graph.node(id).kind;
        dear[id.index()] &= !matches!(kind, Kind::Reshape(_) | Kind::Expand(_) | Kind::Permute(_)) && !is_root(kind);
    }
    dear
}

fn is_dear(kind: &Kind) -> bool {
    match kind {
        Kind::Reduce { .. } | Kind::Threefry => true,
        Kind::Map1(f) => {
            !matches!(f, Fn1::Neg | Fn1::Abs | Fn1::Sign | Fn1::Not | Fn1::Floor | Fn1::Ceil | Fn1::IsNan | Fn1::IsFinite)
        }
        Kind::Map2(f) => matches!(f, Fn2::Pow | Fn2::Atan2 | Fn2::Rem | Fn2::Gcd | Fn2::Zeta | Fn2::Igamma | Fn2::Igammac),
        _ => false,
    }
}
