//! Pretrained models over a column of texts: Embed, Generate and Classify. Every input row out again, in order, with what the model
//! makes of its text appended.

mod classify;
mod embed;
mod generate;
mod node;
mod options;
mod output;
mod register;

use std::sync::Arc;

use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::{Expr, Extension, LogicalPlan};
use gradframe_ml_core::{Error, Result};

pub use self::classify::classify;
pub use self::embed::embed;
pub use self::generate::generate;
pub use self::node::TextNode;
pub use self::options::{GenerateOptions, OnProblem, TextOptions};
pub use self::output::TextOutput;
pub use self::register::{MODEL_TYPE, Pretrained, directory_of, pretrained};
use crate::names::list;
use crate::ops::columns::{TypeFamily, find};
use crate::services::{NamedModel, Services};

/// Which of the operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TextTask {
    /// Texts as vectors.
    Embed,
    /// Texts continued.
    Generate,
    /// Texts as labels.
    Classify,
}

impl TextTask {
    /// The operator's name in plans.
    pub fn name(self) -> &'static str {
        match self {
            TextTask::Embed => "Embed",
            TextTask::Generate => "Generate",
            TextTask::Classify => "Classify",
        }
    }

    /// The relation's name in errors.
    pub fn op(self) -> &'static str {
        match self {
            TextTask::Embed => "ml.generate_embedding",
            TextTask::Generate => "ml.generate_text",
            TextTask::Classify => "ml.classify",
        }
    }

    /// The column that is read if no other is named, as BigQuery has it.
    pub fn column(self) -> &'static str {
        match self {
            TextTask::Generate => "prompt",
            TextTask::Embed | TextTask::Classify => "content",
        }
    }
}

/// What the three operators are made of.
struct Request {
    task: TextTask,
    options: TextOptions,
    outputs: Vec<TextOutput>,
}

fn plan(input: LogicalPlan, model: Arc<NamedModel>, request: Request, services: &Services) -> Result<LogicalPlan> {
    let op = request.task.op();
    let not_pretrained = || {
        let what = format!("{} was trained here, expected a pretrained one", model.title());
        Error::plan(op, what).hint("CREATE MODEL e OPTIONS (model_type = 'huggingface', path = '...')")
    };
    let opened = services.pretrained.open(model.pretrained().ok_or_else(not_pretrained)?)?;
    let text = text_column(&request, input.schema())?;
    let node = TextNode::try_new(input, (model, opened), request.task, request.options, text, request.outputs)?;
    Ok(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
}

/// The column of texts: the one that is asked for, else `content` or `prompt`, else the only one of texts.
fn text_column(request: &Request, schema: &DFSchema) -> Result<Expr> {
    let (op, usual) = (request.task.op(), request.task.column());
    if let Some(name) = &request.options.column {
        let missing = || crate::ops::columns::missing(op, schema, format!("the input lacks a column `{name}`"), name);
        return of_texts(op, schema, find(op, schema, name)?.ok_or_else(missing)?);
    }
    if let Some(at) = find(op, schema, usual)? {
        return of_texts(op, schema, at);
    }
    let texts: Vec<usize> = (0..schema.fields().len()).filter(|&at| is_text(schema, at)).collect();
    match texts[..] {
        [only] => of_texts(op, schema, only),
        _ => {
            let names: Vec<&str> = texts.iter().map(|&at| schema.field(at).name().as_str()).collect();
            let found = if names.is_empty() { "none of texts".to_owned() } else { format!("several of texts: {}", list(&names)) };
            let error = Error::plan(op, format!("the input has no column `{usual}`, and {found}"));
            Err(error.hint(format!("select the one to read AS {usual}")))
        }
    }
}

fn is_text(schema: &DFSchema, at: usize) -> bool {
    TypeFamily::of(schema.field(at).data_type()) == Some(TypeFamily::Text)
}

fn of_texts(op: &str, schema: &DFSchema, at: usize) -> Result<Expr> {
    let (qualifier, field) = schema.qualified_field(at);
    let is_null = TypeFamily::of(field.data_type()) == Some(TypeFamily::Null);
    if !is_text(schema, at) && !is_null {
        let what = format!("column `{}` has another type, expected text, got {}", field.name(), field.data_type());
        return Err(Error::dtype(op, what).hint(format!("cast it: CAST({} AS VARCHAR)", field.name())));
    }
    Ok(Expr::Column(Column::from((qualifier, field))))
}
