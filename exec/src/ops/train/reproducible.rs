//! Whether a plan gives the same rows, bit for bit, each time it runs.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::physical_expr_common::physical_expr::is_volatile;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;

/// Aggregates whose float result does not depend on the order of their input.
const ORDER_FREE: [&str; 5] = ["min", "max", "count", "median", "approx_distinct"];

/// False if a float is added up below (partial sums meet in any order) or a function is not one (`random()`).
pub(super) fn is_reproducible(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let mut all_exact = true;
    let visited = plan.apply(|node| {
        all_exact &= node.downcast_ref::<AggregateExec>().is_none_or(is_exact) && !is_random(node.as_ref());
        Ok(if all_exact { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    all_exact && visited.is_ok()
}

fn is_random(node: &dyn ExecutionPlan) -> bool {
    let mut found = false;
    let visited = node.apply_expressions(&mut |expr| {
        found |= is_volatile(expr);
        Ok(TreeNodeRecursion::Continue)
    });
    found || visited.is_err()
}

fn is_exact(aggregate: &AggregateExec) -> bool {
    let inexact = |data_type: &DataType| data_type.is_floating();
    aggregate.aggr_expr().iter().all(|e| ORDER_FREE.contains(&e.fun().name()) || !inexact(e.field().data_type()))
}
