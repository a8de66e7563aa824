//! Whether a plan gives the same rows, bit for bit, each time it runs.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::WindowFrameUnits;
use datafusion::physical_expr::ScalarFunctionExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_expr::window::{PlainAggregateWindowExpr, SlidingAggregateWindowExpr, WindowExpr};
use datafusion::physical_expr_common::physical_expr::is_volatile;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::limit::GlobalLimitExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};
use gradframe_plan::functions::{is_exact, is_identity};

use crate::ops::over::OverExec;

/// Aggregates whose float result does not depend on the order of their input.
const ORDER_FREE: [&str; 6] = ["min", "max", "count", "median", "percentile_cont", "approx_distinct"];
/// What the names of such begin with that sort the values of a group, of frames.
const SORTING: &str = "value.quantile[";
/// Aggregates that are of the order of their input, whatever they give.
const OF_ORDER: [&str; 6] = ["any_value", "array_agg", "string_agg", "first_value", "last_value", "nth_value"];
/// Window functions for which rows that an order takes for equal are equal.
const TIE_FREE: [&str; 4] = ["rank", "dense_rank", "percent_rank", "cume_dist"];

/// False if floats are added up below in whatever order they come, rows are taken or put in a row as they come, or a function is not one
/// (`random()`). Scalar subqueries are not below: they have their own plans, above all that needs them.
pub(crate) fn is_reproducible(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let mut repeats = true;
    let visited = plan.apply(|node| {
        repeats &= aggregates(node.as_ref()).into_iter().all(is_order_free)
            && !is_random(node.as_ref())
            && !takes_what_comes(node.as_ref())
            && windows(node.as_ref()).iter().all(|window| goes_by_whole_order(window, node.as_ref()));
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
    windows(node).iter().filter_map(of_window).collect()
}

/// The windows that an operator computes.
fn windows(node: &dyn ExecutionPlan) -> &[Arc<dyn WindowExpr>] {
    let over = || node.downcast_ref::<OverExec>().map(OverExec::windows);
    let bounded = || node.downcast_ref::<BoundedWindowAggExec>().map(BoundedWindowAggExec::window_expr);
    node.downcast_ref::<WindowAggExec>().map(WindowAggExec::window_expr).or_else(bounded).or_else(over).unwrap_or_default()
}

fn of_window(window: &Arc<dyn WindowExpr>) -> Option<&AggregateFunctionExpr> {
    let window = window.as_any();
    let sliding = || window.downcast_ref().map(SlidingAggregateWindowExpr::get_aggregate_expr);
    window.downcast_ref().map(PlainAggregateWindowExpr::get_aggregate_expr).or_else(sliding)
}

/// A limit of rows that come in no order, or in one that ties leave open: which rows those are depends on the threads that bring them. That a key is
/// unique is nothing that a plan knows.
fn takes_what_comes(node: &dyn ExecutionPlan) -> bool {
    let skips = node.downcast_ref::<GlobalLimitExec>().is_some_and(|limit| limit.skip() > 0);
    let by = || node.properties().output_ordering().into_iter().flatten().map(|key| &key.expr);
    (skips || node.fetch().is_some()) && !has_all_columns(by(), node)
}

/// Whether these are all columns of an operator's result, so that rows which are equal in them are the same.
fn has_all_columns<'a>(keys: impl Iterator<Item = &'a Arc<dyn PhysicalExpr>>, node: &dyn ExecutionPlan) -> bool {
    let columns: HashSet<usize> = keys.filter_map(column_of).collect();
    (0..node.schema().fields().len()).all(|column| columns.contains(&column))
}

/// The column that a key is, with one zero or with both: a sum is the same.
fn column_of(key: &Arc<dyn PhysicalExpr>) -> Option<usize> {
    match key.downcast_ref::<ScalarFunctionExpr>() {
        Some(call) if is_identity(call.fun()) => call.args().first().and_then(column_of),
        _ => key.downcast_ref::<Column>().map(Column::index),
    }
}

/// Whether no tie shows in a window: it is of its whole partition or of all rows with the same keys, or its keys are all columns of its input.
fn goes_by_whole_order(window: &Arc<dyn WindowExpr>, node: &dyn ExecutionPlan) -> bool {
    let by = window.partition_by().iter().chain(window.order_by().iter().map(|key| &key.expr));
    let is_tie_free = match of_window(window) {
        Some(_) => {
            let frame = window.get_window_frame();
            frame.units != WindowFrameUnits::Rows || frame.start_bound.is_unbounded() && frame.end_bound.is_unbounded()
        }
        None => TIE_FREE.iter().any(|name| window.name().starts_with(&format!("{name}("))),
    };
    is_tie_free || node.children().first().is_some_and(|input| has_all_columns(by, input.as_ref()))
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
