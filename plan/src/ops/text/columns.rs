//! Which columns of the input the operators over texts read.

use arrow::datatypes::DataType;
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::{Expr, cast};
use gradframe_ml_core::{Error, Result};

use super::{TextOptions, TextTask};
use crate::names::list;
use crate::ops::columns::{TypeFamily, find, missing};

/// The columns of texts that a task reads: one, or two of pairs; behind prompts their seeds, as texts.
/// Errors: `Plan` for a column that is not there, `DType` for one of another type.
pub fn texts(task: TextTask, options: &TextOptions, schema: &DFSchema) -> Result<Vec<Expr>> {
    let first = match task {
        TextTask::Answer => named(task, options.question_column.as_deref().unwrap_or("question"), schema)?,
        _ => only(task, options, schema)?,
    };
    if let (TextTask::Generate, Some(name)) = (task, &options.seed_column) {
        return Ok(vec![first, seed(task.op(), name, schema)?]);
    }
    let second = match task {
        TextTask::Answer => Some(options.column.as_deref().unwrap_or(task.column())),
        _ => options.pair_column.as_deref(),
    };
    let second = second.map(|name| named(task, name, schema)).transpose()?;
    Ok(std::iter::once(first).chain(second).collect())
}

fn named(task: TextTask, name: &str, schema: &DFSchema) -> Result<Expr> {
    let absent = || missing(task.op(), schema, format!("the input lacks a column `{name}`"), name);
    of_texts(task.op(), schema, find(task.op(), schema, name)?.ok_or_else(absent)?)
}

fn seed(op: &str, name: &str, schema: &DFSchema) -> Result<Expr> {
    let absent = || missing(op, schema, format!("the input lacks a column `{name}`"), name);
    let (qualifier, field) = schema.qualified_field(find(op, schema, name)?.ok_or_else(absent)?);
    if !field.data_type().is_integer() {
        let what = format!("column `{name}` has another type, expected whole numbers as seeds, got {}", field.data_type());
        return Err(Error::dtype(op, what));
    }
    Ok(cast(Expr::Column(Column::from((qualifier, field))), DataType::Utf8))
}

/// The column of texts: the one that is asked for, else `content` or `prompt`, else the only one of texts.
fn only(task: TextTask, options: &TextOptions, schema: &DFSchema) -> Result<Expr> {
    let (op, usual) = (task.op(), task.column());
    if let Some(name) = &options.column {
        return named(task, name, schema);
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
