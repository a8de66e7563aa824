//! Nested loop joins that give rows without a match, or rows of one side alone, do not go by way of the disk: see [`LoopJoinExec`].

use std::sync::Arc;

use datafusion::common::JoinType;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::NestedLoopJoinExec;

use crate::ops::loop_join::LoopJoinExec;

/// See the module.
#[derive(Debug)]
pub struct LoopsInMemory;

impl PhysicalOptimizerRule for LoopsInMemory {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let is_wrong_in_parts = |join: &NestedLoopJoinExec| *join.join_type() != JoinType::Inner;
        plan.transform_up(|node| match node.downcast_ref::<NestedLoopJoinExec>() {
            Some(join) if is_wrong_in_parts(join) => Ok(Transformed::yes(Arc::new(LoopJoinExec::instead_of(node)?) as _)),
            _ => Ok(Transformed::no(node)),
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
