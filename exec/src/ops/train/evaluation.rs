//! The metrics of a model over the rows held back from its training.

use std::collections::BTreeMap;

use gradframe_ml_core::{Error, Result, Tensor};
use gradframe_ml_kernels::{Program, compile};
use gradframe_ml_learn::metrics::{ClassificationMetrics, NamedValue, RegressionMetrics};
use gradframe_ml_learn::{Chunk, Estimator, Model};

use super::OP;
use super::chunks::Chunks;
use super::task::Stop;
use crate::memory::Memory;

/// Rows that are predicted at once: what a large network keeps of each may be much.
const PREDICTED_ROWS: usize = 8192;

/// Named metrics; None where one is not defined on the rows.
pub(super) type Evaluation = BTreeMap<String, Option<f64>>;

/// What ML.EVALUATE would report of the rows, each counting once. None if there are none.
/// Errors: `Resources` if an exact median or ROC curve over them does not fit in memory; `Cancelled`.
pub(super) fn evaluate(
    estimator: &dyn Estimator,
    model: &Model,
    rows: &Chunks,
    memory: &Memory,
    stop: &Stop,
) -> Result<Option<Evaluation>> {
    if rows.rows() == 0 {
        return Ok(None);
    }
    let program = compile(&estimator.predict_encoded(model)?)?;
    let mut metrics = Metrics::new(model.spec.label.classes.len())?;
    for i in 0..rows.len() {
        stop.check()?;
        let chunk = rows.get(i)?;
        for from in (0..chunk.rows).step_by(PREDICTED_ROWS) {
            let part = chunk.part(from, PREDICTED_ROWS)?;
            metrics.update(&predictions(&program, &part)?, &part.label)?;
        }
        memory.grow(metrics.memory_bytes().saturating_sub(memory.bytes()), "evaluating the rows held back")?;
    }
    let defined = |value: Option<f64>| value.filter(|value| value.is_finite());
    Ok(Some(metrics.finish().into_iter().map(|(name, value)| (name.to_owned(), defined(value))).collect()))
}

fn predictions(program: &Program, chunk: &Chunk) -> Result<Tensor> {
    let arguments: Vec<Tensor> = std::iter::once(&chunk.dense).chain(&chunk.codes).cloned().collect();
    program.run(&arguments)?.pop().ok_or_else(|| Error::internal(OP, "the model's program gives nothing"))
}

enum Metrics {
    Regression(RegressionMetrics),
    Classification(ClassificationMetrics),
}

impl Metrics {
    fn new(classes: usize) -> Result<Self> {
        Ok(match classes {
            0 => Metrics::Regression(RegressionMetrics::default()),
            n => Metrics::Classification(ClassificationMetrics::new(n, None)?),
        })
    }

    /// Predictions [N] or probabilities [N, C]; labels f64 [N], numbers or class indexes.
    fn update(&mut self, predictions: &Tensor, labels: &Tensor) -> Result<()> {
        let (predictions, labels) = (predictions.values::<f64>()?, labels.values::<f64>()?);
        match self {
            Metrics::Regression(metrics) => metrics.update(predictions, labels),
            Metrics::Classification(metrics) => {
                let labels: Vec<i32> = labels.iter().map(|&label| label as i32).collect();
                metrics.update(predictions, &labels)
            }
        }
    }

    fn memory_bytes(&self) -> usize {
        match self {
            Metrics::Regression(metrics) => metrics.memory_bytes(),
            Metrics::Classification(metrics) => metrics.memory_bytes(),
        }
    }

    fn finish(self) -> [NamedValue; 6] {
        match self {
            Metrics::Regression(metrics) => metrics.finish(),
            Metrics::Classification(metrics) => metrics.finish(),
        }
    }
}
