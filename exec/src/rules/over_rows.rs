//! Windows over rows as they come, by an operator of ours.
//!
//! DataFusion sorts rows by the keys of a window before it, and computes a value a row at a time. Where the rows have the
//! window's order already, or it has none, and every window of the operator is of a kind that [`OverExec`] has, that one takes its place.
//! The rule comes before those that put sorts and repartitions into the plan.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};

use crate::ops::over::OverExec;

/// See the module.
#[derive(Debug)]
pub struct OverRows;

impl PhysicalOptimizerRule for OverRows {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let over = match (node.downcast_ref::<WindowAggExec>(), node.downcast_ref::<BoundedWindowAggExec>()) {
                (Some(window), _) => OverExec::of(window.window_expr(), window.input())?,
                (_, Some(window)) => OverExec::of(window.window_expr(), window.input())?,
                _ => None,
            };
            Ok(over.map_or(Transformed::no(node), |over| Transformed::yes(Arc::new(over))))
        })
        .data()
    }

    fn name(&self) -> &str {
        "over_rows"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
