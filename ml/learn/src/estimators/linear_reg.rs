//! Linear regression: `mean of (y - score)^2 / 2 + l2_reg / 2 * |w|^2`, least.

use gradframe_ml_core::{DType, Function, Graph, NodeId, Result};

use super::linear_model::{LINEAR_OPTIONS, LinearTraining, raw_scores};
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
        LinearTraining::begin(layout, None, half_squared_error, options)
    }

    fn predict(&self, model: &Model, nullable: bool) -> Result<Function> {
        let mut g = Graph::new();
        let scores = raw_scores(&mut g, model, nullable)?;
        Function::new(g, vec![scores])
    }
}

/// `(label - score)^2 / 2`: [N].
fn half_squared_error(g: &mut Graph, scores: NodeId, label: NodeId) -> Result<NodeId> {
    let error = g.sub(label, scores)?;
    let squared = g.mul(error, error)?;
    let half = g.scalar(DType::F64, 0.5)?;
    g.mul(squared, half)
}
