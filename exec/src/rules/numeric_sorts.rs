//! Sorts by numbers go by their digits.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::sorts::sort::SortExec;

use crate::ops::numeric_sort::NumericSortExec;

/// Puts [`NumericSortExec`] in the place of sorts whose keys are all numbers.
#[derive(Debug)]
pub struct NumericSorts;

impl PhysicalOptimizerRule for NumericSorts {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| match node.downcast_ref::<SortExec>().and_then(NumericSortExec::instead_of) {
            Some(sort) => Ok(Transformed::yes(Arc::new(sort))),
            None => Ok(Transformed::no(node)),
        })
        .data()
    }

    fn name(&self) -> &str {
        "numeric_sorts"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
