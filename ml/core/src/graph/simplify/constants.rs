//! Folding of constants, through the reference evaluator.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::error::Result;
use crate::graph::{Graph, Kind, Node, NodeId};
use crate::ops::Realised;
use crate::ops::wide::{self, Wide};
use crate::tensor::Tensor;

/// A folded constant has at most this many elements: larger ones would make compiling slow and graphs heavy.
const FOLDED_ELEMENTS_MAX: usize = 1024;

impl Graph {
    /// The node's value, if all of its operands are constants and it is small.
    pub(super) fn folded(&mut self, node: &Node) -> Result<Option<NodeId>> {
        let kept = matches!(node.kind, Kind::Expand(_) | Kind::Barrier | Kind::Iota { .. } | Kind::Const(_));
        let is_long = matches!(node.kind, Kind::Loop(_) | Kind::While(_)); // nobody knows how long it takes
        if kept || is_long || node.inputs.is_empty() {
            return Ok(None);
        }
        let operands: Option<SmallVec<[Arc<Tensor>; 3]>> = node.inputs.iter().map(|&i| self.as_constant(i).cloned()).collect();
        let (Some(operands), Some(shape)) = (operands, node.ty.shape.as_fixed()) else { return Ok(None) };
        let largest = operands.iter().map(|x| x.len()).max().unwrap_or(0).max(shape.iter().product());
        if largest > FOLDED_ELEMENTS_MAX {
            return Ok(None);
        }
        let operands: SmallVec<[&Tensor; 3]> = operands.iter().map(|x| x.as_ref()).collect();
        let out = Realised { dtype: node.ty.dtype, shape: &shape };
        let value = node.kind.rules().evaluate(&operands, &out)?;
        Ok(Some(self.constant(value)))
    }

    /// The value of a constant node.
    pub fn as_constant(&self, id: NodeId) -> Option<&Arc<Tensor>> {
        match &self.node(id).kind {
            Kind::Const(value) => Some(value),
            _ => None,
        }
    }

    /// The number that fills a constant node, seen through repeats; integers beyond 2^53 are not told.
    pub fn as_number(&self, id: NodeId) -> Option<f64> {
        match &self.node(id).kind {
            Kind::Const(value) if value.len() == 1 => exact(&wide::decode(value)),
            Kind::Expand(_) | Kind::Reshape(_) => self.as_number(self.node(id).inputs[0]),
            _ => None,
        }
    }

    /// The constant under an `Expand`.
    pub(super) fn expanded_constant(&self, id: NodeId) -> Option<NodeId> {
        let node = self.node(id);
        let constant = matches!(node.kind, Kind::Expand(_)) && self.as_constant(node.inputs[0]).is_some();
        constant.then(|| node.inputs[0])
    }
}

fn exact(value: &Wide) -> Option<f64> {
    match value {
        Wide::Float(v) => v.first().copied(),
        Wide::Int(v) => v.first().filter(|n| n.unsigned_abs() <= 1 << 53).map(|&n| n as f64),
    }
}
