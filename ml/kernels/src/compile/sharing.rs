//! Which values are worth storing because several kernels need them.

use gradframe_ml_core::graph::{Fn1, Fn2, Kind};
use gradframe_ml_core::{DType, Dim, Function, Graph, NodeId};
use rustc_hash::FxHashSet;
use smallvec::SmallVec;

use super::schedule::is_anchor;
use super::{CompileOptions, ahead, rows};

/// The kernels that reach a node.
#[derive(Clone, Copy, PartialEq)]
enum Reach {
    None,
    One(NodeId),
    Many,
}

/// Arrays of a value's size that it may be computed from again and again; from so many on it is stored.
const SOURCES_MAX: usize = 3;

/// How many functions one inside the other a kernel computes, at most.
pub const DEPTH_MAX: usize = 96;

/// The nodes that go to memory in any case: those that are dear to compute and reached from several kernels, and those
/// at which long chains are cut.
pub fn pinned(function: &Function, options: CompileOptions) -> FxHashSet<NodeId> {
    let (shared, reach) = dear_and_shared(function, options);
    let mut pinned = shared.clone();
    gathered(function, &reach, &mut pinned);
    stored_anyway(function, options, &mut pinned);
    ahead::moved(function, &shared, &mut pinned);
    cut(function, options, &mut pinned);
    pinned
}

/// Pins what a product or another kernel of that kind reads: it goes to memory, so all others read it there.
fn stored_anyway(function: &Function, options: CompileOptions, pinned: &mut FxHashSet<NodeId>) {
    let graph = &function.graph;
    for (_, node) in graph.nodes().filter(|(_, node)| is_root(&node.kind) && node.kind != Kind::Barrier) {
        for &input in &node.inputs {
            let mut base = input;
            while is_view(&graph.node(base).kind) {
                base = graph.node(base).inputs[0];
            }
            let is_rounded = matches!(graph.node(base).kind, Kind::Cast(_)) && !is_widening(function, base);
            let is_function = matches!(graph.node(base).kind, Kind::Map1(_) | Kind::Map2(_) | Kind::Select);
            if is_function || (options.on_device && is_rounded) {
                pinned.insert(base);
            }
        }
    }
}

fn is_view(kind: &Kind) -> bool {
    matches!(kind, Kind::Reshape(_) | Kind::Permute(_) | Kind::Expand(_) | Kind::Slice(_) | Kind::Flip(_))
}

/// Pins folds that are no part of a row kernel, and functions too deep above what is in memory. So kernels are made in the
/// nodes' order, each from what is there already, and a chain of any length takes time in proportion to it.
fn cut(function: &Function, options: CompileOptions, pinned: &mut FxHashSet<NodeId>) {
    let graph = &function.graph;
    let mut depth: Vec<usize> = Vec::new();
    for (id, node) in graph.nodes() {
        let below = node.inputs.iter().map(|i| depth[i.index()]).max();
        let is_long_fold = is_long_fold(function, id, options);
        let own = below.map_or(0, |below| below + 1);
        let is_too_deep = own > DEPTH_MAX && matches!(node.kind, Kind::Map1(_) | Kind::Map2(_) | Kind::Select);
        if is_long_fold || is_too_deep {
            pinned.insert(id);
        }
        depth.push(if is_root(&node.kind) || pinned.contains(&id) { 0 } else { own });
    }
}

