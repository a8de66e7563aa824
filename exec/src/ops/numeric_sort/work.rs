//! How rows are sorted: all of them in memory, or by DataFusion's operator, which writes to the disk what has no room.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::{concat, take};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::exec_datafusion_err;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::{BaselineMetrics, RecordOutput, SpillMetrics};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, stream};
use gradframe_plan::error::to_datafusion;
use tokio::sync::mpsc::Sender;

use super::keys::Key;
use super::order::{BYTES_A_ROW, in_order};
use super::replay::ReplayExec;
use crate::memory::{Memory, batch_bytes, column_bytes};

/// What sorting needs.
pub(super) struct Work {
    pub by: LexOrdering,
    pub schema: SchemaRef,
    pub context: Arc<TaskContext>,
    pub memory: Memory,
    pub metrics: BaselineMetrics,
    pub spills: SpillMetrics,
    pub reader: Sender<Result<RecordBatch>>,
}

/// Rows that are in memory.
#[derive(Default)]
struct Held {
    batches: Vec<RecordBatch>,
    rows: usize,
}

impl Work {
    /// Reads all rows and gives them on in order.
    pub async fn run(self, mut input: SendableRecordBatchStream) -> Result<()> {
        let mut held = Held::default();
        while let Some(batch) = input.next().await {
            let batch = batch?;
            let has_room = self.has_room(&held, &batch);
            held.rows += batch.num_rows();
            held.batches.push(batch);
            if !has_room {
                return self.by_way_of_the_disk(held, input).await;
            }
        }
        if !self.can_join(&held) {
            return self.by_way_of_the_disk(held, input).await;
        }
        self.in_memory(held).await
    }

    fn has_room(&self, held: &Held, batch: &RecordBatch) -> bool {
        let sorting = batch.num_rows() * BYTES_A_ROW;
        let fits = u32::try_from(held.rows + batch.num_rows()).is_ok();
        fits && self.memory.try_grow(batch_bytes(batch) + sorting)
    }

    /// Whether columns can be put together: each for a while lies there twice, and texts of 32-bit offsets have a limit.
    fn can_join(&self, held: &Held) -> bool {
        if held.batches.len() < 2 {
            return true;
        }
        let bytes = |at: usize| -> usize { held.batches.iter().map(|batch| column_bytes(batch.column(at))).sum() };
        let columns: Vec<usize> = (0..self.schema.fields().len()).map(bytes).collect();
        let is_short =
            |field: &DataType| matches!(field, DataType::Utf8 | DataType::Binary | DataType::List(_) | DataType::Map(..));
        let narrow = self.schema.fields().iter().zip(&columns).filter(|(field, _)| is_short(field.data_type()));
        narrow.into_iter().all(|(_, bytes)| i32::try_from(*bytes).is_ok())
            && self.memory.try_grow(columns.into_iter().max().unwrap_or(0))
    }

    async fn in_memory(&self, held: Held) -> Result<()> {
        let rows = held.rows;
        let keys = self.keys(&held)?;
        let order = in_order(rows, &keys).map_err(to_datafusion)?;
        drop(keys);
        self.memory.shrink(rows * (BYTES_A_ROW - size_of::<u32>()));
        let columns = joined(held)?;
        let order = UInt32Array::from(order);
        let batch_rows = self.context.session_config().batch_size();
        for from in (0..rows).step_by(batch_rows) {
            let wanted = order.slice(from, batch_rows.min(rows - from));
            let columns = columns.iter().map(|column| Ok(take(column, &wanted, None)?)).collect::<Result<_>>()?;
            self.give(self.batch(columns, wanted.len())?).await?;
        }
        Ok(())
    }

    fn batch(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }

    /// The keys of all rows.
    fn keys(&self, held: &Held) -> Result<Vec<Key>> {
        let key = |by: &datafusion::physical_expr::PhysicalSortExpr| {
            let values = held.batches.iter().map(|batch| by.expr.evaluate(batch)?.into_array(batch.num_rows()));
            let values = together(values.collect::<Result<Vec<_>>>()?, &by.expr.data_type(&self.schema)?)?;
            Key::of(&values, by.options).ok_or_else(|| exec_datafusion_err!("sort: keys of {}", values.data_type()))
        };
        self.by.iter().map(key).collect()
    }

    /// What was read and what follows, through DataFusion's operator.
    async fn by_way_of_the_disk(&self, held: Held, rest: SendableRecordBatchStream) -> Result<()> {
        self.memory.free();
        let rows = stream::iter(held.batches.into_iter().map(Ok)).chain(rest);
        let rows = Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows));
        let sort = SortExec::new(self.by.clone(), Arc::new(ReplayExec::new(rows)));
        let mut sorted = sort.execute(0, Arc::clone(&self.context))?;
        while let Some(batch) = sorted.next().await {
            self.give(batch?).await?;
        }
        let spilled = sort.metrics().unwrap_or_default();
        self.spills.spill_file_count.add(spilled.spill_count().unwrap_or(0));
        self.spills.spilled_bytes.add(spilled.spilled_bytes().unwrap_or(0));
        self.spills.spilled_rows.add(spilled.spilled_rows().unwrap_or(0));
        Ok(())
    }

    async fn give(&self, batch: RecordBatch) -> Result<()> {
        let batch = batch.record_output(&self.metrics);
        self.reader.send(Ok(batch)).await.map_err(|_| exec_datafusion_err!("sort: nobody reads its rows"))
    }
}

/// The columns of all batches, each of them put together when the one before is done.
fn joined(held: Held) -> Result<Vec<ArrayRef>> {
    let schema = held.batches.first().map(RecordBatch::schema);
    let types = schema.iter().flat_map(|schema| schema.fields().iter().map(|field| field.data_type().clone()));
    let types: Vec<DataType> = types.collect();
    let mut parts: Vec<_> = held.batches.into_iter().map(|batch| batch.columns().to_vec().into_iter()).collect();
    let column = |data_type: &DataType| together(parts.iter_mut().filter_map(Iterator::next).collect(), data_type);
    types.iter().map(column).collect()
}

fn together(parts: Vec<ArrayRef>, data_type: &DataType) -> Result<ArrayRef> {
    Ok(match parts.as_slice() {
        [] => arrow::array::new_empty_array(data_type),
        [one] => Arc::clone(one),
        several => concat(&several.iter().map(AsRef::as_ref).collect::<Vec<_>>())?,
    })
}
