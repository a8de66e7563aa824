//! The scores of a trained model over raw columns, for prediction.

use gradframe_ml_core::{DType, Graph, NodeId, Result, Tensor};

use super::objective::{add_all, scores};
use super::parameters::Parameters;
use super::weights::{FeatureWeights, LinearWeights};
use crate::features::graph::{RawInput, centred, declare_columns, declare_encoded, dense_block};
use crate::features::{DenseColumn, dense_columns, layout};
use crate::model::{Encoding, FeatureSpec, Model};

/// Declares the used features' raw columns (as [`crate::Estimator::predict`] documents) and returns the scores:
/// [N], or [N, C] where the model has C of them.
pub(crate) fn raw_scores(g: &mut Graph, model: &Model, nullable: bool) -> Result<NodeId> {
    let weights = LinearWeights::of(model)?;
    let features = &model.spec.features;
    let mut used = vec![true; features.len()];
    model.unused_features().into_iter().for_each(|i| used[i] = false);
    let inputs = declare_columns(g, features, nullable, |i| used[i]);
    let mut terms = match weights.outputs {
        None => number_terms(g, &weights, features, &inputs)?,
        Some(outputs) => dense_term(g, &weights, outputs, features, &inputs)?.into_iter().collect(),
    };
    terms.extend(category_terms(g, &weights, &inputs)?);
    let intercept_shape: Vec<usize> = weights.outputs.into_iter().collect();
    terms.push(g.constant(Tensor::from_vec(&intercept_shape, weights.intercept)?));
    add_all(g, terms)
}

/// The scores over encoded rows, as training computes them: [N], or [N, C].
pub(crate) fn encoded_scores(g: &mut Graph, model: &Model) -> Result<NodeId> {
    let LinearWeights { outputs, .. } = LinearWeights::of(model)?; // all weights are there and fit
    let layout = layout(model.spec.training.rows, &model.spec.features, &model.spec.label);
    let columns = declare_encoded(g, layout.dense, layout.categories.len(), &[], DType::F64);
    let parts = Parameters::of(&layout, outputs).parts;
    let weights: Vec<NodeId> =
        parts.iter().filter_map(|part| model.weights.get(&part.name)).map(|tensor| g.constant(tensor.clone())).collect();
    scores(g, &weights, columns.dense, &columns.codes)
}

/// For one score a row: a term for each used number, elementwise, so that all of them fuse into one kernel: [N] each.
fn number_terms(
    g: &mut Graph,
    weights: &LinearWeights,
    features: &[FeatureSpec],
    inputs: &[Option<RawInput>],
) -> Result<Vec<NodeId>> {
    let mut terms = Vec::new();
    for ((feature, weights), input) in features.iter().zip(&weights.features).zip(inputs) {
        let FeatureWeights::Number { value, is_null } = weights else { continue };
        let if_null = is_null.as_ref().map_or(0.0, |w| w[0]);
        terms.extend(number_term(g, feature, *input, value[0], if_null)?);
    }
    Ok(terms)
}

/// `(x - mean) * (w / std)`, and the null indicator's weight where x is null: [N].
fn number_term(
    g: &mut Graph,
    feature: &FeatureSpec,
    input: Option<RawInput>,
    weight: f64,
    if_null: f64,
) -> Result<Option<NodeId>> {
    let (Encoding::Standard { mean, std, .. }, Some(RawInput::Number { x, valid })) = (&feature.encoding, input) else {
        return Ok(None);
    };
    let centred = centred(g, x, *mean)?;
    let scale = g.scalar(DType::F64, weight / std)?;
    let term = g.mul(centred, scale)?;
    let Some(valid) = valid else { return Ok(Some(term)) };
    let if_null = g.scalar(DType::F64, if_null)?;
    g.select(valid, term, if_null).map(Some)
}

/// For C scores a row: the used dense columns times their weights: [N, C]. None if no number is used.
fn dense_term(
    g: &mut Graph,
    weights: &LinearWeights,
    outputs: usize,
    features: &[FeatureSpec],
    inputs: &[Option<RawInput>],
) -> Result<Option<NodeId>> {
    let (mut columns, mut matrix) = (Vec::new(), Vec::<f64>::new());
    for column in dense_columns(features) {
        let (DenseColumn::Value(i) | DenseColumn::IsNull(i)) = column;
        if let (FeatureWeights::Number { value, is_null }, Some(_)) = (&weights.features[i], inputs[i]) {
            let row = if column == DenseColumn::Value(i) { Some(value) } else { is_null.as_ref() };
            matrix.extend(row.into_iter().flatten());
            columns.push(column);
        }
    }
    if columns.is_empty() {
        return Ok(None);
    }
    let block = dense_block(g, features, inputs, &columns)?;
    let matrix = g.constant(Tensor::from_vec(&[columns.len(), outputs], matrix)?);
    g.matmul(block, matrix).map(Some)
}

/// `w_i[code_i]` of every used one-hot column: [N] or [N, C] each.
fn category_terms(g: &mut Graph, weights: &LinearWeights, inputs: &[Option<RawInput>]) -> Result<Vec<NodeId>> {
    let mut terms = Vec::new();
    for (weights, input) in weights.features.iter().zip(inputs) {
        if let (FeatureWeights::Categories(tensor), Some(RawInput::Code(code))) = (weights, input) {
            let table = g.constant(tensor.clone());
            terms.push(g.gather(table, *code, 0)?);
        }
    }
    Ok(terms)
}
