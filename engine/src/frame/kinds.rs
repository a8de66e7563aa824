//! Enums stay what they are where a plan leaves it out of its fields: in windows, aggregates, lists and unions of DataFusion's.

use datafusion::logical_expr::{Expr, ExprSchemable};
use gradframe_plan::functions::enum_categories;

use super::DataFrame;
use super::naming::all_columns;
use super::resolve::under_name;
use crate::Result;
use crate::expr::as_enum;

impl DataFrame {
    /// The categories of an expression that is an Enum, or lists of one: what windows, aggregates and lists of DataFusion's leave out
    /// of their fields.
    pub(super) fn kind(&self, expr: &Expr) -> Option<Vec<String>> {
        expr.to_field(self.plan.schema()).ok().and_then(|(_, field)| enum_categories(&field))
    }

    /// The expression over this frame, an Enum if it is to be one.
    pub(super) fn of_kind(&self, expr: Expr, kind: Option<Vec<String>>) -> Expr {
        match kind {
            Some(categories) if self.kind(&expr).as_ref() != Some(&categories) => as_enum(expr, categories),
            _ => expr,
        }
    }

    /// Of each column the categories, if it is one of these and an Enum or lists of one.
    pub(super) fn kinds(&self, columns: &[String]) -> Vec<Option<Vec<String>>> {
        let kind = |(name, column)| if columns.contains(&name) { self.kind(&column) } else { None };
        all_columns(self.plan.schema()).map(kind).collect()
    }

    /// The frame with those columns Enums that are to be.
    pub(super) fn of_kinds(&self, kinds: Vec<Option<Vec<String>>>) -> Result<Self> {
        let columns: Vec<(String, Expr)> = all_columns(self.plan.schema()).collect();
        let lost = |((_, column), kind): (&(String, Expr), &Option<Vec<String>>)| kind.is_some() && self.kind(column) != *kind;
        if columns.len() != kinds.len() || !columns.iter().zip(&kinds).any(lost) {
            return Ok(self.clone());
        }
        let columns = columns.into_iter().zip(kinds);
        self.project(columns.map(|((name, column), kind)| under_name(self.of_kind(column, kind), name)).collect())
    }
}
