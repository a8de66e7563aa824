//! Rows in the order of their file, where it costs nothing.
//!
//! A query without ORDER BY promises no order, and most have none to keep: an aggregate, a join. But where a plan only
//! reads, filters, computes and predicts, the order of the file is still there at its end: partitions are consecutive
//! ranges of the file. Then no operator deals batches out in turn, no partition takes a piece of another's file, and what
//! the partitions give is put together in their order. A sort, by the user's keys or by the hidden number of the rows,
//! gives an order that what stands above it keeps.

use datafusion::common::tree_node::TreeNode;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNode};

/// The settings under which this plan's partitions, one after another, are in the order of the file.
pub(super) fn keep_order(mut state: SessionState, plan: &LogicalPlan) -> SessionState {
    // EXPLAIN shows the plan that the query would have.
    let plan = match plan {
        LogicalPlan::Explain(explain) => &explain.plan,
        LogicalPlan::Analyze(analyze) => &analyze.input,
        plan => plan,
    };
    // A sort at the top needs no help: what it gives is the result.
    let keeps = keeps_order(plan) && !matches!(plan, LogicalPlan::Sort(_));
    if keeps || numbers_rows(plan) {
        let options = state.config_mut().options_mut();
        options.optimizer.enable_round_robin_repartition = false;
        options.execution.enable_file_stream_work_stealing = false;
        if takes_first_rows(plan) {
            options.execution.target_partitions = 1;
        }
    }
    state
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

/// Whether a part of the plan asks for the order of its rows.
fn numbers_rows(plan: &LogicalPlan) -> bool {
    matches!(plan, LogicalPlan::Extension(extension) if extension.node.name() == "RowOrder")
        || plan.inputs().into_iter().any(numbers_rows)
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
