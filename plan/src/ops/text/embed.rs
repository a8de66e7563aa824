//! Embed: texts as vectors, `ML.GENERATE_EMBEDDING`.

use std::sync::Arc;

use datafusion::logical_expr::LogicalPlan;
use gradframe_ml_core::Result;
use gradframe_ml_models::Embedder;

use super::{Request, TextOptions, TextOutput, TextTask, named, plan};
use crate::services::{NamedModel, Services};

/// The plan that appends the vector of each row's text: `ml_generate_embedding_result`, `_statistics`, `_status`.
///
/// Nulls: a null text has a null vector.
/// Errors: `Plan` if the model is no pretrained one, if there is no column of texts, or if the input has a column of an output's name;
/// those of files that are not whole.
pub fn embed(input: LogicalPlan, model: Arc<NamedModel>, options: TextOptions, services: &Services) -> Result<LogicalPlan> {
    let width = match model.pretrained() {
        Some((directory, dtype)) => Embedder::width_of(services.pretrained.open(directory, dtype)?.as_ref())?,
        None => 0, // refused below
    };
    let outputs = vec![TextOutput::Vector { width }, TextOutput::Statistics, TextOutput::VectorStatus];
    plan(input, model, Request { task: TextTask::Embed, options, outputs: named(outputs) }, services)
}
