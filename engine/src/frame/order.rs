//! Rows in the order of their file, where it costs nothing.
//!
//! A query without ORDER BY promises no order, and most have none to keep: an aggregate, a join. But where a plan only
//! reads, filters, computes and predicts, the order of the file is still there at its end (`gradframe_exec::counted`). A sort, by the
//! user's keys or by the hidden number of the rows, gives an order that what stands above it keeps.

use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use gradframe_exec::counted::{counts_rows, keeps_order, set_in_order};

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
        set_in_order(options);
        if takes_first_rows(plan) {
            options.execution.target_partitions = 1;
        }
    }
    state
}

/// Whether the order of rows can be seen in the answer: it is kept to the end, or rows are counted off on the way.
fn wants_order(plan: &LogicalPlan) -> bool {
    // A sort needs no help: what it gives is the result.
    keeps_order(plan) && !matches!(plan, LogicalPlan::Sort(_)) || counts_rows(plan)
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
