//! Logistic regression: `mean of -log p(label) + l2_reg / 2 * |w|^2`, least.
//!
//! Two classes have one score, the log odds of `classes[1]`; C > 2 classes have C scores, and p is their softmax.

use std::sync::LazyLock;

use gradframe_ml_core::{Error, Function, Graph, Result};

use super::linear_model::{LINEAR_OPTIONS, LinearTraining, Start, encoded_scores, raw_scores};
use super::losses::{binary_log_loss, probabilities, softmax_log_loss};
use super::row_weights::{CLASS_OPTIONS, ClassWeights};
use crate::estimator::{Estimator, Layout, OptionDef, Options, Task, Training};
use crate::model::Model;

/// `model_type = 'logistic_reg'`. Weights: see [`super::linear_model`].
#[derive(Debug, Clone, Copy)]
pub struct LogisticReg;

impl Estimator for LogisticReg {
    fn model_type(&self) -> &'static str {
        "logistic_reg"
    }

    fn task(&self) -> Task {
        Task::Classification
    }

    fn options(&self) -> &'static [OptionDef] {
        static OPTIONS: LazyLock<Vec<OptionDef>> = LazyLock::new(|| [LINEAR_OPTIONS, CLASS_OPTIONS].concat());
        &OPTIONS
    }

    fn begin(&self, layout: &Layout, options: &Options, _seed: u64) -> Result<Box<dyn Training>> {
        let classes = layout.label.classes.len();
        if classes < 2 {
            return Err(Error::execution("train", format!("label `{}` has fewer than 2 classes", layout.label.name)));
        }
        let weights = ClassWeights::of(&layout.label, options)?;
        match classes {
            2 => LinearTraining::begin(layout, None, binary_log_loss, options, weights, Start::Zero),
            classes => LinearTraining::begin(layout, Some(classes), softmax_log_loss, options, weights, Start::Zero),
        }
    }

    fn predict(&self, model: &Model, nullable: bool) -> Result<Function> {
        let mut g = Graph::new();
        let scores = raw_scores(&mut g, model, nullable)?;
        let probabilities = probabilities(&mut g, scores)?;
        Function::new(g, vec![probabilities])
    }

    fn predict_encoded(&self, model: &Model) -> Result<Function> {
        let mut g = Graph::new();
        let scores = encoded_scores(&mut g, model)?;
        let probabilities = probabilities(&mut g, scores)?;
        Function::new(g, vec![probabilities])
    }
}
