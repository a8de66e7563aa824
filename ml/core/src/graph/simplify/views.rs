//! Views that do nothing, that undo each other, or that are one view.

use smallvec::SmallVec;

use crate::error::Result;
use crate::graph::{Graph, Kind, Node, NodeId, Span};
use crate::shape::Shape;

impl Graph {
    pub(super) fn simpler_view(&mut self, node: &Node) -> Result<Option<NodeId>> {
        let Some(&x) = node.inputs.first() else { return Ok(None) };
        if is_identity(node, &self.ty(x).shape) {
            return Ok(Some(x));
        }
        let Some(&source) = self.node(x).inputs.first() else { return Ok(None) };
        let inner = self.node(x).kind.clone();
        match (&node.kind, &inner) {
            (Kind::Reshape(shape), Kind::Reshape(_)) => self.reshape(source, shape).map(Some),
            (Kind::Expand(shape), Kind::Expand(_)) => self.expand(source, shape).map(Some),
            (Kind::Flip(outer), Kind::Flip(inner)) if outer == inner => Ok(Some(source)),
            (Kind::Permute(outer), Kind::Permute(inner)) => {
                let perm: SmallVec<[usize; 4]> = outer.iter().map(|&i| inner[i]).collect();
                self.permute(source, &perm).map(Some)
            }
            (Kind::Pad { low, high }, Kind::Pad { low: low0, high: high0 }) => {
                self.pad(source, &sums(low, low0), &sums(high, high0)).map(Some)
            }
            (Kind::Slice(spans), Kind::Pad { low, .. }) if self.undoes(spans, low, source) => Ok(Some(source)),
            (Kind::Slice(outer), Kind::Slice(inner)) => match composed(outer, inner) {
                Some(spans) => self.slice(source, &spans).map(Some),
                None => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// Whether the ranges take exactly what was padded.
    fn undoes(&self, spans: &[Span], low: &[usize], source: NodeId) -> bool {
        let own = self.ty(source).shape.dims();
        let exact = |((span, &low), dim): ((&Span, &usize), &crate::Dim)| {
            *span == Span { start: low, stop: dim.plus(low as i64), step: 1 }
        };
        spans.iter().zip(low).zip(own).all(exact)
    }
}

fn is_identity(node: &Node, own: &Shape) -> bool {
    match &node.kind {
        Kind::Reshape(shape) | Kind::Expand(shape) => shape == own,
        Kind::Permute(perm) => perm.iter().copied().eq(0..perm.len()),
        Kind::Flip(axes) => axes.iter().all(|&a| own.dims()[a].is_one()),
        Kind::Pad { low, high } => low.iter().chain(high).all(|&n| n == 0),
        Kind::Slice(spans) => spans.iter().zip(own.dims()).all(|(span, dim)| *span == Span::all(dim)),
        Kind::Concat { .. } => node.inputs.len() == 1,
        _ => false,
    }
}

fn sums(a: &[usize], b: &[usize]) -> SmallVec<[usize; 4]> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

/// A range of a range, where the inner one has no gaps.
fn composed(outer: &[Span], inner: &[Span]) -> Option<SmallVec<[Span; 4]>> {
    let one = |(o, i): (&Span, &Span)| {
        (i.step == 1).then(|| Span { start: i.start + o.start, stop: o.stop.plus(i.start as i64), step: o.step })
    };
    outer.iter().zip(inner).map(one).collect()
}
