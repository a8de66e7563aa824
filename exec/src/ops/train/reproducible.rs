//! Whether a plan gives the same rows, bit for bit, each time it runs.

use std::sync::Arc;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::window::{PlainAggregateWindowExpr, SlidingAggregateWindowExpr, WindowExpr};
use datafusion::physical_expr_common::physical_expr::is_volatile;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use gradframe_plan::functions::is_exact;

use crate::ops::over::OverExec;

/// Aggregates whose float result does not depend on the order of their input.
const ORDER_FREE: [&str; 5] = ["min", "max", "count", "median", "approx_distinct"];

/// False if floats are added up below in whatever order they come, or a function is not one (`random()`).
pub(super) fn is_reproducible(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let mut repeats = true;
    let visited = plan.apply(|node| {
        repeats &= aggregates(node.as_ref()).into_iter().all(is_order_free) && !is_random(node.as_ref());
        Ok(if repeats { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    repeats && visited.is_ok()
}

fn is_random(node: &dyn ExecutionPlan) -> bool {
    let mut found = false;
    let visited = node.apply_expressions(&mut |expr| {
        found |= is_volatile(expr);
        Ok(TreeNodeRecursion::Continue)
    });
    found || visited.is_err()
}

/// The aggregates that an operator computes, of groups or in windows.
fn aggregates(node: &dyn ExecutionPlan) -> Vec<&AggregateFunctionExpr> {
    if let Some(aggregate) = node.downcast_ref::<AggregateExec>() {
        return aggregate.aggr_expr().iter().map(Arc::as_ref).collect();
    }
    let over = || node.downcast_ref::<OverExec>().map(OverExec::windows);
    let bounded = || node.downcast_ref::<BoundedWindowAggExec>().map(BoundedWindowAggExec::window_expr);
    let windows = node.downcast_ref::<WindowAggExec>().map(WindowAggExec::window_expr).or_else(bounded).or_else(over);
    windows.unwrap_or_default().iter().filter_map(of_window).collect()
}

fn of_window(window: &Arc<dyn WindowExpr>) -> Option<&AggregateFunctionExpr> {
    let window = window.as_any();
    let sliding = || window.downcast_ref().map(SlidingAggregateWindowExpr::get_aggregate_expr);
    window.downcast_ref().map(PlainAggregateWindowExpr::get_aggregate_expr).or_else(sliding)
}

fn is_order_free(aggregate: &AggregateFunctionExpr) -> bool {
    let function = aggregate.fun();
    ORDER_FREE.contains(&function.name()) || is_exact(function) || !aggregate.field().data_type().is_floating()
}
