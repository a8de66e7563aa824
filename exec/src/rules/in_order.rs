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
use datafusion::physical_plan::unnest::UnnestExec;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, Distribution, ExecutionPlan, ExecutionPlanProperties, ReplaceChildrenOptions,
};

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

/// In a plan that keeps the order of its rows, before DataFusion puts partitions together: those of a union one after another. What is known
/// of the order within each of them would make DataFusion merge them by that, though nobody has asked for it.
#[derive(Debug)]
pub struct UnionsInOrder;

impl PhysicalOptimizerRule for UnionsInOrder {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        if config.optimizer.enable_round_robin_repartition {
            return Ok(plan);
        }
        plan.transform_up(|node| {
            let wanted = node.input_distribution_requirements();
            let wants_one = matches!(wanted.child_distribution(0), Some(Distribution::SinglePartition));
            let wants_order = node.required_input_ordering().iter().any(Option::is_some);
            match node.children().as_slice() {
                [child] if wants_one && !wants_order && is_of_union(child) => {
                    let child = Arc::new(InOrderExec::instead_of(&CoalescePartitionsExec::new(Arc::clone(child))));
                    let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
                    Ok(Transformed::yes(node.replace_children(vec![child], options)?))
                }
                _ => Ok(Transformed::no(node)),
            }
        })
        .data()
    }

    fn name(&self) -> &str {
        "unions_in_order"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Whether the partitions are those of a union, in whose order the rows are.
fn is_of_union(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let has_several = plan.output_partitioning().partition_count() > 1;
    let below = || matches!(plan.children().as_slice(), [child] if is_of_union(child));
    has_several && has_order(plan) && (plan.is::<UnionExec>() || below())
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
    // The rows of each list stand where the list was, though DataFusion does not say so.
    let keeps = plan.is::<UnionExec>() || plan.is::<UnnestExec>();
    let kept = || children.iter().zip(plan.maintains_input_order()).filter(|(_, maintains)| *maintains || keeps);
    kept().next().is_some() && kept().all(|(child, _)| has_order(child))
}
