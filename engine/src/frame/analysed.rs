//! Plans that say the types of their rows.
//!
//! DataFusion brings the branches of a CASE and the sides of an operator to one type when it analyses a plan, which it does
//! when it runs it; until then a plan's schema names the type of the first branch. What a frame is over must say what its
//! rows will be, for its verbs go by it.

use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;

/// The plan itself if its schema says the types of its rows; else the plan as it is analysed. What is wrong with a plan is said
/// when it is run.
pub(crate) fn with_types_of_rows(state: &SessionState, plan: LogicalPlan) -> LogicalPlan {
    let analysed = state.analyzer().execute_and_check(plan.clone(), state.config_options(), |_, _| ());
    match analysed {
        Ok(analysed) if !same_types(&plan, &analysed) => analysed,
        _ => plan,
    }
}

fn same_types(plan: &LogicalPlan, analysed: &LogicalPlan) -> bool {
    let types = |plan: &LogicalPlan| plan.schema().fields().iter().map(|field| field.data_type().clone()).collect::<Vec<_>>();
    types(plan) == types(analysed)
}
