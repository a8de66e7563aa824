//! Deferred calls become what they are over the types of a frame's columns.

use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::ScalarFunction;
use gradframe_plan::error::{from_datafusion, to_datafusion};

use super::super::deferred::deferred_of;
use super::super::naming::naming_of;
use super::super::table::row;
use crate::{Error, Result};

/// The expression with every deferred call built, arguments first, and without rules for names.
/// Errors: those of the functions, which name what does not fit.
pub(crate) fn resolve_types(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let resolved = expr.transform_up(|node| match node {
        Expr::ScalarFunction(function) => built(function, schema).map_err(to_datafusion),
        other => Ok(Transformed::no(other)),
    });
    Ok(resolved.map_err(from_datafusion)?.data)
}

fn built(mut function: ScalarFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    if naming_of(&function).is_some() && function.args.len() == 1 {
        return Ok(Transformed::yes(function.args.swap_remove(0)));
    }
    let Some(deferred) = deferred_of(&function) else { return Ok(Transformed::no(Expr::ScalarFunction(function))) };
    let row = row(deferred.name).ok_or_else(|| Error::internal(deferred.name, "left the table of functions"))?;
    let constants = deferred.constants.iter().cloned().collect();
    row.apply(function.args, constants, Some(schema)).and_then(|expr| resolve_types(expr, schema)).map(Transformed::yes)
}
