//! How a frame names what an expression computes, and how it finds a column.

use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::Expr;
use gradframe_plan::names::suggest;

pub(super) use crate::expr::resolve::{named, output_name};
use crate::{Error, Result};

/// Every column of a schema, in order, as expressions that can't be ambiguous.
pub(super) fn all_columns(schema: &DFSchema) -> impl Iterator<Item = (String, Expr)> + '_ {
    schema.iter().map(|field| (field.1.name().clone(), Expr::Column(Column::from(field))))
}

/// Refuses a name that the schema lacks, with the nearest one that it has.
pub(super) fn require_column(op: &str, schema: &DFSchema, name: &str) -> Result<()> {
    let names = || schema.fields().iter().map(|field| field.name().as_str());
    if names().any(|known| known == name) {
        return Ok(());
    }
    Err(Error::plan(op, format!("unknown column `{name}`")).hint(suggest(name, names())))
}
