//! How a frame names what an expression computes, and how it finds a column.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::Expr;
use gradframe_plan::names::suggest;

use crate::{Error, Result};

/// The expression with the name Polars would give it: its alias, else its first column's name, else `literal`.
pub(super) fn named(expr: Expr) -> Expr {
    match &expr {
        Expr::Alias(_) | Expr::Column(_) => expr,
        _ => {
            let name = first_column(&expr).unwrap_or_else(|| "literal".to_owned());
            expr.alias(name)
        }
    }
}

/// The name under which a frame shows the expression.
pub(super) fn output_name(expr: &Expr) -> String {
    match expr {
        Expr::Alias(alias) => alias.name.clone(),
        Expr::Column(column) => column.name.clone(),
        _ => first_column(expr).unwrap_or_else(|| "literal".to_owned()),
    }
}

/// The first column or alias met, reading from left to right.
fn first_column(expr: &Expr) -> Option<String> {
    let mut found = None;
    let visited = expr.apply(|node| {
        found = match node {
            Expr::Column(column) => Some(column.name.clone()),
            Expr::Alias(alias) => Some(alias.name.clone()),
            _ => return Ok(TreeNodeRecursion::Continue),
        };
        Ok(TreeNodeRecursion::Stop)
    });
    visited.ok().and(found)
}

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
