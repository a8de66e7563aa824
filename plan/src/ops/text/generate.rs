//! Generate: texts continued, `ML.GENERATE_TEXT`.

use std::sync::Arc;

use datafusion::logical_expr::LogicalPlan;
use gradframe_ml_core::Result;

use super::{Request, TextOptions, TextOutput, TextTask, named, plan};
use crate::services::{NamedModel, Services};

/// The plan that appends what comes after each row's prompt: `ml_generate_text_result`, `_statistics`, `_status`.
///
/// Nulls: a null prompt has a null result. Errors: as [`super::embed`].
pub fn generate(input: LogicalPlan, model: Arc<NamedModel>, options: TextOptions, services: &Services) -> Result<LogicalPlan> {
    let outputs = vec![TextOutput::Text, TextOutput::TextStatistics, TextOutput::TextStatus];
    let mut outputs = named(outputs);
    if options.flatten {
        outputs[0].name = "ml_generate_text_llm_result".into();
    }
    plan(input, model, Request { task: TextTask::Generate, options, outputs }, services)
}
