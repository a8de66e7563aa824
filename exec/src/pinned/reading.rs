//! Reading what is to be cached: partitions side by side, each batch counted before the next one is asked for.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::runtime::SpawnedTask;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures::TryStreamExt;
use futures::future::try_join_all;
use gradframe_ml_core::Result;
use gradframe_plan::error::from_datafusion;

use crate::memory::{Memory, batch_bytes};

/// An empty share of the session's memory.
pub(super) fn share(context: &TaskContext) -> Memory {
    Memory::new("cache table", context)
}

/// What memory is asked for, as errors say it.
pub(super) fn named(table: &str) -> String {
    format!("table `{table}`")
}

/// All batches of each partition, and the memory that they take. Errors: the plan's; `Resources` when there is none for a batch that
/// has come: then nothing more is read.
pub(super) async fn rows(
    table: &str,
    plan: &Arc<dyn ExecutionPlan>,
    context: &Arc<TaskContext>,
) -> Result<(Vec<Vec<RecordBatch>>, Arc<Memory>)> {
    let memory = Arc::new(share(context));
    let partitions = 0..plan.output_partitioning().partition_count();
    let read = partitions.map(|number| {
        let task = partition(named(table), Arc::clone(plan), number, Arc::clone(context), Arc::clone(&memory));
        let task = SpawnedTask::spawn(task);
        async { task.join_unwind().await.map_err(|error| from_datafusion(DataFusionError::ExecutionJoin(Box::new(error))))? }
    });
    // The first error ends the others too.
    Ok((try_join_all(read).await?, memory))
}

async fn partition(
    what: String,
    plan: Arc<dyn ExecutionPlan>,
    number: usize,
    context: Arc<TaskContext>,
    memory: Arc<Memory>,
) -> Result<Vec<RecordBatch>> {
    let mut batches = plan.execute(number, context).map_err(from_datafusion)?;
    let mut read = vec![];
    while let Some(batch) = batches.try_next().await.map_err(from_datafusion)? {
        memory.grow(batch_bytes(&batch), &what)?;
        read.push(batch);
    }
    Ok(read)
}
