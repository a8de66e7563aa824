//! Reading the training rows: what Train needs of each partition, sorted as far as memory allows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::filter;
use datafusion::common::runtime::SpawnedTask;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, PhysicalExpr};
use futures::TryStreamExt;
use gradframe_ml_core::{Error, Result};
use gradframe_plan::error::from_datafusion;

use super::dataset::Digest;
use super::disk::Disk;
use super::metrics::TrainMetrics;
use super::rows::{KeyMaker, RawBatch};
use super::sorter::Sorter;
use super::{Inputs, OP};
use crate::columns::{arrow_error, numbers};
use crate::memory::Memory;
use crate::ops::input::ordered_partition;

/// Who is told of rows as they come.
pub(super) type OnRows = Arc<dyn Fn(usize) + Send + Sync>;

/// What reading a partition needs.
struct Reader {
    input: Arc<dyn ExecutionPlan>,
    inputs: Arc<Inputs>,
    context: Arc<TaskContext>,
    disk: Disk,
    partitions: usize,
    seed: u64,
    on_rows: OnRows,
    /// Rows of weight 0, which are as if they were not there.
    left_out: AtomicUsize,
}

/// Reads all partitions side by side; gives the rows and their digest. `seed` is the key of the rows' hash.
/// Errors: the input's; `Resources` if the rows fit neither memory nor disk; `Execution` if all rows weigh 0.
pub(super) async fn read(
    input: &Arc<dyn ExecutionPlan>,
    inputs: &Arc<Inputs>,
    context: &Arc<TaskContext>,
    seed: u64,
    metrics: &TrainMetrics,
    on_rows: OnRows,
) -> Result<(Sorter, Digest)> {
    let started = Instant::now();
    let (input, inputs, context) = (Arc::clone(input), Arc::clone(inputs), Arc::clone(context));
    let disk = Disk::new(&context, metrics.spill.clone());
    let partitions = input.output_partitioning().partition_count();
    let reader = Arc::new(Reader { input, inputs, context, disk, partitions, seed, on_rows, left_out: AtomicUsize::new(0) });
    let tasks: Vec<_> = (0..partitions).map(|p| SpawnedTask::spawn(Arc::clone(&reader).read_partition(p))).collect();
    let (mut parts, mut digest) = (vec![], Digest::default());
    for task in tasks {
        let (part, of_part) = task.join_unwind().await.map_err(joined)??;
        parts.push(part);
        digest.merge(of_part);
    }
    let all = parts.into_iter().reduce(Sorter::and).unwrap_or_else(|| reader.sorter());
    metrics.data_wait.add_elapsed(started);
    metrics.rows.add(all.rows());
    reader.check_left_out(all.rows())?;
    Ok((all, digest))
}

fn joined(error: tokio::task::JoinError) -> gradframe_ml_core::Error {
    from_datafusion(DataFusionError::ExecutionJoin(Box::new(error)))
}

impl Reader {
    fn sorter(&self) -> Sorter {
        Sorter::new(self.disk.clone(), Memory::spillable(OP, &self.context), self.partitions)
    }

    async fn read_partition(self: Arc<Self>, partition: usize) -> Result<(Sorter, Digest)> {
        let mut stream = ordered_partition(&self.input, partition, &self.context).map_err(from_datafusion)?;
        let mut rows = self.sorter();
        let (mut keys, mut digest) = (None, Digest::default());
        while let Some(batch) = stream.try_next().await.map_err(from_datafusion)? {
            if let Some(batch) = self.raw(&batch, &mut keys, &mut digest)? {
                (self.on_rows)(batch.rows());
                if !rows.push(batch)? {
                    rows = spill(rows).await?;
                }
            }
            // A memory table never waits: without this an abort would not be noticed.
            tokio::task::yield_now().await;
        }
        Ok((rows, digest))
    }

    /// None where no row is left.
    fn raw(&self, batch: &RecordBatch, keys: &mut Option<KeyMaker>, digest: &mut Digest) -> Result<Option<RawBatch>> {
        let columns = evaluate(&self.inputs.columns, batch)?;
        let order = evaluate(self.inputs.keys.iter().map(|(expr, _)| expr), batch)?;
        let weighty = self.inputs.weight.map_or(Ok(None), |at| weighty(&columns[at]))?;
        let (columns, order) = match &weighty {
            Some(kept) => {
                self.left_out.fetch_add(kept.false_count(), Ordering::Relaxed);
                (filtered(&columns, kept)?, filtered(&order, kept)?)
            }
            None => (columns, order),
        };
        if columns.first().is_none_or(|column| column.is_empty()) {
            return Ok(None);
        }
        let maker = match keys {
            Some(maker) => maker,
            None => keys.insert(self.key_maker(&columns, &order)?),
        };
        let keys = maker.keys(&columns, &order, digest)?;
        RawBatch { columns, keys }.compacted().map(Some)
    }

    /// Errors: `Execution` naming the weight if no row is left because all of them weigh 0.
    fn check_left_out(&self, rows: usize) -> Result<()> {
        let left_out = self.left_out.load(Ordering::Relaxed);
        match self.inputs.weight {
            Some(at) if rows == 0 && left_out > 0 => {
                let what =
                    format!("sample weight `{}` is 0 in all {left_out} rows, there is nothing to learn", self.inputs.names[at]);
                Err(Error::execution(OP, what).hint("a row of weight 0 is left out"))
            }
            _ => Ok(()),
        }
    }

    fn key_maker(&self, columns: &[ArrayRef], order: &[ArrayRef]) -> Result<KeyMaker> {
        let columns: Vec<_> = columns.iter().map(|column| column.data_type().clone()).collect();
        let options = self.inputs.keys.iter().map(|(_, options)| *options);
        let order: Vec<_> = order.iter().map(|key| key.data_type().clone()).zip(options).collect();
        KeyMaker::new(&columns, &order, self.seed)
    }
}

/// Which rows have another weight than 0; None if all have. A null is for who encodes the weights to refuse.
fn weighty(weights: &ArrayRef) -> Result<Option<BooleanArray>> {
    let (values, valid) = numbers(weights)?;
    let valid = valid.as_ref().map(|valid| valid.values::<u8>()).transpose()?;
    let is_null = |row: usize| valid.is_some_and(|valid| valid[row] == 0);
    let values = values.values::<f64>()?;
    if !values.contains(&0.0) {
        return Ok(None);
    }
    Ok(Some(values.iter().enumerate().map(|(row, &weight)| Some(weight != 0.0 || is_null(row))).collect()))
}

fn filtered(columns: &[ArrayRef], kept: &BooleanArray) -> Result<Vec<ArrayRef>> {
    columns.iter().map(|column| filter(column, kept).map_err(arrow_error)).collect()
}

/// Sorting and writing, on a thread that may block.
async fn spill(mut rows: Sorter) -> Result<Sorter> {
    let spilled = SpawnedTask::spawn_blocking(move || rows.spill().map(|()| rows));
    spilled.join_unwind().await.map_err(joined)?
}

fn evaluate<'a>(exprs: impl IntoIterator<Item = &'a Arc<dyn PhysicalExpr>>, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
    let arrays = exprs.into_iter().map(|expr| expr.evaluate(batch)?.into_array(batch.num_rows()));
    arrays.collect::<Result<_, _>>().map_err(from_datafusion)
}
