//! Answer: the parts of texts that answer questions, `ML.ANSWER`.

use std::sync::Arc;

use datafusion::logical_expr::LogicalPlan;
use gradframe_ml_core::Result;

use super::{Request, TextOptions, TextOutput, TextTask, named, plan};
use crate::services::{NamedModel, Services};

/// The plan that appends the part of each row's text that answers its question: `answer`, `score`, `answer_start`, `answer_end`.
///
/// Nulls: a null question or text has a null answer. Errors: as [`super::embed`].
pub fn answer(input: LogicalPlan, model: Arc<NamedModel>, options: TextOptions, services: &Services) -> Result<LogicalPlan> {
    let outputs = vec![TextOutput::Answer, TextOutput::Score, TextOutput::AnswerStart, TextOutput::AnswerEnd];
    plan(input, model, Request { task: TextTask::Answer, options, outputs: named(outputs) }, services)
}
