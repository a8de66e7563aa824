//! Rows in the order of their file, where it costs nothing.
//!
//! A query without ORDER BY promises no order, and most have none to keep: an aggregate, a join. But where a plan only
//! reads, filters, computes and predicts, the order of the file is still there at its end: partitions are consecutive
//! ranges of the file. Then no operator deals batches out in turn, no partition takes a piece of another's file, and what
//! the partitions give is put together in their order. The same holds below a limit and a numbering of rows, whatever stands
//! above them. A sort, by the user's keys or by the hidden number of the rows, gives an order that what stands above it keeps.

use datafusion::common::tree_node::TreeNode;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNode};

/// The settings under which this plan's partitions, one after another, are in the order of the file.
pub(crate) fn keep_order(mut state: SessionState, plan: &LogicalPlan) -> SessionState {
    // EXPLAIN shows the plan that the query would have.
    let plan = match plan {
        LogicalPlan::Explain(explain) => &explain.plan,
        LogicalPlan::Analyze(analyze) => &analyze.input,
        // A file has the rows in their order.
        LogicalPlan::Copy(copy) => &copy.input,
        plan => plan,
    };
    if wants_order(plan) {
        let options = state.config_mut().options_mut();
        options.optimizer.enable_round_robin_repartition = false;
        options.execution.enable_file_stream_work_stealing = false;
        if takes_first_rows(plan) {
            options.execution.target_partitions = 1;
        }
    }
    state
}

/// Whether the order of rows can be seen in the answer: it is kept to the end, or rows are counted off on the way.
fn wants_order(plan: &LogicalPlan) -> bool {
    let counts_off = |node: &LogicalPlan| {
        Ok(match node {
            LogicalPlan::Limit(limit) => keeps_order(&limit.input) && !is_sort(&limit.input),
            LogicalPlan::Extension(extension) => extension.node.name() == "RowOrder",
            other => numbers_rows(other),
        })
    };
    // A sort needs no help: what it gives is the result, or what the limit takes its first rows of.
    let keeps = keeps_order(plan) && !is_sort(plan);
    keeps || plan.exists(counts_off).unwrap_or(true)
}

fn is_sort(plan: &LogicalPlan) -> bool {
    matches!(plan, LogicalPlan::Sort(_))
}

/// Whether this is a window over the rows as they come.
fn numbers_rows(plan: &LogicalPlan) -> bool {
    let as_they_come = |expr: &Expr| match expr.clone().unalias() {
        Expr::WindowFunction(window) => window.params.order_by.is_empty() && window.params.partition_by.is_empty(),
        _ => false,
    };
    matches!(plan, LogicalPlan::Window(window) if window.window_expr.iter().all(as_they_come))
}

/// Whether rows come out in the order in which the scan gives them.
pub(super) fn keeps_order(plan: &LogicalPlan) -> bool {
    let passes = match plan {
        LogicalPlan::TableScan(_) | LogicalPlan::Values(_) | LogicalPlan::EmptyRelation(_) => return true,
        // What is sorted keeps that order in what is computed of it.
        LogicalPlan::Sort(_) => return true,
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Unnest(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::Limit(_) => true,
        LogicalPlan::Extension(extension) => goes_row_by_row(extension.node.as_ref()),
        LogicalPlan::Window(_) => numbers_rows(plan),
        _ => false,
    };
    // A subquery becomes a join.
    passes && !plan.expressions().iter().any(has_subquery) && plan.inputs().into_iter().all(keeps_order)
}

fn has_subquery(expr: &Expr) -> bool {
    let is_subquery = |e: &Expr| Ok(matches!(e, Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_)));
    expr.exists(is_subquery).unwrap_or(true)
}

fn goes_row_by_row(node: &dyn UserDefinedLogicalNode) -> bool {
    matches!(node.name(), "Predict" | "MapBatches" | "RowOrder")
}

/// LIMIT over a scan: its first rows are read in less time than a second thread takes to begin. Not with a filter, which
/// may have to read the whole file to find them.
fn takes_first_rows(plan: &LogicalPlan) -> bool {
    let mut node = plan;
    let mut limited = false;
    loop {
        match node {
            LogicalPlan::Limit(_) => limited = true,
            LogicalPlan::Filter(_) | LogicalPlan::Sort(_) | LogicalPlan::Window(_) | LogicalPlan::Aggregate(_) => return false,
            LogicalPlan::TableScan(scan) => return limited && scan.filters.is_empty(),
            _ => {}
        }
        match node.inputs().as_slice() {
            [input] => node = input,
            _ => return false,
        }
    }
}
