//! Nested loop joins: what becomes of them where memory is short.
//!
//! By way of the disk DataFusion 55 has two kinds right: inner ones, and those that give rows of their left side and ask one partition of the right
//! one. Joins that give rows without a match, or rows of one side alone, get that form where their left side is estimated not to fit in
//! memory; else they stay in memory: see [`LoopJoinExec`].

use std::sync::Arc;

use datafusion::common::JoinType;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::joins::NestedLoopJoinExec;
use datafusion::physical_plan::{ChildrenPropertiesMode, ExecutionPlan, ExecutionPlanProperties, ReplaceChildrenOptions};

use super::build_bytes;
use crate::ops::loop_join::LoopJoinExec;
use crate::ops::made_anew::MadeAnewExec;

type Plan = Arc<dyn ExecutionPlan>;

/// The left sides get this part of the memory together: one in so many.
const LEFT_PART: usize = 2;

/// See the module.
#[derive(Debug)]
pub struct LoopsInMemory {
    /// The session's memory.
    pub limit_bytes: usize,
}

impl PhysicalOptimizerRule for LoopsInMemory {
    fn optimize(&self, plan: Plan, _config: &ConfigOptions) -> Result<Plan> {
        let joins = loops(&plan)?;
        if joins == 0 {
            return Ok(plan);
        }
        let budget_bytes = self.limit_bytes / LEFT_PART / joins;
        plan.transform_up(|node| {
            let Some(join) = node.downcast_ref::<NestedLoopJoinExec>() else { return Ok(Transformed::no(node)) };
            let is_over = build_bytes(join.left()).is_some_and(|bytes| bytes > budget_bytes);
            let divided = if is_over || *join.join_type() == JoinType::Inner { divided(&node, *join.join_type())? } else { None };
            Ok(Transformed::yes(match divided {
                Some(join) => join,
                None => Arc::new(LoopJoinExec::instead_of(node)?),
            }))
        })
        .data()
    }

    fn name(&self) -> &str {
        "loops_in_memory"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn loops(plan: &Plan) -> Result<usize> {
    let mut count = 0;
    plan.apply(|node| {
        count += usize::from(node.is::<NestedLoopJoinExec>());
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(count)
}

/// The join in the form that is right by way of the disk, if there is one: a full join has none.
fn divided(join: &Plan, kind: JoinType) -> Result<Option<Plan>> {
    let sides: [&Plan; 2] = match join.children().as_slice() {
        [left, right] => [left, right],
        _ => return Ok(None),
    };
    let with = |sides: [Plan; 2]| {
        let recomputed = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        Arc::clone(join).replace_children(sides.into(), recomputed)
    };
    match kind {
        // Right in parts, and on several threads.
        JoinType::Inner => with([read_again(sides[0]), Arc::clone(sides[1])]).map(Some),
        JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => with(sides.map(read_again)).map(Some),
        JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => {
            with(sides.map(read_again))?.downcast_ref::<NestedLoopJoinExec>().map(NestedLoopJoinExec::swap_inputs).transpose()
        }
        JoinType::Full => Ok(None),
    }
}

/// A side as one partition, which may be read more than once.
fn read_again(side: &Plan) -> Plan {
    let single = match side.output_partitioning().partition_count() {
        1 => Arc::clone(side),
        _ => Arc::new(CoalescePartitionsExec::new(Arc::clone(side))),
    };
    Arc::new(MadeAnewExec::new(single))
}
