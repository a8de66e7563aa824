//! How a frame names what an expression computes, and how it finds a column.

use std::collections::HashSet;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::{Expr, ExprSchemable};
use gradframe_plan::names::suggest;

use super::DataFrame;
use crate::expr::IntoExpr;
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

/// Refuses two columns of one name, which a result would have.
pub(super) fn require_one_of_each<'a>(op: &str, names: impl IntoIterator<Item = &'a str>) -> Result<()> {
    let mut known = HashSet::new();
    match names.into_iter().find(|name| !known.insert(*name)) {
        None => Ok(()),
        Some(twice) => {
            Err(Error::plan(op, format!("two columns would be named `{twice}`")).hint("rename or drop one of them first"))
        }
    }
}

impl DataFrame {
    /// The expressions as a plan can hold them, selectors being columns. Errors: `Plan` for a column that does not exist, with
    /// the nearest.
    pub(super) fn checked(&self, op: &str, exprs: Vec<Expr>) -> Result<Vec<Expr>> {
        Ok(self.typed(op, exprs)?.into_iter().map(|named| named.expr).collect())
    }

    /// The names of columns that are meant by expressions. Errors: `Plan` for what is no column, or an unknown one.
    pub(super) fn names_of(&self, op: &str, exprs: impl IntoIterator<Item = impl IntoExpr>) -> Result<Vec<String>> {
        let exprs = self.checked(op, exprs.into_iter().map(IntoExpr::into_expr).collect())?;
        let name = |expr: Expr| match expr {
            Expr::Column(column) => Ok(column.name),
            other => Err(Error::plan(op, format!("expected a column, got `{}`", other.human_display()))),
        };
        exprs.into_iter().map(name).collect()
    }

    /// The type of an expression over the frame's columns; None where it has none yet.
    pub(super) fn type_of(&self, expr: &Expr) -> Option<DataType> {
        expr.get_type(self.plan.schema()).ok()
    }
}
