//! What no projection passes: a join that keeps an order which the projection drops, and a merge with a condition.
//!
//! DataFusion leaves out a sort above a right hash join whose right side has the order already. When it runs, the join keeps that order only
//! if its right side still says that it has one: else rows without a match come after the others. But `ProjectionPushdown` puts a projection that
//! drops the column of the order below the join. And of a sort-merge join with a condition beside its keys it puts the projection below without moving
//! the columns of the condition, which then reads others (apache/datafusion#24414). Here is a fence above each of these joins: of a hash join the
//! projection becomes a part.

use std::sync::Arc;

use datafusion::common::JoinType;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlanProperties;
use datafusion::physical_plan::joins::{HashJoinExec, SortMergeJoinExec};

use super::fence::{Fence, Plan};

/// The join with a fence above it, if it needs one.
pub fn fences(node: Plan) -> Result<Transformed<Plan>> {
    let is_ordered = || node.downcast_ref::<HashJoinExec>().is_some_and(keeps_an_order);
    let has_condition = || node.downcast_ref::<SortMergeJoinExec>().is_some_and(|join| join.filter().is_some());
    let needs_fence = is_ordered() || has_condition();
    Ok(if needs_fence { Transformed::yes(Arc::new(Fence(node)) as Plan) } else { Transformed::no(node) })
}

/// Whether rows without a match stand among the others, by the order of the right side.
fn keeps_an_order(join: &HashJoinExec) -> bool {
    join.join_type == JoinType::Right && join.right.output_ordering().is_some()
}
