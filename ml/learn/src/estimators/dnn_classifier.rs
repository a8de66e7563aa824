//! A network that learns classes: least mean of `-log p(label)`, plus penalties.
//!
//! Two classes have one score, the log odds of `classes[1]`; C > 2 classes have C scores, and p is their softmax.
//! Weights: see [`crate::nn::Network`].

use std::sync::LazyLock;

use gradframe_ml_core::{DType, Function, Graph, NodeId, Result};

use super::losses::probabilities;
use super::network::{self, NETWORK_OPTIONS, NetworkTraining};
use super::row_weights::CLASS_OPTIONS;
use crate::estimator::{Estimator, Layout, OptionDef, Options, Task, Training};
use crate::model::Model;
use crate::split::Split;

/// `model_type = 'dnn_classifier'`.
#[derive(Debug, Clone, Copy)]
pub struct DnnClassifier;

impl Estimator for DnnClassifier {
    fn model_type(&self) -> &'static str {
        "dnn_classifier"
    }

    fn task(&self) -> Task {
        Task::Classification
    }

    fn options(&self) -> &'static [OptionDef] {
        static OPTIONS: LazyLock<Vec<OptionDef>> = LazyLock::new(|| [NETWORK_OPTIONS, CLASS_OPTIONS].concat());
        &OPTIONS
    }

    fn default_split(&self) -> Split {
        Split::Auto
    }

    fn feature_dtype(&self) -> DType {
        DType::F32
    }

    fn begin(&self, layout: &Layout, options: &Options, seed: u64) -> Result<Box<dyn Training>> {
        NetworkTraining::begin(Task::Classification, layout, options, seed)
    }

    fn predict(&self, model: &Model, nullable: bool) -> Result<Function> {
        let mut g = Graph::new();
        let scores = network::raw_scores(&mut g, model, nullable)?;
        finished(g, scores)
    }

    fn predict_encoded(&self, model: &Model) -> Result<Function> {
        let mut g = Graph::new();
        let scores = network::encoded_scores(&mut g, model)?;
        finished(g, scores)
    }
}

/// The function that gives the classes' probabilities f64 [N, C], from scores f32 [N] or [N, C].
fn finished(mut g: Graph, scores: NodeId) -> Result<Function> {
    let scores = g.cast(scores, DType::F64)?;
    let probabilities = probabilities(&mut g, scores)?;
    Function::new(g, vec![probabilities])
}
