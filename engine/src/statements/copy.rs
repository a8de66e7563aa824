//! COPY TO: files written beside their target, which take its place when they are whole.

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::LogicalPlan;
use gradframe_connectors::sinks;
use gradframe_plan::error::{from_datafusion, to_datafusion};

use crate::Result;

/// The plan with our writers in place of DataFusion's, also where it is only explained.
/// Errors: `Plan` for an unknown option, or a target that exists and may not be replaced.
pub(super) fn prepare(plan: LogicalPlan) -> Result<LogicalPlan> {
    match plan {
        LogicalPlan::Copy(_) | LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) => {}
        plan => return Ok(plan),
    }
    let prepared = plan.transform_down(|node| match &node {
        LogicalPlan::Copy(copy) => sinks::prepare(copy).map(Transformed::yes).map_err(to_datafusion),
        _ => Ok::<_, DataFusionError>(Transformed::no(node)),
    });
    prepared.map(|prepared| prepared.data).map_err(from_datafusion)
}
