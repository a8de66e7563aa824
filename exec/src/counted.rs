//! Plans that count rows off: the first ones, those at some place, those with a number. They mean the rows in the order of their file.
//!
//! Where a plan only reads, filters, computes and asks models, that order is still there: partitions are consecutive ranges of the file. Then no
//! operator deals batches out in turn, no partition takes a piece of another's file, and `InOrder` puts the partitions together in their
//! order. Whatever stands above the counting, a training, a table that is written, a model's relation, counts the same rows.

use datafusion::catalog::Session;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNode};

/// A session under whose settings the rows that this plan counts off are those of their order; None if it counts none, or does so already.
pub(crate) fn session_in_order(session: &dyn Session, plan: &LogicalPlan) -> Option<SessionState> {
    if !session.config_options().optimizer.enable_round_robin_repartition || !counts_rows(plan) {
        return None;
    }
    let mut state = session.as_any().downcast_ref::<SessionState>()?.clone();
    set_in_order(state.config_mut().options_mut());
    Some(state)
}

/// Under these settings the partitions of a plan, one after another, are in the order of the file.
pub fn set_in_order(options: &mut ConfigOptions) {
    options.optimizer.enable_round_robin_repartition = false;
    options.execution.enable_file_stream_work_stealing = false;
}

/// Whether rows are counted off somewhere in the plan, or in a subquery of it.
pub fn counts_rows(plan: &LogicalPlan) -> bool {
    let counts = |node: &LogicalPlan| match node {
        // A sort needs no help: the limit takes its first rows.
        LogicalPlan::Limit(limit) => keeps_order(&limit.input) && !matches!(*limit.input, LogicalPlan::Sort(_)),
        LogicalPlan::Extension(extension) => extension.node.name() == "RowOrder",
        other => numbers_rows(other),
    };
    let mut found = false;
    let looked = plan.apply_with_subqueries(|node| {
        found |= counts(node);
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    found || looked.is_err()
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
pub fn keeps_order(plan: &LogicalPlan) -> bool {
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
    matches!(node.name(), "Predict" | "MapBatches" | "RowOrder" | "Embed" | "Generate" | "Classify" | "Answer")
}
