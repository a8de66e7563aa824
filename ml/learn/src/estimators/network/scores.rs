//! The scores of a trained network over raw columns, for prediction.

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Dim, Error, Graph, NodeId, Result, Shape, Tensor};

use super::options::network;
use super::target::outputs;
use super::{LABEL_MEAN, LABEL_STD};
use crate::estimators::epochs::number;
use crate::features::graph::{RawInput, declare_columns, declare_encoded, dense_block};
use crate::features::{DenseColumn, dense_columns};
use crate::model::{Encoding, FeatureSpec, Model};
use crate::nn::{Inputs, Mode, Network, Part, Values};

/// Declares the used features' raw columns (as [`crate::Estimator::predict`] documents) and returns the scores, f32:
/// [N], or [N, C] where the model has C of them. What training computed of a row with its final weights, these are to
/// the bit, up to the order of sums inside a product of matrices.
pub(crate) fn raw_scores(g: &mut Graph, model: &Model, nullable: bool) -> Result<NodeId> {
    let features = &model.spec.features;
    let mut used = vec![true; features.len()];
    model.unused_features().into_iter().for_each(|i| used[i] = false);
    let columns = declare_columns(g, features, nullable, |i| used[i]);
    let network = network_of(model, dense_columns(features).len())?;
    let values = constants(g, model, &network)?;
    let inputs = Inputs { dense: dense(g, features, &columns)?, codes: codes(features, &columns) };
    network.scores(g, &values, &inputs, Mode::Predict)
}

/// The scores over encoded rows, as training computes them without dropout, f32: [N] or [N, C].
pub(crate) fn encoded_scores(g: &mut Graph, model: &Model) -> Result<NodeId> {
    let network = network_of(model, dense_columns(&model.spec.features).len())?;
    let columns = declare_encoded(g, network.dense, network.categories.len(), &[], DType::F32);
    let values = constants(g, model, &network)?;
    let inputs = Inputs { dense: columns.dense, codes: columns.codes.into_iter().map(Some).collect() };
    network.scores(g, &values, &inputs, Mode::Predict)
}

/// `score * std + mean`: [N] f64.
pub(crate) fn in_label_units(g: &mut Graph, model: &Model, score: NodeId) -> Result<NodeId> {
    let (mean, std) = (number(model.weights.get(LABEL_MEAN))?, number(model.weights.get(LABEL_STD))?);
    let (mean, std) = (g.scalar(DType::F64, mean)?, g.scalar(DType::F64, std)?);
    let scaled = g.mul(score, std)?;
    g.add(scaled, mean)
}

/// The features that had one value in training: their weights are as they were drawn and say nothing.
pub(crate) fn unused_features(features: &[FeatureSpec]) -> Vec<usize> {
    let constant = |f: &FeatureSpec| matches!(f.encoding, Encoding::Standard { min, max, nulls: 0, .. } if min >= max);
    features.iter().enumerate().filter(|(_, f)| constant(f)).map(|(i, _)| i).collect()
}

/// The network of a model. Errors: `Plan` if the specification lacks an option.
pub(super) fn network_of(model: &Model, dense: usize) -> Result<Network> {
    let categories = model.spec.features.iter().filter_map(|f| f.encoding.categories()).collect();
    network(&model.spec.options, dense, categories, outputs(model.spec.label.classes.len()))
}

/// The model's weight of a part. Errors: `Execution` if it is missing or has another shape.
pub(super) fn checked<'a>(model: &'a Model, part: &Part) -> Result<&'a Tensor> {
    let damaged = |what: String| Error::execution("model", what).hint("the stored model is damaged: train it again");
    let tensor = model.weights.get(&part.name);
    let tensor = tensor.ok_or_else(|| damaged(format!("weight `{}` is missing", part.name)))?;
    if tensor.shape() != part.shape || tensor.dtype() != DType::F32 {
        let found = format!("is {} {:?}", tensor.dtype(), tensor.shape());
        return Err(damaged(format!("weight `{}` {found}, expected f32 {:?}", part.name, part.shape)));
    }
    Ok(tensor)
}

fn feature_of(column: DenseColumn) -> usize {
    let (DenseColumn::Value(i) | DenseColumn::IsNull(i)) = column;
    i
}

fn constants(g: &mut Graph, model: &Model, network: &Network) -> Result<Values> {
    let part = |part: Part| Ok((part.name.clone(), g.constant(checked(model, &part)?.clone())));
    network.parts().into_iter().map(part).collect()
}

/// The dense block: [N, K] f32. Features that are not used are zeros in it, as in training: leaving their columns out
/// would change the order in which a product of matrices adds.
fn dense(g: &mut Graph, features: &[FeatureSpec], inputs: &[Option<RawInput>]) -> Result<Option<NodeId>> {
    let mut columns = Vec::new();
    for column in dense_columns(features) {
        columns.push(match inputs[feature_of(column)] {
            Some(_) => dense_block(g, features, inputs, &[column])?,
            None => g.full(&Type::new(DType::F64, Shape::new([Dim::symbol("N"), Dim::fixed(1)])), 0.0)?,
        });
    }
    if columns.is_empty() {
        return Ok(None);
    }
    let block = g.concat(&columns, 1)?;
    g.cast(block, DType::F32).map(Some)
}

/// By one-hot feature.
fn codes(features: &[FeatureSpec], inputs: &[Option<RawInput>]) -> Vec<Option<NodeId>> {
    let code = |input: &Option<RawInput>| if let Some(RawInput::Code(code)) = input { Some(*code) } else { None };
    let one_hot = |f: &FeatureSpec| f.encoding.categories().is_some();
    features.iter().zip(inputs).filter(|(f, _)| one_hot(f)).map(|(_, input)| code(input)).collect()
}
