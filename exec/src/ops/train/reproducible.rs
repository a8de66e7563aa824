//! Whether a plan gives the same rows, bit for bit, each time it runs.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::Literal;
use datafusion::physical_expr::window::{PlainAggregateWindowExpr, SlidingAggregateWindowExpr, WindowExpr};
use datafusion::physical_expr_common::physical_expr::is_volatile;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, PhysicalExpr};
use gradframe_plan::functions::is_exact;

use crate::ops::over::OverExec;

/// Aggregates whose float result does not depend on the order of their input.
const ORDER_FREE: [&str; 6] = ["min", "max", "count", "median", "percentile_cont", "approx_distinct"];
/// What the names of such begin with that sort the values of a group, of frames.
const SORTING: &str = "value.quantile[";
/// Aggregates that are of the order of their input, whatever they give.
const OF_ORDER: [&str; 5] = ["array_agg", "string_agg", "first_value", "last_value", "nth_value"];

/// False if floats are added up below in whatever order they come, rows are taken or put in a row as they come, or a function is not one
/// (`random()`). Scalar subqueries are not below: they have their own plans, above all that needs them.
pub(crate) fn is_reproducible(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let mut repeats = true;
    let visited = plan.apply(|node| {
        repeats &= aggregates(node.as_ref()).into_iter().all(is_order_free)
            && !is_random(node.as_ref())
            && !takes_what_comes(node.as_ref());
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

/// A limit of rows that several partitions bring, in no order: whichever are there first.
fn takes_what_comes(node: &dyn ExecutionPlan) -> bool {
    let unordered = || node.properties().output_ordering().is_none();
    let several = || node.children().iter().any(|input| input.output_partitioning().partition_count() > 1);
    node.fetch().is_some() && unordered() && several()
}

fn is_order_free(aggregate: &AggregateFunctionExpr) -> bool {
    let function = aggregate.fun();
    if ORDER_FREE.contains(&function.name()) || function.name().starts_with(SORTING) || is_exact(function) {
        return true;
    }
    if OF_ORDER.contains(&function.name()) {
        return no_tie_shows(aggregate);
    }
    !has_floats(aggregate.field().data_type())
}

/// Whether rows that an ORDER BY takes for equal give the same: those whose values it goes by itself. Whether its keys are unique is
/// nothing that a plan knows.
fn no_tie_shows(aggregate: &AggregateFunctionExpr) -> bool {
    let is_key = |value: &Arc<dyn PhysicalExpr>| aggregate.order_bys().iter().any(|key| key.expr.eq(value));
    aggregate.expressions().iter().all(|value| value.downcast_ref::<Literal>().is_some() || is_key(value))
}

/// The aggregates of a plan that are exact, by their names.
pub(super) fn exact_aggregates(plan: &Arc<dyn ExecutionPlan>) -> Vec<String> {
    let mut names = vec![];
    // The visit does not fail.
    let _visited = plan.apply(|node| {
        let exact = aggregates(node.as_ref()).into_iter().filter(|aggregate| is_exact(aggregate.fun()));
        exact.for_each(|aggregate| names.push(aggregate.name().to_owned()));
        Ok(TreeNodeRecursion::Continue)
    });
    names.sort_unstable();
    names.dedup();
    names
}

fn has_floats(data_type: &DataType) -> bool {
    match data_type {
        DataType::Struct(fields) => fields.iter().any(|field| has_floats(field.data_type())),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) | DataType::Map(item, _) => {
            has_floats(item.data_type())
        }
        DataType::Dictionary(_, values) => has_floats(values),
        other => other.is_floating(),
    }
}
