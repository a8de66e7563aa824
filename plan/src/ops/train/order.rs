//! The training query's ORDER BY, lifted into the node. Left in the plan it would be dropped: no operator above a
//! sort promises to keep its order, and DataFusion removes sorts that nobody needs.

use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Projection, Sort, SortExpr};
use gradframe_ml_core::Result;

use crate::error::from_datafusion;

/// The input without its ORDER BY, and the keys as expressions over what is returned. An ORDER BY with a LIMIT stays:
/// it chooses rows and orders nothing above it.
pub(super) fn lift(input: LogicalPlan) -> Result<(LogicalPlan, Vec<SortExpr>)> {
    match input {
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => Ok((sort.input.as_ref().clone(), sort.expr)),
        LogicalPlan::Projection(projection) => match projection.input.as_ref() {
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => below_projection(&projection, sort),
            _ => Ok((LogicalPlan::Projection(projection), vec![])),
        },
        other => Ok((other, vec![])),
    }
}

/// `SELECT a FROM t ORDER BY b`: the keys become hidden columns `__order_0`, ... of the projection.
fn below_projection(projection: &Projection, sort: &Sort) -> Result<(LogicalPlan, Vec<SortExpr>)> {
    let hidden = |i: usize| format!("__order_{i}");
    let keys = sort.expr.iter().enumerate().map(|(i, key)| key.expr.clone().alias(hidden(i)));
    let columns: Vec<Expr> = projection.expr.iter().cloned().chain(keys).collect();
    let input = LogicalPlanBuilder::from(sort.input.as_ref().clone()).project(columns).and_then(LogicalPlanBuilder::build);
    let order =
        sort.expr.iter().enumerate().map(|(i, key)| SortExpr { expr: datafusion::prelude::col(hidden(i)), ..key.clone() });
    Ok((input.map_err(from_datafusion)?, order.collect()))
}
