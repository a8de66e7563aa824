//! Choosing, adding, dropping and renaming columns.

use datafusion::logical_expr::Expr;

use super::DataFrame;
use super::merge;
use super::naming::{all_columns, named, output_name, require_column};
use crate::Result;
use crate::expr::{IntoExpr, col};

impl DataFrame {
    /// These columns and no others, in this order. Aggregates alone give one row; beside columns they are repeated.
    /// Errors: `Plan` for unknown columns, two results of one name, or results of different numbers of rows.
    pub fn select(&self, exprs: impl IntoIterator<Item = impl IntoExpr>) -> Result<Self> {
        self.resolve_selection(exprs.into_iter().map(IntoExpr::into_expr).collect())
    }

    /// All columns, with these added; one of an existing name takes its place.
    /// Errors: `Plan` for unknown columns.
    pub fn with_columns(&self, exprs: impl IntoIterator<Item = impl IntoExpr>) -> Result<Self> {
        let added = self.resolve("with_columns", exprs.into_iter().map(IntoExpr::into_expr))?;
        let mut projection = self.columns_as_exprs();
        for expr in added.exprs {
            place(&mut projection, output_name(&expr), expr);
        }
        added.frame.project(projection.into_iter().map(|(_, expr)| expr).collect())
    }

    /// Adds or replaces one column.
    pub fn with_column(&self, name: impl Into<String>, expr: impl IntoExpr) -> Result<Self> {
        self.with_columns([expr.into_expr().alias(name)])
    }

    /// All columns but these. Errors: `Plan` for a name that doesn't exist.
    pub fn drop(&self, names: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self> {
        let mut kept = self.columns_as_exprs();
        for name in names {
            require_column("drop", self.plan.schema(), name.as_ref())?;
            kept.retain(|(column, _)| column != name.as_ref());
        }
        self.project(kept.into_iter().map(|(_, expr)| expr).collect())
    }

    /// The same columns under new names, given as `(old, new)`. Errors: `Plan` for an old name that doesn't exist.
    pub fn rename(&self, names: impl IntoIterator<Item = (impl AsRef<str>, impl Into<String>)>) -> Result<Self> {
        let mut columns = self.columns_as_exprs();
        for (old, new) in names {
            require_column("rename", self.plan.schema(), old.as_ref())?;
            let renamed = col(old.as_ref()).alias(new);
            columns.iter_mut().filter(|(name, _)| name == old.as_ref()).for_each(|(_, expr)| *expr = renamed.clone());
        }
        self.project(columns.into_iter().map(|(_, expr)| expr).collect())
    }

    /// A projection, each result named.
    pub(super) fn project(&self, exprs: Vec<Expr>) -> Result<Self> {
        Ok(self.with_plan(merge::project(&self.plan, exprs.into_iter().map(named).collect())?))
    }

    /// Every column with its name.
    fn columns_as_exprs(&self) -> Vec<(String, Expr)> {
        all_columns(self.plan.schema()).collect()
    }
}

/// Puts an expression where its name already stands, else at the end.
fn place(projection: &mut Vec<(String, Expr)>, name: String, expr: Expr) {
    match projection.iter_mut().find(|(existing, _)| *existing == name) {
        Some(slot) => slot.1 = expr,
        None => projection.push((name, expr)),
    }
}
