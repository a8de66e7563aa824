//! Selectors become columns: inside a function that takes any number of arguments, several arguments; elsewhere, several
//! expressions.

use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::ScalarFunction;
use gradframe_plan::error::{from_datafusion, to_datafusion};

use super::super::deferred::deferred_of;
use super::super::selector::selector_of;
use super::super::structure::{Mark, mark_of};
use super::super::table::row;
use super::names::shown;
use crate::{Error, Result};

/// The expressions that this one stands for over a schema: itself where it holds no selector.
/// Errors: `Plan` for unknown columns of a selector, and for selectors of different numbers of columns in one expression.
pub(crate) fn expand(expr: Expr, schema: &DFSchema) -> Result<Vec<Expr>> {
    if !has_selector(&expr) {
        return Ok(vec![expr]);
    }
    let expr = spread_arguments(expr, schema)?;
    let choices = chosen_columns(&expr, schema)?;
    let Some(count) = width(&expr, &choices)? else { return Ok(vec![expr]) };
    (0..count).map(|at| with_columns(&expr, &choices, at)).collect()
}

fn has_selector(expr: &Expr) -> bool {
    let is_selector = |node: &Expr| Ok(selector_in(node).is_some());
    expr.exists(is_selector).unwrap_or(false)
}

fn selector_in(expr: &Expr) -> Option<&super::super::Selector> {
    match expr {
        Expr::ScalarFunction(function) => selector_of(function),
        _ => None,
    }
}

/// From which argument on a selector stands for several arguments.
fn spread_from(function: &ScalarFunction) -> Option<usize> {
    match (deferred_of(function), mark_of(function)) {
        (Some(deferred), _) => row(deferred.name).map(|row| row.spread_from).filter(|from| *from < function.args.len()),
        (_, Some(Mark::Tuple)) => Some(0),
        _ => None,
    }
}

fn spread_arguments(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let spread = expr.transform_up(|node| match node {
        Expr::ScalarFunction(function) => match spread_from(&function) {
            Some(from) => spread_call(function, from, schema).map(Transformed::yes).map_err(to_datafusion),
            None => Ok(Transformed::no(Expr::ScalarFunction(function))),
        },
        other => Ok(Transformed::no(other)),
    });
    Ok(spread.map_err(from_datafusion)?.data)
}

fn spread_call(mut function: ScalarFunction, from: usize, schema: &DFSchema) -> Result<Expr> {
    let spread = function.args.split_off(from);
    for arg in spread {
        function.args.extend(expand(arg, schema)?);
    }
    Ok(Expr::ScalarFunction(function))
}

/// The columns of each selector, in the order in which they are met.
fn chosen_columns(expr: &Expr, schema: &DFSchema) -> Result<Vec<Vec<Expr>>> {
    let mut choices = vec![];
    let visited = expr.apply(|node| {
        if let Some(selector) = selector_in(node) {
            choices.push(selector.columns(schema).map_err(to_datafusion)?);
        }
        Ok(datafusion::common::tree_node::TreeNodeRecursion::Continue)
    });
    visited.map_err(from_datafusion)?;
    Ok(choices)
}

/// How many expressions there will be; None where no selector is left.
fn width(expr: &Expr, choices: &[Vec<Expr>]) -> Result<Option<usize>> {
    let mut widths: Vec<usize> = choices.iter().map(Vec::len).collect();
    widths.sort_unstable();
    widths.dedup();
    match widths.iter().filter(|width| **width != 1).copied().collect::<Vec<_>>().as_slice() {
        [] => Ok(widths.first().copied()),
        [one] => Ok(Some(*one)),
        [first, second, ..] => {
            let what = format!("selectors of {first} and {second} columns in one expression, `{}`", shown(expr));
            Err(Error::plan("select", what).hint("each selector of an expression must choose as many columns as the others"))
        }
    }
}

fn with_columns(expr: &Expr, choices: &[Vec<Expr>], at: usize) -> Result<Expr> {
    let mut next = choices.iter();
    let replaced = expr.clone().transform_down(|node| {
        if selector_in(&node).is_none() {
            return Ok(Transformed::no(node));
        }
        let column = next.next().and_then(|columns| columns.get(at).or(columns.first()));
        Ok(column.map_or_else(|| Transformed::no(node), |column| Transformed::yes(column.clone())))
    });
    Ok(replaced.map_err(from_datafusion)?.data)
}
