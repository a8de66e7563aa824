//! What groups know of columns without nulls: each has a row, so that a sum is never one of nothing, and all its rows are counted.

use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::expr::{AggregateFunction, ScalarFunction};
use datafusion::logical_expr::{Expr, ExprSchemable, lit};
use gradframe_plan::error::from_datafusion;

use crate::Result;

/// The result of a group without what would stand for a sum of nothing, and with `count(*)` for counts that leave out no row.
pub(super) fn without_nothing(result: Expr, schema: &DFSchema) -> Result<Expr> {
    let plainly = result.transform_up(|node| {
        let plain = match &node {
            Expr::ScalarFunction(ScalarFunction { func, args }) if func.name() == "coalesce" => match args.as_slice() {
                [sum, Expr::Literal(..)] if is_of_every_row(sum, "sum", schema) && is_alike(sum, &node, schema) => {
                    Some(sum.clone())
                }
                _ => None,
            },
            count_of if is_of_every_row(count_of, "count", schema) => Some(count(lit(1_i64))),
            _ => None,
        };
        Ok(plain.map_or_else(|| Transformed::no(node), Transformed::yes))
    });
    Ok(plainly.map_err(from_datafusion)?.data)
}

/// Whether it is the aggregate of this name, of a value that no row is without.
fn is_of_every_row(expr: &Expr, name: &str, schema: &DFSchema) -> bool {
    let Expr::AggregateFunction(AggregateFunction { func, params }) = expr else { return false };
    let is_plain = func.name() == name && params.filter.is_none() && !params.distinct;
    is_plain && matches!(params.args.as_slice(), [value] if value.nullable(schema).is_ok_and(|nullable| !nullable))
}

fn is_alike(one: &Expr, other: &Expr, schema: &DFSchema) -> bool {
    matches!((one.get_type(schema), other.get_type(schema)), (Ok(one), Ok(other)) if one == other)
}
