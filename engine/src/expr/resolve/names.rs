//! The name of what an expression computes: Polars's rule, its leftmost leaf, unless an alias or a rule of `name.*` says
//! otherwise.

use arrow::util::display::array_value_to_string;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::{Case, ScalarFunction};
use gradframe_ml_core::error::Detail;
use gradframe_plan::error::said_otherwise;
use gradframe_plan::functions::is_of_row;

use super::super::ELEMENT;
use super::super::naming::{Naming, naming_of};
use super::super::structure::{Mark, mark_of};
use crate::Error;
use crate::session::in_words;

/// The name of an expression without a column in it.
const LITERAL: &str = "literal";

/// The expression as errors show it: constants as they are written, and without the qualifier of frames that have no name. What
/// stands in hidden columns, or is a window of them, has no words of the user's.
pub(crate) fn shown(expr: &Expr) -> String {
    let worded = expr.clone().transform_down(|node| {
        let words = match &node {
            Expr::Literal(value, _) => match value.try_as_str() {
                Some(Some(text)) => format!("'{text}'"),
                _ => moment(value).unwrap_or_else(|| value.to_string()),
            },
            Expr::Column(column) if column.name == ELEMENT => in_sight(&column.name).to_owned(),
            Expr::Column(column) if column.name.starts_with("__") => PART.to_owned(),
            Expr::WindowFunction(_) => PART.to_owned(),
            Expr::ScalarFunction(function) if is_named_once(function) => PART.to_owned(),
            Expr::ScalarFunction(function) if let Some((name, _)) = function.func.name().split_once('[') => {
                // Its constants may be words of what it is over, words of which are among those.
                format!("{name}({})", function.args.iter().map(shown).collect::<Vec<_>>().join(", "))
            }
            Expr::AggregateFunction(aggregate) if !aggregate.params.order_by.is_empty() => PART.to_owned(),
            Expr::Case(case) if case.expr.is_none() => conditional(case),
            _ => return Ok(Transformed::no(node)),
        };
        Ok(Transformed::new(Expr::Column(Column::from_name(words)), true, TreeNodeRecursion::Jump))
    });
    let worded = worded.map_or_else(|_| expr.clone(), |words| words.data);
    in_words(&worded.human_display().to_string())
}

/// A date, time or span of time as people write it; None of anything else. DataFusion writes the number that it is stored as.
fn moment(value: &ScalarValue) -> Option<String> {
    if value.is_null() || !value.data_type().is_temporal() {
        return None;
    }
    array_value_to_string(&value.to_array().ok()?, 0).ok()
}

/// Whether it is how something large that is named several times is written, which would be longer than anybody reads.
fn is_named_once(function: &ScalarFunction) -> bool {
    is_of_row(function) || matches!(mark_of(function), Some(Mark::Once(_) | Mark::Named { .. }))
}

/// A condition as it is written.
fn conditional(case: &Case) -> String {
    let branches = case.when_then_expr.iter().map(|(when, then)| format!("when({}).then({})", shown(when), shown(then)));
    let otherwise = case.else_expr.iter().map(|value| format!("otherwise({})", shown(value)));
    branches.chain(otherwise).collect::<Vec<_>>().join(".")
}

/// What is computed on the way.
const PART: &str = "a part of it";

/// The error with the expression in which it arose, unless it names all of it already.
pub(super) fn within(error: Error, written: &Expr) -> Error {
    let written = unaliased(written);
    let text = shown(written);
    let detail = error.detail();
    let is_said = matches!(written, Expr::Column(_)) || detail.what.contains(&text) || says_all(detail, written);
    if is_said {
        return error;
    }
    match root_names(written).first().filter(|_| is_own(detail, written)) {
        // What else stands in the call is not at fault, or is named.
        Some(column) => said_otherwise(error, |what| format!("{what}, of `{}`", in_sight(column))),
        None => said_otherwise(error, |what| format!("{what}, in `{text}`")),
    }
}

/// What an expression computes, whatever it is called.
fn unaliased(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => unaliased(&alias.expr),
        Expr::ScalarFunction(function) if naming_of(function).is_some() && function.args.len() == 1 => {
            unaliased(&function.args[0])
        }
        other => other,
    }
}

/// Whether the error is of the expression's own function, over columns of which it names one.
fn says_all(detail: &Detail, written: &Expr) -> bool {
    is_own(detail, written) && root_names(written).iter().any(|name| detail.what.contains(&format!("`{}`", in_sight(name))))
}

/// A column's name as people write it.
fn in_sight(column: &str) -> &str {
    if column == ELEMENT { "element()" } else { column }
}

/// Whether the error is of the expression's own function, over nothing but columns and constants.
fn is_own(detail: &Detail, written: &Expr) -> bool {
    let Expr::ScalarFunction(function) = written else { return false };
    let is_leaf = |arg: &Expr| matches!(arg, Expr::Column(_) | Expr::Literal(..));
    function.name() == detail.op && function.args.iter().all(is_leaf)
}

/// The name under which a frame shows the expression.
pub fn output_name(expr: &Expr) -> String {
    match expr {
        Expr::Alias(alias) => alias.name.clone(),
        Expr::Column(column) => column.name.clone(),
        Expr::Case(case) => case.when_then_expr.first().map_or_else(|| LITERAL.to_owned(), |(_, then)| output_name(then)),
        Expr::ScalarFunction(function) => match (naming_of(function), function.args.first()) {
            (Some(Naming::Keep), Some(value)) => root_name(value),
            (Some(naming), Some(value)) => naming.apply(&output_name(value)),
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
    root_names(expr).into_iter().next().unwrap_or_else(|| LITERAL.to_owned())
}
