//! Linear regression: `mean of (y - score)^2 / 2 + l2_reg / 2 * |w|^2`, least.

use gradframe_ml_core::{Function, Graph, Result};

use super::linear_model::{LINEAR_OPTIONS, LinearTraining, Start, encoded_scores, raw_scores};
use super::losses::half_squared_error;
use super::row_weights::ClassWeights;
use crate::estimator::{Estimator, Layout, OptionDef, Options, Task, Training};
use crate::model::Model;

/// `model_type = 'linear_reg'`. Weights: see [`super::linear_model`].
#[derive(Debug, Clone, Copy)]
pub struct LinearReg;

impl Estimator for LinearReg {
    fn model_type(&self) -> &'static str {
        "linear_reg"
    }

    fn task(&self) -> Task {
        Task::Regression
    }

    fn options(&self) -> &'static [OptionDef] {
        LINEAR_OPTIONS
    }

    fn begin(&self, layout: &Layout, options: &Options, _seed: u64) -> Result<Box<dyn Training>> {
        LinearTraining::begin(layout, None, half_squared_error, options, ClassWeights::Even, Start::Label)
    }

    fn predict(&self, model: &Model, nullable: bool) -> Result<Function> {
        let mut g = Graph::new();
        let scores = raw_scores(&mut g, model, nullable)?;
        Function::new(g, vec![scores])
    }

    fn predict_encoded(&self, model: &Model) -> Result<Function> {
        let mut g = Graph::new();
        let scores = encoded_scores(&mut g, model)?;
        Function::new(g, vec![scores])
    }
}
