//! Partitions that are consecutive parts of a file are put together in their order.
//!
//! Whoever needs one partition (a limit, a numbering of rows) gets from DataFusion the batches of all partitions as they
//! come. In a plan that is to keep the order of its rows this rule puts them one after another instead. Such a plan deals
//! no batches out in turn, which is how this rule knows it: `counted` says when.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use crate::ops::in_order::InOrderExec;

/// See the module.
#[derive(Debug)]
pub struct InOrder;

impl PhysicalOptimizerRule for InOrder {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        if config.optimizer.enable_round_robin_repartition {
            return Ok(plan);
        }
        plan.transform_up(|node| {
            if let Some(scan) = node.downcast_ref::<DataSourceExec>() {
                return Ok(of_own_files(scan).map_or(Transformed::no(node), Transformed::yes));
            }
            match node.downcast_ref::<CoalescePartitionsExec>() {
                Some(coalesce) if has_order(coalesce.input()) => {
                    Ok(Transformed::yes(Arc::new(InOrderExec::instead_of(coalesce))))
                }
                _ => Ok(Transformed::no(node)),
            }
        })
        .data()
    }

    fn name(&self) -> &str {
        "in_order"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// A scan whose partitions read their own pieces of files, whatever the settings are under which it runs.
fn of_own_files(scan: &DataSourceExec) -> Option<Arc<dyn ExecutionPlan>> {
    let source = scan.data_source().with_preserve_order(true)?;
    Some(Arc::new(scan.clone().with_data_source(source)))
}

/// Whether the partitions, one after another, have an order: that of their file, or of the side of a join that keeps it.
fn has_order(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let children = plan.children();
    if children.is_empty() || plan.output_partitioning().partition_count() == 1 {
        return true;
    }
    // Rows were dealt out by their hash, or each part was sorted by itself.
    if plan.is::<RepartitionExec>() || plan.is::<SortExec>() {
        return false;
    }
    let kept = || children.iter().zip(plan.maintains_input_order()).filter(|(_, maintains)| *maintains || plan.is::<UnionExec>());
    kept().next().is_some() && kept().all(|(child, _)| has_order(child))
}
