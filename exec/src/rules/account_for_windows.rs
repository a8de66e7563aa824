//! Windows that hold their input account for it.
//!
//! A window over whole partitions keeps all of its rows in memory, and DataFusion's operator does not ask for it. This rule
//! puts an operator below it that does, so that a query over too many rows fails with a message and not with the process.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::windows::WindowAggExec;
use datafusion::physical_plan::{ChildrenPropertiesMode, ExecutionPlan, ReplaceChildrenOptions};

use crate::ops::held::HeldExec;

/// See the module.
#[derive(Debug)]
pub struct AccountForWindows;

impl PhysicalOptimizerRule for AccountForWindows {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| match node.downcast_ref::<WindowAggExec>() {
            Some(window) if !window.input().is::<HeldExec>() => {
                let held = Arc::new(HeldExec::new(Arc::clone(window.input()), "window"));
                let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
                Arc::clone(&node).replace_children(vec![held], options).map(Transformed::yes)
            }
            _ => Ok(Transformed::no(node)),
        })
        .data()
    }

    fn name(&self) -> &str {
        "account_for_windows"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
