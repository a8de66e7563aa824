//! How far a running query has read.

use std::sync::Arc;

use datafusion::common::stats::Precision;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use gradframe_exec::ops::text::TextExec;
use gradframe_plan::error::from_datafusion;

use super::DataFrame;
use crate::Result;
use crate::panics::{guard, guard_stream};

/// Rows read by a query's scans so far, and in total where the files say so. Of a query with a pretrained model, the rows that went
/// through it: that is what takes the time. Cheap to clone; may outlive the query.
#[derive(Debug, Clone)]
pub struct ScanProgress {
    leaves: Vec<Arc<dyn ExecutionPlan>>,
}

impl ScanProgress {
    pub(super) fn of(plan: &Arc<dyn ExecutionPlan>) -> Self {
        let mut leaves = vec![];
        collect_leaves(plan, &mut leaves);
        ScanProgress { leaves }
    }

    /// Rows that scans have given so far.
    pub fn rows_read(&self) -> u64 {
        let read = self.leaves.iter().filter_map(|leaf| leaf.metrics()?.output_rows());
        read.map(|rows| rows as u64).sum()
    }

    /// Rows that all scans will give, before filters; None where some scan does not know.
    pub fn rows_total(&self) -> Option<u64> {
        let mut total = 0;
        for leaf in &self.leaves {
            match StatisticsContext::new().compute(leaf.as_ref(), &StatisticsArgs::new()).ok()?.num_rows {
                Precision::Exact(rows) | Precision::Inexact(rows) => total += rows as u64,
                Precision::Absent => return None,
            }
        }
        Some(total)
    }
}

fn collect_leaves(plan: &Arc<dyn ExecutionPlan>, leaves: &mut Vec<Arc<dyn ExecutionPlan>>) {
    let children = plan.children();
    if children.is_empty() || plan.downcast_ref::<TextExec>().is_some() {
        leaves.push(Arc::clone(plan));
        return;
    }
    children.into_iter().for_each(|child| collect_leaves(child, leaves));
}

impl DataFrame {
    /// [`DataFrame::stream`], and a view of how far its scans are.
    pub async fn stream_watched(&self) -> Result<(SendableRecordBatchStream, ScanProgress)> {
        let execution = self.execution();
        let context = execution.task_ctx();
        let plan = guard("stream", async { execution.create_physical_plan().await.map_err(from_datafusion) }).await?;
        let progress = ScanProgress::of(&plan);
        let stream = execute_stream(plan, Arc::new(context)).map_err(from_datafusion)?;
        Ok((self.naming_lost_rows(guard_stream("stream", stream)), progress))
    }
}
