//! Classify: texts as labels, `ML.CLASSIFY`.

use std::sync::Arc;

use datafusion::logical_expr::LogicalPlan;
use gradframe_ml_core::Result;

use super::{Request, TextOptions, TextOutput, TextTask, named, plan};
use crate::services::{NamedModel, Services};

/// The plan that appends the most probable label of each row's text and its probability: `label`, `score`.
///
/// Nulls: a null text has a null label. Errors: as [`super::embed`].
pub fn classify(input: LogicalPlan, model: Arc<NamedModel>, options: TextOptions, services: &Services) -> Result<LogicalPlan> {
    let outputs = vec![TextOutput::Label, TextOutput::Score];
    plan(input, model, Request { task: TextTask::Classify, options, outputs: named(outputs) }, services)
}
