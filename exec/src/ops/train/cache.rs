//! Reading the training rows: what Train needs of each partition, in the partition's order.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, RecordBatch};
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::utils::memory::get_record_batch_memory_size;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures::TryStreamExt;
use gradframe_ml_core::Result;
use gradframe_plan::error::from_datafusion;

use super::metrics::TrainMetrics;
use super::{Inputs, OP};
use crate::memory::Memory;
use crate::ops::input::ordered_partition;

/// The raw rows of the training set: batches whose columns are the features, the label, then the keys of the order.
#[derive(Debug)]
pub(super) struct RawRows {
    pub batches: Vec<Vec<ArrayRef>>,
    pub rows: usize,
    /// What `batches` take.
    pub memory: Vec<Memory>,
}

impl RawRows {
    /// Bytes of the batches.
    pub fn bytes(&self) -> usize {
        self.memory.iter().map(Memory::bytes).sum()
    }
}

/// Who is told of rows as they come.
pub(super) type OnRows = Arc<dyn Fn(usize) + Send + Sync>;

/// Reads all partitions side by side; their rows follow each other in the order of partitions.
/// Errors: the input's; `Resources` if the rows do not fit in memory.
pub(super) async fn read(
    input: &Arc<dyn ExecutionPlan>,
    inputs: &Arc<Inputs>,
    context: &Arc<TaskContext>,
    metrics: &TrainMetrics,
    on_rows: OnRows,
) -> Result<RawRows> {
    let started = Instant::now();
    let partition = |p: usize| {
        let (input, inputs, context) = (Arc::clone(input), Arc::clone(inputs), Arc::clone(context));
        SpawnedTask::spawn(read_partition(input, inputs, context, p, Arc::clone(&on_rows)))
    };
    let tasks: Vec<_> = (0..input.output_partitioning().partition_count()).map(partition).collect();
    let mut all = RawRows { batches: vec![], rows: 0, memory: vec![] };
    for task in tasks {
        let part = task.join_unwind().await.map_err(|e| from_datafusion(DataFusionError::ExecutionJoin(Box::new(e))))??;
        all.batches.extend(part.batches);
        all.rows += part.rows;
        all.memory.extend(part.memory);
    }
    metrics.data_wait.add_elapsed(started);
    metrics.rows.add(all.rows);
    Ok(all)
}

async fn read_partition(
    input: Arc<dyn ExecutionPlan>,
    inputs: Arc<Inputs>,
    context: Arc<TaskContext>,
    partition: usize,
    on_rows: OnRows,
) -> Result<RawRows> {
    let mut stream = ordered_partition(&input, partition, &context).map_err(from_datafusion)?;
    let mut part = RawRows { batches: vec![], rows: 0, memory: vec![Memory::new(OP, &context)] };
    while let Some(batch) = stream.try_next().await.map_err(from_datafusion)? {
        let columns = inputs.evaluate(&batch)?;
        part.memory[0].grow(memory_bytes(&columns)?, "holding the training rows")?;
        part.rows += batch.num_rows();
        on_rows(batch.num_rows());
        if batch.num_rows() > 0 {
            part.batches.push(columns);
        }
        // A memory table never waits: without this an abort would not be noticed.
        tokio::task::yield_now().await;
    }
    Ok(part)
}

impl Inputs {
    fn evaluate(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
        let exprs = self.columns.iter().chain(self.keys.iter().map(|(expr, _)| expr));
        exprs.map(|e| e.evaluate(batch)?.into_array(batch.num_rows())).collect::<Result<_, _>>().map_err(from_datafusion)
    }
}

/// Bytes of the buffers, those shared by several columns counted once.
fn memory_bytes(columns: &[ArrayRef]) -> Result<usize> {
    let batch = RecordBatch::try_from_iter(columns.iter().enumerate().map(|(i, c)| (i.to_string(), Arc::clone(c))));
    Ok(get_record_batch_memory_size(&batch.map_err(crate::columns::arrow_error)?))
}
