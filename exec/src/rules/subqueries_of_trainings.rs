//! A training that a scalar subquery does not repeat for is said not to repeat.
//!
//! Such subqueries are plans of their own, which stand above the training and not below it, where it looks.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::scalar_subquery::ScalarSubqueryExec;

use crate::ops::train::{TrainExec, is_reproducible};

/// See the module.
#[derive(Debug)]
pub struct SubqueriesOfTrainings;

impl PhysicalOptimizerRule for SubqueriesOfTrainings {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_down(|node| match node.downcast_ref::<ScalarSubqueryExec>() {
            Some(with) if !with.subqueries().iter().all(|subquery| is_reproducible(&subquery.plan)) => unrepeatable(node),
            _ => Ok(Transformed::no(node)),
        })
        .data()
    }

    fn name(&self) -> &str {
        "subqueries_of_trainings"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn unrepeatable(plan: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    plan.transform_down(|node| match node.downcast_ref::<TrainExec>() {
        Some(training) if training.repeats() => Ok(Transformed::yes(Arc::new(training.unrepeatable()) as Arc<dyn ExecutionPlan>)),
        _ => Ok(Transformed::no(node)),
    })
}
