//! The name of what an expression computes: Polars's rule, its leftmost leaf, unless an alias or a rule of `name.*` says
//! otherwise.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::Expr;

use super::super::naming::naming_of;

/// The name of an expression without a column in it.
const LITERAL: &str = "literal";

/// The expression as errors show it: without the qualifier of frames that have no name.
pub(crate) fn shown(expr: &Expr) -> String {
    expr.human_display().to_string().replace("?table?.", "")
}

/// The name under which a frame shows the expression.
pub fn output_name(expr: &Expr) -> String {
    match expr {
        Expr::Alias(alias) => alias.name.clone(),
        Expr::Column(column) => column.name.clone(),
        Expr::Case(case) => case.when_then_expr.first().map_or_else(|| LITERAL.to_owned(), |(_, then)| output_name(then)),
        Expr::ScalarFunction(function) => match (naming_of(function), function.args.first()) {
            (Some(naming), Some(value)) => naming.apply(&output_name(value), &root_name(value)),
            (_, Some(value)) => output_name(value),
            (_, None) => function.name().to_owned(),
        },
        _ => first_child(expr).unwrap_or_else(|| LITERAL.to_owned()),
    }
}

/// The expression with its name as an alias, unless it is a column.
pub(crate) fn named(expr: Expr) -> Expr {
    match expr {
        Expr::Column(_) | Expr::Alias(_) => expr,
        _ => {
            let name = output_name(&expr);
            expr.alias(name)
        }
    }
}

fn first_child(expr: &Expr) -> Option<String> {
    let mut found = None;
    let visited = expr.apply_children(|child| {
        found = Some(output_name(child));
        Ok(TreeNodeRecursion::Stop)
    });
    visited.ok().and(found)
}

/// The columns that an expression reads, from left to right, each once.
pub fn root_names(expr: &Expr) -> Vec<String> {
    let mut names: Vec<String> = vec![];
    let visited = expr.apply(|node| {
        if let Expr::Column(column) = node
            && !names.contains(&column.name)
        {
            names.push(column.name.clone());
        }
        Ok(TreeNodeRecursion::Continue)
    });
    visited.map_or_else(|_| vec![], |_| names)
}

/// The name of the first column, whatever aliases it was given.
fn root_name(expr: &Expr) -> String {
    let mut found = None;
    let visited = expr.apply(|node| match node {
        Expr::Column(column) => {
            found = Some(column.name.clone());
            Ok(TreeNodeRecursion::Stop)
        }
        _ => Ok(TreeNodeRecursion::Continue),
    });
    visited.ok().and(found).unwrap_or_else(|| LITERAL.to_owned())
}
