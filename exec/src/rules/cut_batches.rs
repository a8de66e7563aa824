//! Large batches in memory are cut where functions are computed of each row.
//!
//! A regex over the three million texts of one batch would not end before its last, whatever the user presses. Columns that are only handed on
//! stay whole, so that they can be given away without a copy; so does arithmetic, which is done at once.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::execution_plan::EmissionType;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::{ChildrenPropertiesMode, ExecutionPlan, ExecutionPlanProperties, ReplaceChildrenOptions};

use crate::ops::cut::CutExec;
use crate::pinned::PinnedScanExec;

/// Batches of so many times the session's size are large.
const LARGE: usize = 8;

/// See the module.
#[derive(Debug)]
pub struct CutBatches;

impl PhysicalOptimizerRule for CutBatches {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let large = config.execution.batch_size.get().saturating_mul(LARGE);
        plan.transform_up(|node| match node.children().as_slice() {
            [input] if computes_functions(node.as_ref()) && has_large_batches(input, large) => {
                let cut = Arc::new(CutExec::new(Arc::clone(input)));
                let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
                Arc::clone(&node).replace_children(vec![cut], options).map(Transformed::yes)
            }
            _ => Ok(Transformed::no(node)),
        })
        .data()
    }

    fn name(&self) -> &str {
        "cut_batches"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn computes_functions(node: &dyn ExecutionPlan) -> bool {
    let is_function = |expr: &Arc<dyn PhysicalExpr>| expr.exists(|part| Ok(part.is::<ScalarFunctionExpr>())).unwrap_or(false);
    if let Some(projection) = node.downcast_ref::<ProjectionExec>() {
        return projection.expr().iter().any(|column| is_function(&column.expr));
    }
    node.downcast_ref::<FilterExec>().is_some_and(|filter| is_function(filter.predicate()))
}

/// Whether what comes here as it is lies in memory in batches of more rows.
fn has_large_batches(plan: &Arc<dyn ExecutionPlan>, rows: usize) -> bool {
    if let Some(scan) = plan.downcast_ref::<DataSourceExec>() {
        let memory = scan.data_source().downcast_ref::<MemorySourceConfig>();
        return memory.is_some_and(|memory| memory.partitions().iter().flatten().any(|batch| batch.num_rows() > rows));
    }
    if let Some(cached) = plan.downcast_ref::<PinnedScanExec>() {
        return has_large_batches(cached.rows(), rows);
    }
    match plan.children().as_slice() {
        // What reads all of its rows first gives them anew.
        [input] if !plan.is::<CutExec>() && plan.pipeline_behavior() != EmissionType::Final => has_large_batches(input, rows),
        _ => false,
    }
}
