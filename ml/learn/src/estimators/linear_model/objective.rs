//! The sum of the rows' losses over a chunk, and its gradient, as one graph.

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::transform::value_and_grad;
use gradframe_ml_core::{DType, Dim, Function, Graph, NodeId, Result, Shape};

use super::RowLoss;
use super::parameters::Parameters;
use crate::estimator::Layout;
use crate::features::graph::rows_of;

/// `(parameters.., dense, codes.., label) -> (sum of losses [], gradients..)`. The mean and the penalty are added
/// outside, once for all chunks.
pub(super) fn objective(layout: &Layout, parameters: &Parameters, row_loss: RowLoss) -> Result<Function> {
    let mut g = Graph::new();
    let weights: Vec<NodeId> =
        parameters.parts.iter().map(|p| g.input(&p.name, Type::new(DType::F64, Shape::fixed(&p.shape)))).collect();
    let dense = g.input("columns", Type::new(DType::F64, Shape::new([Dim::symbol("N"), Dim::fixed(layout.dense)])));
    let codes: Vec<NodeId> = (0..layout.categories.len()).map(|i| g.input(&format!("codes.{i}"), rows_of(DType::I32))).collect();
    let label = g.input("label", rows_of(DType::F64));
    let scores = scores(&mut g, &weights, (layout.dense > 0).then_some(dense), &codes)?;
    let losses = row_loss(&mut g, scores, label)?; // [N]
    let total = g.sum_all(losses)?;
    let wrt: Vec<usize> = (0..weights.len()).collect();
    value_and_grad(&Function::new(g, vec![total])?, &wrt)
}

/// `dense @ w + sum_i w_i[code_i] + intercept`: [N] or [N, C].
fn scores(g: &mut Graph, weights: &[NodeId], dense: Option<NodeId>, codes: &[NodeId]) -> Result<NodeId> {
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
