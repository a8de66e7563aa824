//! Scalar subqueries that draw numbers are evaluated each by itself.
//!
//! DataFusion 55 evaluates equal subqueries once, and takes a comparison of two of them for true: `(SELECT random()) = (SELECT random())`. Here each
//! that draws has an alias of its own, by which no two are equal.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::logical_plan::SubqueryAlias;
use datafusion::logical_expr::{Expr, LogicalPlan, Subquery};
use datafusion::optimizer::AnalyzerRule;

/// What the alias of such a subquery begins with, before its number.
const DRAWN: &str = "__drawn_";

/// See the module.
#[derive(Debug)]
pub struct DrawnSubqueries;

impl AnalyzerRule for DrawnSubqueries {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let mut number = 0;
        let numbered = plan.transform_up_with_subqueries(|node| {
            let names = NamePreserver::new(&node);
            node.map_expressions(|expr| {
                if !expr.exists(|part| Ok(matches!(part, Expr::ScalarSubquery(_))))? {
                    return Ok(Transformed::no(expr));
                }
                let name = names.save(&expr);
                let expr = expr.transform_up(|part| match part {
                    Expr::ScalarSubquery(subquery) if draws(&subquery.subquery)? => apart(subquery, &mut number),
                    other => Ok(Transformed::no(other)),
                })?;
                Ok(expr.update_data(|expr| name.restore(expr)))
            })
        })?;
        Ok(numbered.data)
    }

    fn name(&self) -> &str {
        "drawn_subqueries"
    }
}

fn apart(subquery: Subquery, number: &mut usize) -> Result<Transformed<Expr>> {
    let plan = SubqueryAlias::try_new(Arc::clone(&subquery.subquery), format!("{DRAWN}{number}"))?;
    *number += 1;
    Ok(Transformed::yes(Expr::ScalarSubquery(subquery.with_plan(Arc::new(LogicalPlan::SubqueryAlias(plan))))))
}

/// Whether the plan, or a subquery in it, gives other values each time.
pub(super) fn draws(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            found |= expr.is_volatile();
            Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })?;
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}
