//! The sum of the rows' losses over a chunk, and its gradient, as one graph.

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Function, Graph, NodeId, Result, Shape};

use super::RowLoss;
use super::parameters::Parameters;
use crate::estimator::Layout;
use crate::estimators::row_weights::{LabelledColumns, weighted_sums};

/// `(parameters.., dense, codes.., label[, weight]) -> (sum of weighted losses [], sum of weights [], gradients..)`, what a
/// row counts for being its weight times that of its class. The mean and the penalty are added outside, once for all chunks.
pub(super) fn objective(
    layout: &Layout,
    parameters: &Parameters,
    row_loss: RowLoss,
    class_weights: Option<&[f64]>,
) -> Result<Function> {
    let mut g = Graph::new();
    let weights: Vec<NodeId> =
        parameters.parts.iter().map(|p| g.input(&p.name, Type::new(DType::F64, Shape::fixed(&p.shape)))).collect();
    let columns = LabelledColumns::declare(&mut g, layout, DType::F64);
    let scores = scores(&mut g, &weights, columns.features.dense, &columns.features.codes)?;
    let losses = row_loss(&mut g, scores, columns.label)?; // [N]
    let row_weights = columns.row_weights(&mut g, class_weights, DType::F64)?;
    let (total, weight) = weighted_sums(&mut g, losses, row_weights)?;
    let (total, gradients) = g.value_and_gradients(total, &weights)?;
    Function::new(g, [total, weight].into_iter().chain(gradients).collect())
}

/// `dense @ w + sum_i w_i[code_i] + intercept`: [N] or [N, C].
pub(super) fn scores(g: &mut Graph, weights: &[NodeId], dense: Option<NodeId>, codes: &[NodeId]) -> Result<NodeId> {
    let mut terms = Vec::with_capacity(weights.len());
    let mut weights = weights.iter().copied();
    if let Some((columns, w)) = dense.and_then(|columns| Some((columns, weights.next()?))) {
        terms.push(g.matmul(columns, w)?);
    }
    for (&code, w) in codes.iter().zip(weights.by_ref()) {
        terms.push(g.gather(w, code, 0)?);
    }
    terms.extend(weights.next()); // the intercept broadcasts over the rows
    add_all(g, terms)
}

/// The sum of nodes that broadcast against each other; 0 for none.
pub(super) fn add_all(g: &mut Graph, terms: impl IntoIterator<Item = NodeId>) -> Result<NodeId> {
    let mut terms = terms.into_iter();
    let Some(first) = terms.next() else { return g.scalar(DType::F64, 0.0) };
    terms.try_fold(first, |sum, term| g.add(sum, term))
}
