//! What may not stand in a TRANSFORM.

use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, ExprSchemable, Volatility};
use gradframe_ml_core::{Error, Result};

use super::{Item, OP, placed};
use crate::error::{from_datafusion, to_datafusion};
use crate::functions::{marker_of, parameters_of};

/// Errors: `Plan` for an aggregate, a window, a subquery, a parameter, and a function whose value is not the same each time.
pub(super) fn looks_at_one_row(expr: &Expr) -> Result<()> {
    each(expr, |expr| match expr {
        Expr::AggregateFunction(call) => Err(not_here("aggregate", call.func.name())),
        Expr::WindowFunction(call) => Err(not_here("window function", call.fun.name())),
        Expr::ScalarFunction(call) if marker_of(call).is_none() => changing(call.func.name(), call.func.signature().volatility),
        Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_) => {
            Err(Error::plan(OP, "a subquery cannot stand in a TRANSFORM, which looks at one row"))
        }
        Expr::Placeholder(placeholder) => Err(Error::plan(OP, format!("the parameter {} has no value here", placeholder.id))),
        Expr::Unnest(_) | Expr::GroupingSet(_) => Err(Error::plan(OP, format!("`{expr}` makes no single column"))),
        _ => Ok(()),
    })
}

fn not_here(what: &str, name: &str) -> Error {
    let error = Error::plan(OP, format!("the {what} `{name}` cannot stand in a TRANSFORM, which looks at one row"));
    error.hint("compute it in the training query, or use an analytic function such as ML.STANDARD_SCALER(x) OVER ()")
}

fn changing(name: &str, volatility: Volatility) -> Result<()> {
    let what = match volatility {
        Volatility::Immutable => return Ok(()),
        Volatility::Stable => "gives another value in another query",
        Volatility::Volatile => "gives another value each time",
    };
    // Of a word of frames without its constants.
    let name = name.split('[').next().unwrap_or(name);
    let error = Error::plan(OP, format!("`{name}()` cannot stand in a TRANSFORM: it {what}"));
    Err(error.hint("training and prediction must see the same; compute it in the query"))
}

/// Errors: `Plan` for a wrong number of arguments or a wrong parameter, `DType` for a column that a function does not take.
pub(super) fn analytic_arguments(expr: &Expr, schema: &DFSchema) -> Result<()> {
    each(expr, |expr| {
        let Expr::ScalarFunction(call) = expr else { return Ok(()) };
        let Some(function) = marker_of(call).map(|marker| marker.function) else { return Ok(()) };
        let Some(argument) = call.args.first() else {
            return Err(Error::plan(function.full_name(), "no column is given"));
        };
        let data_type = argument.get_type(schema).map_err(from_datafusion)?;
        if function.argument_type(&data_type).as_ref() != Some(&data_type) {
            let what = format!("`{argument}` is {data_type}, {}", function.expects());
            return Err(Error::dtype(function.full_name(), what).hint("cast it"));
        }
        parameters_of(function, call, &data_type).map(|_| ())
    })
}

/// Errors: `Plan` if another item has the name.
pub(super) fn is_new(item: &Item, others: &[Item]) -> Result<()> {
    match others.iter().any(|other| other.name == item.name) {
        true => {
            let error = Error::plan(OP, format!("two columns are named `{}`", item.name));
            Err(placed(error.hint("rename one of them with AS, or leave it out of *: * EXCEPT (...)"), item.place))
        }
        false => Ok(()),
    }
}

fn each(expr: &Expr, check: impl Fn(&Expr) -> Result<()>) -> Result<()> {
    let checked = expr.apply(|expr| check(expr).map(|()| TreeNodeRecursion::Continue).map_err(to_datafusion));
    checked.map(|_| ()).map_err(from_datafusion)
}
