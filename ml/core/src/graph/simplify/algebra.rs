//! Algebra of elementwise functions, selections and folds.

use crate::dtype::DType;
use crate::error::Result;
use crate::graph::{Fn1, Fn2, Graph, Kind, Node, NodeId};
use crate::shape::{Dim, Shape};

impl Graph {
    pub(super) fn simpler_map1(&mut self, f: Fn1, node: &Node) -> Result<Option<NodeId>> {
        let x = node.inputs[0];
        if let Some(constant) = self.expanded_constant(x) {
            let folded = self.map1(f, constant)?;
            return self.expand(folded, &node.ty.shape).map(Some);
        }
        let inner = self.node(x);
        match (f, &inner.kind) {
            (Fn1::Neg, Kind::Map1(Fn1::Neg)) | (Fn1::Not, Kind::Map1(Fn1::Not)) => Ok(Some(inner.inputs[0])),
            (Fn1::Abs, Kind::Map1(Fn1::Abs)) => Ok(Some(x)),
            (Fn1::Abs, Kind::Map1(Fn1::Neg)) => self.abs(inner.inputs[0]).map(Some),
            _ => Ok(None),
        }
    }

    pub(super) fn simpler_map2(&mut self, f: Fn2, node: &Node) -> Result<Option<NodeId>> {
        let (a, b) = (node.inputs[0], node.inputs[1]);
        if let (Some(x), Some(y)) = (self.expanded_constant(a), self.expanded_constant(b))
            && self.ty(x).shape == self.ty(y).shape
        {
            let folded = self.map2(f, x, y)?;
            return self.expand(folded, &node.ty.shape).map(Some);
        }
        if let Some(kept) = self.neutral_removed(f, a, b) {
            return Ok(Some(kept));
        }
        if f == Fn2::Pow && self.as_number(b) == Some(2.0) {
            return self.mul(a, a).map(Some);
        }
        // One order for both ways of writing it, so that they are one node.
        if is_commutative(f) && a > b { self.map2(f, b, a).map(Some) } else { Ok(None) }
    }

    /// The operand that the function leaves as it is, whatever its value.
    fn neutral_removed(&self, f: Fn2, a: NodeId, b: NodeId) -> Option<NodeId> {
        let integer = !self.ty(a).dtype.is_float();
        let is = |id: NodeId, number: f64| self.as_number(id).is_some_and(|n| n.to_bits() == number.to_bits());
        let (zero_left, zero_right) = (is(a, 0.0), is(b, 0.0));
        match f {
            Fn2::Add if is(b, -0.0) || (integer && zero_right) => Some(a),
            Fn2::Add if is(a, -0.0) || (integer && zero_left) => Some(b),
            Fn2::Sub if zero_right => Some(a),
            Fn2::Mul if integer && zero_left => Some(a),
            Fn2::Mul if integer && zero_right => Some(b),
            Fn2::Mul | Fn2::Div | Fn2::Pow if is(b, 1.0) => Some(a),
            Fn2::Mul if is(a, 1.0) => Some(b),
            Fn2::Max | Fn2::Min | Fn2::And | Fn2::Or if a == b => Some(a),
            Fn2::Or | Fn2::Xor | Fn2::Shl | Fn2::Shr if zero_right => Some(a),
            Fn2::Or | Fn2::Xor if zero_left => Some(b),
            _ => None,
        }
    }

    pub(super) fn simpler_select(&self, node: &Node) -> Option<NodeId> {
        let (condition, a, b) = (node.inputs[0], node.inputs[1], node.inputs[2]);
        match self.as_number(condition) {
            _ if a == b => Some(a),
            Some(c) => Some(if c != 0.0 { a } else { b }),
            None => None,
        }
    }

    /// A cast to the own element type, or back from a wider one; a stop of a stop.
    pub(super) fn simpler_identity(&self, node: &Node) -> Option<NodeId> {
        let x = node.inputs[0];
        if let (Kind::Cast(to), Node { kind: Kind::Cast(between), inputs, .. }) = (&node.kind, self.node(x))
            && self.ty(inputs[0]).dtype == *to
            && holds(*between, *to)
        {
            return Some(inputs[0]);
        }
        let identity = match &node.kind {
            Kind::Cast(dtype) => *dtype == self.ty(x).dtype,
            _ => self.node(x).kind == node.kind,
        };
        identity.then_some(x)
    }

    /// Folds over nothing, or over axes of size 1 only.
    pub(super) fn simpler_reduce(&mut self, node: &Node) -> Result<Option<NodeId>> {
        let Kind::Reduce { axes, .. } = &node.kind else { return Ok(None) };
        let x = node.inputs[0];
        let own: &Shape = &self.ty(x).shape;
        if !axes.iter().all(|&a| Dim::is_one(&own.dims()[a])) {
            return Ok(None);
        }
        self.reshape(x, &node.ty.shape).map(Some)
    }
}

/// True if a float type holds every number of another, so that a cast to it and back changes nothing.
const fn holds(wide: DType, narrow: DType) -> bool {
    match narrow {
        DType::F16 | DType::BF16 => matches!(wide, DType::F32 | DType::F64),
        DType::F32 => matches!(wide, DType::F64),
        _ => false,
    }
}

const fn is_commutative(f: Fn2) -> bool {
    matches!(f, Fn2::Add | Fn2::Mul | Fn2::Eq | Fn2::Ne | Fn2::And | Fn2::Or | Fn2::Xor)
}
