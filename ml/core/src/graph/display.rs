//! Readable printing: `%3 = add(%1, %2): f64[N, 4]`.

use std::fmt;

use super::{DotDims, Function, Graph, Kind, Node, NodeId, Span, Type};
use crate::tensor::Tensor;

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.index())
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.dtype, self.shape)
    }
}

/// One node a line.
impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.nodes().try_for_each(|(id, node)| writeln!(f, "{}", self.line(id, node)))
    }
}

/// The body, one node a line, then `return %3, %5`.
impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}return {}", self.graph, listed(&self.outputs))
    }
}

impl Graph {
    /// A node as it is printed.
    pub(crate) fn line(&self, id: NodeId, node: &Node) -> String {
        let operands = listed(&node.inputs);
        let detail = match &node.kind {
            Kind::Input { index } => self.inputs.get(*index as usize).map_or(format!("?{index}"), |a| a.name.clone()),
            kind => detail(kind),
        };
        let separator = if operands.is_empty() || detail.is_empty() { "" } else { ", " };
        format!("{id} = {}({operands}{separator}{detail}): {}", label(&node.kind), node.ty)
    }
}

/// The name that tells most: the function's, the composite's, the fold's, else the kind's.
fn label(kind: &Kind) -> String {
    match kind {
        Kind::Map1(f) => f.name().to_string(),
        Kind::Map2(f) => f.name().to_string(),
        Kind::Reduce { op, .. } => format!("reduce_{}", op.name()),
        Kind::Scan { op, .. } => format!("scan_{}", op.name()),
        Kind::ArgReduce { op, .. } => format!("arg_{}", op.name()),
        Kind::ScatterReduce { op, .. } => format!("scatter_{}", op.name()),
        Kind::Call(call) => format!("call {}", call.name),
        Kind::Linalg(op) => op.name().to_string(),
        Kind::Loop(own) => format!("loop of {} steps, value {}", own.count, own.result),
        Kind::While(own) => format!("while, value {}", own.result),
        Kind::Cond(own) => format!("cond, value {}", own.result),
        other => other.name().to_string(),
    }
}

fn detail(kind: &Kind) -> String {
    match kind {
        Kind::Const(value) => constant(value),
        Kind::Iota { axis, .. }
        | Kind::ArgReduce { axis, .. }
        | Kind::Concat { axis }
        | Kind::Gather { axis }
        | Kind::DynUpdate { axis } => {
            format!("axis={axis}")
        }
        Kind::Scan { axis, .. } | Kind::Sort { axis, descending: false } => format!("axis={axis}"),
        Kind::Sort { axis, descending: true } => format!("axis={axis}, descending"),
        Kind::ScatterReduce { axis, size, .. } | Kind::DynSlice { axis, size } => format!("axis={axis}, size={size}"),
        Kind::Permute(perm) => format!("perm={perm:?}"),
        Kind::Flip(axes) | Kind::Reduce { axes, .. } => format!("axes={axes:?}"),
        Kind::Pad { low, high } => format!("low={low:?}, high={high:?}"),
        Kind::Slice(spans) => format!("[{}]", spans.iter().map(Span::to_string).collect::<Vec<_>>().join(", ")),
        Kind::Dot(DotDims { batch, contract }) => format!("batch={batch:?}, contract={contract:?}"),
        Kind::Conv(own) => format!("{:?}, groups={}", own.of, own.groups),
        _ => String::new(),
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.start, self.stop)?;
        if self.step == 1 { Ok(()) } else { write!(f, ":{}", self.step) }
    }
}

/// Up to eight values, then dots.
fn constant(value: &Tensor) -> String {
    let shown: Vec<String> = crate::ops::wide::decode(value).display().take(8).collect();
    let dots = if value.len() > shown.len() { ", ..." } else { "" };
    format!("[{}{dots}]", shown.join(", "))
}

fn listed(ids: &[NodeId]) -> String {
    ids.iter().map(NodeId::to_string).collect::<Vec<_>>().join(", ")
}
