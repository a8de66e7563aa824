//! Pretrained models over a column of texts, or over pairs of them: Embed, Generate, Classify and Answer. Every input row out again, in
//! order, with what the model makes of its text appended.

mod answer;
mod call;
mod classify;
mod columns;
mod embed;
mod generate;
mod node;
mod options;
mod output;
mod register;

use std::sync::Arc;

use datafusion::logical_expr::{Extension, LogicalPlan};
use gradframe_ml_core::{Error, Result};
use gradframe_ml_models::Model;

pub use self::answer::answer;
pub use self::call::{TextCall, text_call};
pub use self::classify::classify;
pub use self::embed::embed;
pub use self::generate::generate;
pub use self::node::TextNode;
pub use self::options::{GenerateOptions, OnProblem, TextOptions};
pub use self::output::{TextColumn, TextOutput};
pub use self::register::{MODEL_TYPE, Pretrained, directory_of, pretrained};
use crate::services::{NamedModel, Services};

/// Which of the operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TextTask {
    /// Texts as vectors.
    Embed,
    /// Texts continued.
    Generate,
    /// Texts, or pairs of them, as labels.
    Classify,
    /// The parts of texts that answer questions.
    Answer,
}

impl TextTask {
    /// The operator's name in plans.
    pub fn name(self) -> &'static str {
        match self {
            TextTask::Embed => "Embed",
            TextTask::Generate => "Generate",
            TextTask::Classify => "Classify",
            TextTask::Answer => "Answer",
        }
    }

    /// The relation's name in errors.
    pub fn op(self) -> &'static str {
        match self {
            TextTask::Embed => "ml.generate_embedding",
            TextTask::Generate => "ml.generate_text",
            TextTask::Classify => "ml.classify",
            TextTask::Answer => "ml.answer",
        }
    }

    /// The column that is read if no other is named, as BigQuery has it.
    pub fn column(self) -> &'static str {
        match self {
            TextTask::Generate => "prompt",
            TextTask::Embed | TextTask::Classify | TextTask::Answer => "content",
        }
    }
}

/// What the operators are made of.
struct Request {
    task: TextTask,
    options: TextOptions,
    outputs: Vec<TextColumn>,
}

/// Columns under BigQuery's names.
fn named(outputs: Vec<TextOutput>) -> Vec<TextColumn> {
    outputs.into_iter().map(TextColumn::from).collect()
}

fn plan(input: LogicalPlan, model: Arc<NamedModel>, request: Request, services: &Services) -> Result<LogicalPlan> {
    let opened = opened(request.task, &model, services)?;
    let texts = columns::texts(request.task, &request.options, input.schema())?;
    let node = TextNode::try_new(input, (model, opened), request.task, request.options, texts, request.outputs)?;
    Ok(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
}

/// How a model says that texts are to be continued. Errors: as [`embed`].
pub fn generation_defaults(task: TextTask, model: &NamedModel, services: &Services) -> Result<GenerateOptions> {
    match task {
        TextTask::Generate => GenerateOptions::of(opened(task, model, services)?.as_ref()),
        _ => Ok(GenerateOptions::default()),
    }
}

/// The files of a pretrained model. Errors: `Plan` for one that was trained here; those of files that are not whole.
fn opened(task: TextTask, model: &NamedModel, services: &Services) -> Result<Arc<Model>> {
    let not_pretrained = || {
        let what = format!("{} was trained here, expected a pretrained one", model.title());
        Error::plan(task.op(), what).hint("CREATE MODEL e OPTIONS (model_type = 'huggingface', path = '...')")
    };
    let (directory, dtype) = model.pretrained().ok_or_else(not_pretrained)?;
    services.pretrained.open(directory, dtype)
}
