//! Changing what expressions of a plan are made of, under the names that they have.

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan};

/// The plan, subqueries included, with what `changed` makes of each part of an expression that `concerns` it. Columns keep their names.
pub(super) fn rewritten(
    plan: LogicalPlan,
    concerns: impl Fn(&Expr) -> bool,
    changed: impl Fn(Expr) -> Result<Transformed<Expr>>,
) -> Result<LogicalPlan> {
    let of_node = |node: LogicalPlan| {
        let names = NamePreserver::new(&node);
        node.map_expressions(|expr| {
            if !expr.exists(|part| Ok(concerns(part)))? {
                return Ok(Transformed::no(expr));
            }
            let name = names.save(&expr);
            let part = |part: Expr| if concerns(&part) { changed(part) } else { Ok(Transformed::no(part)) };
            Ok(expr.transform_up(part)?.update_data(|expr| name.restore(expr)))
        })
    };
    Ok(plan.transform_up_with_subqueries(of_node)?.data)
}
