//! Losses of rows and probabilities of classes, from scores; of any float type.

use gradframe_ml_core::{DType, Graph, NodeId, Result};

/// `(label - score)^2 / 2`: [N], [N] f64 -> [N].
pub(crate) fn half_squared_error(g: &mut Graph, scores: NodeId, label: NodeId) -> Result<NodeId> {
    let label = g.cast(label, g.ty(scores).dtype)?;
    let error = g.sub(label, scores)?;
    let squared = g.mul(error, error)?;
    let half = g.scalar_like(scores, 0.5)?;
    g.mul(squared, half)
}

/// `-log p = log(1 + e^score) - label * score`; the label is 0 or 1: [N], [N] f64 -> [N].
pub(crate) fn binary_log_loss(g: &mut Graph, scores: NodeId, label: NodeId) -> Result<NodeId> {
    let label = g.cast(label, g.ty(scores).dtype)?;
    let total = g.softplus(scores)?;
    let agreement = g.mul(label, scores)?;
    g.sub(total, agreement)
}

/// `-log p` of the label's class; the label is a class index: [N, C], [N] f64 -> [N].
pub(crate) fn softmax_log_loss(g: &mut Graph, scores: NodeId, label: NodeId) -> Result<NodeId> {
    let log_probabilities = g.log_softmax(scores, 1)?;
    let is_label = is_label(g, scores, label)?;
    let zero = g.scalar_like(scores, 0.0)?;
    let picked = g.select(is_label, log_probabilities, zero)?;
    let of_label = g.sum(picked, &[1])?;
    g.neg(of_label)
}

/// True in the label's column: [N, C] bool.
fn is_label(g: &mut Graph, scores: NodeId, label: NodeId) -> Result<NodeId> {
    let shape = g.ty(scores).shape.clone();
    let classes = g.iota(DType::F64, &shape, 1)?;
    let label = g.insert_axis(label, 1)?;
    g.eq(classes, label)
}

/// The probabilities of the classes: of both, each exact where it is small, from [N]; of C from [N, C]. -> [N, C].
pub(crate) fn probabilities(g: &mut Graph, scores: NodeId) -> Result<NodeId> {
    if g.ty(scores).shape.rank() == 2 {
        return g.softmax(scores, 1);
    }
    let opposite = g.neg(scores)?;
    let of_first = g.sigmoid(opposite)?;
    let of_second = g.sigmoid(scores)?;
    g.stack(&[of_first, of_second], 1)
}
