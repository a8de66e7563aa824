//! A network that learns a number: least mean of half the squared error of the standardised label, plus penalties.
//!
//! Training standardises the label and prediction takes that back, so that one learning rate serves dollars and
//! fractions alike; losses in the log are in the label's own units. Weights: see [`crate::nn::Network`], and
//! `label.mean`, `label.std` f64 [].

use std::sync::LazyLock;

use gradframe_ml_core::{DType, Function, Graph, NodeId, Result};

use super::network::{self, NETWORK_OPTIONS, NetworkTraining};
use crate::estimator::{Estimator, Layout, OptionDef, Options, Task, Training};
use crate::model::Model;
use crate::split::Split;

/// `model_type = 'dnn_regressor'`.
#[derive(Debug, Clone, Copy)]
pub struct DnnRegressor;

impl Estimator for DnnRegressor {
    fn model_type(&self) -> &'static str {
        "dnn_regressor"
    }

    fn task(&self) -> Task {
        Task::Regression
    }

    fn options(&self) -> &'static [OptionDef] {
        static OPTIONS: LazyLock<Vec<OptionDef>> = LazyLock::new(|| NETWORK_OPTIONS.to_vec());
        &OPTIONS
    }

    fn default_split(&self) -> Split {
        Split::Auto
    }

    fn feature_dtype(&self) -> DType {
        DType::F32
    }

    fn begin(&self, layout: &Layout, options: &Options, seed: u64) -> Result<Box<dyn Training>> {
        NetworkTraining::begin(Task::Regression, layout, options, seed)
    }

    fn predict(&self, model: &Model, nullable: bool) -> Result<Function> {
        let mut g = Graph::new();
        let scores = network::raw_scores(&mut g, model, nullable)?;
        finished(g, model, scores)
    }

    fn predict_encoded(&self, model: &Model) -> Result<Function> {
        let mut g = Graph::new();
        let scores = network::encoded_scores(&mut g, model)?;
        finished(g, model, scores)
    }
}

/// The function that gives numbers in the label's units f64 [N], from scores f32 [N].
fn finished(mut g: Graph, model: &Model, scores: NodeId) -> Result<Function> {
    let score = g.cast(scores, DType::F64)?;
    let number = network::in_label_units(&mut g, model, score)?;
    Function::new(g, vec![number])
}
