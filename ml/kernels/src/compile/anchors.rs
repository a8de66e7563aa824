//! Which nodes are materialised. The others are computed in registers where they are used.

use gradframe_ml_core::graph::{Kind, Node, NodeId, ScatterOp};
use gradframe_ml_core::{DType, Function, Graph};

use super::inline::needed;

/// For each node, whether a kernel writes it to a buffer.
pub fn choose(function: &Function) -> Vec<bool> {
    let graph = &function.graph;
    let needed = needed(function);
    let mut anchors = vec![false; needed.len()];
    function.outputs.iter().for_each(|o| anchors[o.index()] = true);
    for (id, node) in graph.nodes().filter(|(id, _)| needed[id.index()]) {
        if is_anchor(graph, node) {
            anchors[id.index()] = true;
        }
        buffered_operands(graph, node).for_each(|o| anchors[o.index()] = true);
    }
    share(graph, &needed, &mut anchors);
    // Arguments and constants have buffers of their own.
    graph.nodes().filter(|(_, n)| is_leaf(n)).for_each(|(id, _)| anchors[id.index()] = false);
    anchors
}

/// Element types that registers hold.
pub fn in_registers(dtype: DType) -> bool {
    matches!(dtype, DType::F64 | DType::F32 | DType::I64 | DType::I32 | DType::Bool)
}

/// Arguments and constants, which have a buffer (or are an immediate) without any kernel.
pub fn is_leaf(node: &Node) -> bool {
    matches!(node.kind, Kind::Input { .. } | Kind::Const(_))
}

/// Nodes executed by their plain meaning.
pub fn is_plain(graph: &Graph, node: &Node) -> bool {
    let odd_types = !in_registers(node.ty.dtype) || node.inputs.iter().any(|&i| !in_registers(graph.ty(i).dtype));
    match node.kind {
        Kind::Input { .. } | Kind::Const(_) => false,
        Kind::Flip(_) | Kind::Pad { .. } | Kind::ArgReduce { .. } | Kind::Threefry => true,
        Kind::ScatterReduce { op, .. } => op != ScatterOp::Sum || !node.ty.dtype.is_float() || odd_types,
        Kind::Dot(_) => !matches!(node.ty.dtype, DType::F64 | DType::F32),
        _ => odd_types,
    }
}

fn is_anchor(graph: &Graph, node: &Node) -> bool {
    let structural = matches!(
        node.kind,
        Kind::Reduce { .. } | Kind::Dot(_) | Kind::ScatterReduce { .. } | Kind::Concat { .. } | Kind::Barrier
    );
    structural || is_plain(graph, node)
}

/// Operands that the node's kernel reads from memory.
fn buffered_operands<'a>(graph: &'a Graph, node: &'a Node) -> impl Iterator<Item = NodeId> + 'a {
    let all = is_plain(graph, node) || matches!(node.kind, Kind::Dot(_) | Kind::ScatterReduce { .. });
    let first = match &node.kind {
        Kind::Gather { .. } => true,
        Kind::Reshape(shape) => !same_but_ones(graph.ty(node.inputs[0]).shape.dims(), shape.dims()),
        _ => false,
    };
    node.inputs.iter().copied().enumerate().filter(move |(i, _)| all || (first && *i == 0)).map(|(_, id)| id)
}

/// True if the shapes differ only in axes of size 1.
pub fn same_but_ones(a: &[gradframe_ml_core::Dim], b: &[gradframe_ml_core::Dim]) -> bool {
    a.iter().filter(|d| !d.is_one()).eq(b.iter().filter(|d| !d.is_one()))
}

/// A value that several kernels would compute again becomes an anchor, unless it is nearly free.
fn share(graph: &Graph, needed: &[bool], anchors: &mut [bool]) {
    const MANY: usize = usize::MAX;
    // The one anchor for which a node is computed; MANY if there are several.
    let mut root: Vec<Option<usize>> = vec![None; needed.len()];
    let nodes: Vec<_> = graph.nodes().filter(|(id, _)| needed[id.index()]).collect();
    for (id, node) in nodes.into_iter().rev() {
        let at = id.index();
        if root[at] == Some(MANY) && !is_free(node) {
            anchors[at] = true;
        }
        let mine = if anchors[at] { Some(at) } else { root[at] };
        for input in &node.inputs {
            let slot = &mut root[input.index()];
            *slot = if slot.is_none() || *slot == mine { mine } else { Some(MANY) };
        }
    }
}

/// Views and leaves cost nothing to repeat.
fn is_free(node: &Node) -> bool {
    matches!(
        node.kind,
        Kind::Input { .. }
            | Kind::Const(_)
            | Kind::Iota { .. }
            | Kind::Reshape(_)
            | Kind::Permute(_)
            | Kind::Expand(_)
            | Kind::Slice(_)
            | Kind::StopGradient
    )
}
