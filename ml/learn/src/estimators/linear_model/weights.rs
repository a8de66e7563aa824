//! A trained model's weights, checked against its features.

use gradframe_ml_core::{Error, Result, Tensor};

use super::parameters::{DENSE, INTERCEPT, category};
use crate::features::{DenseColumn, dense_columns};
use crate::model::Model;

/// The weights of a linear model.
#[derive(Debug, Clone)]
pub(crate) struct LinearWeights {
    /// C where there are C scores a row; None for one.
    pub outputs: Option<usize>,
    /// By feature.
    pub features: Vec<FeatureWeights>,
    /// [1] or [C].
    pub intercept: Vec<f64>,
}

/// The weights of one feature, one a score in each vector.
#[derive(Debug, Clone)]
pub(crate) enum FeatureWeights {
    /// Of the standardised number, and of its null indicator where it has one.
    Number { value: Vec<f64>, is_null: Option<Vec<f64>> },
    /// [n] or [n, C].
    Categories(Tensor),
}

impl LinearWeights {
    /// The weights of this model. Errors: `Execution` naming a weight that is missing or of the wrong shape.
    pub(crate) fn of(model: &Model) -> Result<Self> {
        let intercept = find(model, INTERCEPT)?;
        let outputs = intercept.shape().first().copied();
        let mut features = Vec::with_capacity(model.spec.features.len());
        let mut one_hot = 0..;
        for feature in &model.spec.features {
            features.push(match feature.encoding.categories() {
                None => FeatureWeights::Number { value: Vec::new(), is_null: None },
                Some(size) => {
                    let name = one_hot.next().map(category).unwrap_or_default();
                    FeatureWeights::Categories(checked(model, &name, size, outputs)?.clone())
                }
            });
        }
        let mut weights = LinearWeights { outputs, features, intercept: intercept.values()?.to_vec() };
        weights.read_dense(model)?;
        Ok(weights)
    }

    /// Scores a row.
    pub(crate) fn width(&self) -> usize {
        self.outputs.unwrap_or(1)
    }

    /// The features all of whose weights are 0.
    pub(crate) fn unused_features(&self) -> Vec<usize> {
        self.features.iter().enumerate().filter(|(_, weights)| weights.are_zero()).map(|(i, _)| i).collect()
    }

    fn read_dense(&mut self, model: &Model) -> Result<()> {
        let columns = dense_columns(&model.spec.features);
        if columns.is_empty() {
            return Ok(());
        }
        let rows = checked(model, DENSE, columns.len(), self.outputs)?.values::<f64>()?.chunks_exact(self.width());
        for (column, row) in columns.into_iter().zip(rows) {
            let (DenseColumn::Value(i) | DenseColumn::IsNull(i)) = column;
            if let FeatureWeights::Number { value, is_null } = &mut self.features[i] {
                match column {
                    DenseColumn::Value(_) => *value = row.to_vec(),
                    DenseColumn::IsNull(_) => *is_null = Some(row.to_vec()),
                }
            }
        }
        Ok(())
    }
}

impl FeatureWeights {
    fn are_zero(&self) -> bool {
        let zero = |weights: &[f64]| weights.iter().all(|w| *w == 0.0);
        match self {
            FeatureWeights::Number { value, is_null } => zero(value) && is_null.as_deref().is_none_or(zero),
            FeatureWeights::Categories(tensor) => tensor.values::<f64>().is_ok_and(zero),
        }
    }
}

fn find<'a>(model: &'a Model, name: &str) -> Result<&'a Tensor> {
    model.weights.get(name).ok_or_else(|| damaged(format!("weight `{name}` is missing")))
}

/// The weight `name`, [size] or [size, C].
fn checked<'a>(model: &'a Model, name: &str, size: usize, outputs: Option<usize>) -> Result<&'a Tensor> {
    let tensor = find(model, name)?;
    let expected: Vec<usize> = std::iter::once(size).chain(outputs).collect();
    if tensor.shape() != expected {
        return Err(damaged(format!("weight `{name}` has shape {:?}, expected {expected:?}", tensor.shape())));
    }
    Ok(tensor)
}

fn damaged(what: String) -> Error {
    Error::execution("model", what).hint("the stored model is damaged: train it again")
}