/// The nodes that are dear to compute and reached from several kernels.
fn dear_and_shared(function: &Function, options: CompileOptions) -> (FxHashSet<NodeId>, Vec<Reach>) {
    let graph = &function.graph;
    let nodes: Vec<NodeId> = graph.nodes().map(|(id, _)| id).collect();
    let dear = dear(function, options, &nodes);
    let mut reach = vec![Reach::None; nodes.len()];
    let mut pinned = FxHashSet::default();
    let outputs: FxHashSet<NodeId> = function.outputs.iter().copied().collect();
    for &id in nodes.iter().rev() {
        let node = graph.node(id);
        let is_stored = options.on_device && is_long_fold(function, id, options); // anyway
        if outputs.contains(&id) || is_root(&node.kind) || is_stored {
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
    (pinned, reach)
}

/// Pins what several kernels need and would each read several large arrays for: the sum so far of a network's blocks.
fn gathered(function: &Function, reach: &[Reach], pinned: &mut FxHashSet<NodeId>) {
    let graph = &function.graph;
    let outputs: FxHashSet<NodeId> = function.outputs.iter().copied().collect();
    let mut sources: Vec<SmallVec<[NodeId; SOURCES_MAX]>> = Vec::new();
    for (id, node) in graph.nodes() {
        let is_stored = is_root(&node.kind) || pinned.contains(&id) || outputs.contains(&id);
        let mut own = SmallVec::new();
        if is_stored || matches!(node.kind, Kind::Input { .. } | Kind::Const(_)) {
            own.push(id);
        } else if !matches!(node.kind, Kind::Reduce { .. }) {
            node.inputs.iter().flat_map(|input| &sources[input.index()]).for_each(|source| {
                if own.len() < SOURCES_MAX && !own.contains(source) && is_large(graph, *source, id) {
                    own.push(*source);
                }
            });
        }
        if !is_stored && reach[id.index()] == Reach::Many && own.len() >= SOURCES_MAX && matches!(node.kind, Kind::Map2(_)) {
            pinned.insert(id);
            own = SmallVec::from_elem(id, 1);
        }
        sources.push(own);
    }
}

/// True if reading a source is a good part of reading the value.
fn is_large(graph: &Graph, source: NodeId, value: NodeId) -> bool {
    let [source, value] = [source, value].map(|id| graph.ty(id).shape.elements());
    let fixed = |count: &Option<Dim>| count.as_ref().and_then(Dim::as_fixed);
    match (fixed(&source), fixed(&value)) {
        (Some(source), Some(value)) => source.saturating_mul(4) >= value,
        _ => source == value,
    }
}

fn joined(a: Reach, b: Reach) -> Reach {
    match (a, b) {
        (Reach::None, other) | (other, Reach::None) => other,
        (a, b) if a == b => a,
        _ => Reach::Many,
    }
}

/// Whether a node's value goes to memory whoever reads it.
pub fn is_root(kind: &Kind) -> bool {
    is_anchor(kind) || matches!(kind, Kind::Barrier)
}

/// For each node, whether computing it again (down to what is in memory anyway) costs more than reading it.
fn dear(function: &Function, options: CompileOptions, nodes: &[NodeId]) -> Vec<bool> {
    let mut dear: Vec<bool> = Vec::with_capacity(nodes.len());
    let mut inherited: Vec<bool> = Vec::with_capacity(nodes.len());
    for &id in nodes {
        let node = function.graph.node(id);
        let is_stored = options.on_device && is_long_fold(function, id, options); // anyway
        let inherits = !is_root(&node.kind) && node.inputs.iter().any(|i| inherited[i.index()]);
        let own = !is_stored && (inherits || is_dear(&node.kind, options));
        dear.push(own);
        // Of what a device makes of a row's fold, the fold alone is worth its place: it is one number a row.
        let is_fold = options.on_device && matches!(node.kind, Kind::Reduce { .. });
        inherited.push(if is_fold { inherits } else { own });
    }
    for &id in nodes {
        let kind = &function.graph.node(id).kind;
        let is_view = matches!(kind, Kind::Reshape(_) | Kind::Expand(_) | Kind::Permute(_)) || is_widening(function, id);
        dear[id.index()] &= !is_view && !is_root(kind);
    }
    dear
}

/// True of a fold that is no part of a row kernel.
fn is_long_fold(function: &Function, id: NodeId, options: CompileOptions) -> bool {
    let node = function.graph.node(id);
    match &node.kind {
        Kind::Reduce { axes, .. } => !rows::is_short_and_last(&function.graph.ty(node.inputs[0]).shape, axes, options),
        _ => false,
    }
}

/// True of a cast from a short float to f32, which who reads it does on the way: what it casts is stored.
pub fn is_widening(function: &Function, id: NodeId) -> bool {
    let (graph, node) = (&function.graph, function.graph.node(id));
    node.kind == Kind::Cast(DType::F32) && matches!(graph.ty(node.inputs[0]).dtype, DType::F16 | DType::BF16)
}

fn is_dear(kind: &Kind, options: CompileOptions) -> bool {
    match kind {
        Kind::Reduce { .. } | Kind::Threefry => true,
        Kind::Map1(Fn1::Exp | Fn1::Log | Fn1::Tanh | Fn1::Erf | Fn1::Sqrt | Fn1::Rsqrt) if options.on_device => false,
        Kind::Map1(f) => {
            !matches!(f, Fn1::Neg | Fn1::Abs | Fn1::Sign | Fn1::Not | Fn1::Floor | Fn1::Ceil | Fn1::IsNan | Fn1::IsFinite)
        }
        Kind::Map2(f) => matches!(f, Fn2::Pow | Fn2::Atan2 | Fn2::Rem | Fn2::Gcd | Fn2::Zeta | Fn2::Igamma | Fn2::Igammac),
        _ => false,
    }
}
