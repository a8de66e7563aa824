//! Deferred calls become what they are over the types of a frame's columns, and operators mean what they mean over them.

use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::ScalarFunction;
use gradframe_plan::error::{from_datafusion, to_datafusion};

use super::super::deferred::deferred_of;
use super::super::naming::naming_of;
use super::super::structure::{Mark, mark_of};
use super::super::table::row;
use super::once::LargeParts;
use super::operators::{meant, meant_function, require_condition};
use crate::{Error, Result};

/// The expression with every deferred call built, arguments first, every operator over types that it takes, and without rules
/// for names. What is resolved already stays as it is. Errors: those of functions and operators, which name what does not fit.
pub(crate) fn resolve_types(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let resolved = expr.transform_up(|node| match node {
        Expr::ScalarFunction(function) => built(function, schema).map_err(to_datafusion),
        other => meant(other, schema).map_err(to_datafusion),
    });
    Ok(resolved.map_err(from_datafusion)?.data)
}

/// [`resolve_types`] of an expression around parts that are resolved: large ones are not gone through again, and are named once in what
/// it gives.
pub(crate) fn resolve_types_around(expr: Expr, parts: &[Expr], schema: &DFSchema) -> Result<Expr> {
    let large = LargeParts::of(parts, schema)?;
    if large.is_empty() {
        return resolve_types(expr, schema);
    }
    let around = resolve_types(large.stood_for(expr)?, schema)?;
    large.named_once(around, schema)
}

fn built(mut function: ScalarFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    if naming_of(&function).is_some() && function.args.len() == 1 {
        return Ok(Transformed::yes(function.args.swap_remove(0)));
    }
    if let (Some(Mark::Keep), Some(predicate)) = (mark_of(&function), function.args.get(1)) {
        require_condition("filter", predicate, schema)?;
    }
    let Some(deferred) = deferred_of(&function) else { return meant_function(function, schema) };
    let row = row(deferred.name).ok_or_else(|| Error::internal(deferred.name, "left the table of functions"))?;
    let constants = deferred.constants.iter().cloned().collect();
    let built = row.apply(function.args.clone(), constants, Some(schema))?;
    resolve_types_around(built, &function.args, schema).map(Transformed::yes)
}
