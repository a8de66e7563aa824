//! Logistic regression: `mean of -log p(label) + l2_reg / 2 * |w|^2`, least.
//!
//! Two classes have one score, the log odds of `classes[1]`; C > 2 classes have C scores, and p is their softmax.

use gradframe_ml_core::{DType, Error, Function, Graph, NodeId, Result};

use super::linear_model::{LINEAR_OPTIONS, LinearTraining, raw_scores};
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
        LINEAR_OPTIONS
    }

    fn begin(&self, layout: &Layout, options: &Options, _seed: u64) -> Result<Box<dyn Training>> {
        match layout.label.classes.len() {
            0 | 1 => Err(Error::execution("train", format!("label `{}` has fewer than 2 classes", layout.label.name))),
            2 => LinearTraining::begin(layout, None, binary_log_loss, options),
            classes => LinearTraining::begin(layout, Some(classes), softmax_log_loss, options),
        }
    }

    fn predict(&self, model: &Model, nullable: bool) -> Result<Function> {
        let mut g = Graph::new();
        let scores = raw_scores(&mut g, model, nullable)?;
        let binary = model.spec.label.classes.len() == 2;
        let probabilities = if binary { binary_probabilities(&mut g, scores)? } else { g.softmax(scores, 1)? };
        Function::new(g, vec![probabilities])
    }
}

/// `-log p = log(1 + e^score) - label * score`; the label is 0 or 1: [N].
fn binary_log_loss(g: &mut Graph, scores: NodeId, label: NodeId) -> Result<NodeId> {
    let total = g.softplus(scores)?;
    let agreement = g.mul(label, scores)?;
    g.sub(total, agreement)
}

/// `-log p` of the label's class; the label is a class index: [N, C], [N] -> [N].
fn softmax_log_loss(g: &mut Graph, scores: NodeId, label: NodeId) -> Result<NodeId> {
    let log_probabilities = g.log_softmax(scores, 1)?;
    let is_label = is_label(g, scores, label)?;
    let zero = g.scalar(DType::F64, 0.0)?;
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

/// The probabilities of both classes, each exact where it is small: [N] -> [N, 2].
fn binary_probabilities(g: &mut Graph, scores: NodeId) -> Result<NodeId> {
    let opposite = g.neg(scores)?;
    let of_first = g.sigmoid(opposite)?;
    let of_second = g.sigmoid(scores)?;
    g.stack(&[of_first, of_second], 1)
}
