//! Windows of more groups than memory has room for: rows go to the disk, divided by their keys, and each part is worked on by itself, as
//! the whole was; then parts are merged in the order in which rows came.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Field, FieldRef, SchemaRef};
use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::metrics::SpillMetrics;
use datafusion::physical_plan::stream::{EmptyRecordBatchStream, RecordBatchStreamAdapter};
use datafusion::physical_plan::{PhysicalExpr, SpillManager};
use futures::StreamExt;
use gradframe_plan::functions::compact;

use super::super::appended;
use super::super::divided::{Merging, Parts, Writing};
use super::stream::{Asked, started};

/// The column of the rows' numbers on the disk, behind the input's.
const PLACE: &str = "__place";

/// What is on the disk.
const ROWS: &str = "rows of a window";

/// Rows that are being divided.
pub(super) struct Divided {
    asked: Asked,
    keys: Vec<Arc<dyn PhysicalExpr>>,
    /// The input's columns and the number of the row.
    schema: SchemaRef,
    parts: Parts,
    next: u64,
}

impl Divided {
    /// No rows of an input yet. Errors: `Resources` where no file can be made.
    pub fn new(asked: &Asked, keys: &[Arc<dyn PhysicalExpr>], input: &SchemaRef) -> Result<Self> {
        let place: FieldRef = Arc::new(Field::new(PLACE, DataType::UInt64, false));
        let schema = appended::schema(input, [place].into_iter());
        let parts = Parts::new(&on_disk(asked, &schema), ROWS, asked.depth)?;
        Ok(Divided { asked: asked.clone(), keys: keys.to_vec(), schema, parts, next: 0 })
    }

    /// The next rows. Errors: `Resources` if the disk or its limit is full.
    pub fn append(&mut self, batch: &RecordBatch) -> Result<()> {
        let rows = batch.num_rows();
        let keys = self.keys.iter().map(|key| key.evaluate(batch)?.into_array(rows)).collect::<Result<Vec<ArrayRef>>>()?;
        let places = UInt64Array::from_iter_values(self.next..self.next + rows as u64);
        self.next += rows as u64;
        self.parts.append(&appended::batch(&self.schema, batch, vec![Arc::new(places)])?, &keys)
    }

    /// All rows with their windows, in the order in which they came.
    pub async fn finish(self) -> Result<SendableRecordBatchStream> {
        let Divided { asked, schema, parts, .. } = self;
        let place = schema.fields().len() - 1;
        let computed = appended::schema(&schema, asked.schema.fields().iter().skip(place).cloned());
        let disk = on_disk(&asked, &computed);
        let (baseline, depth) = (asked.baseline.intermediate(), asked.depth + 1);
        let of_part = Asked { schema: computed, baseline, depth, ..asked.clone() };
        let mut files = vec![];
        for part in parts.finish()? {
            let mut rows = started(of_part.clone(), part.read()?)?;
            let mut file = Writing::new(&disk, ROWS)?;
            while let Some(batch) = rows.next().await {
                file.append(&batch?)?;
            }
            files.push(file.finish()?);
        }
        let number: Arc<dyn PhysicalExpr> = Arc::new(Column::new(PLACE, place));
        let options = SortOptions { descending: false, nulls_first: false };
        let order = LexOrdering::from([PhysicalSortExpr::new(number, options)]);
        let memory = MemoryConsumer::new(ROWS).register(asked.context.memory_pool());
        let batch_rows = asked.context.session_config().batch_size();
        let merging = Merging { manager: &disk, order: &order, metrics: &asked.baseline, batch_rows, memory: &memory };
        match merging.merged(files)? {
            Some(merged) => Ok(without(merged, place, &asked.schema)),
            None => Ok(Box::pin(EmptyRecordBatchStream::new(asked.schema))),
        }
    }
}

fn on_disk(asked: &Asked, schema: &SchemaRef) -> SpillManager {
    let spills = SpillMetrics::new(&asked.metrics, asked.partition);
    let manager = SpillManager::new(asked.context.runtime_env(), spills, Arc::clone(schema));
    manager.with_compression_type(asked.context.session_config().spill_compression())
}

/// Batches without the column at a place. Views among them let go of the texts of the files that they were merged from.
fn without(batches: SendableRecordBatchStream, place: usize, schema: &SchemaRef) -> SendableRecordBatchStream {
    let others: Vec<usize> = (0..=schema.fields().len()).filter(|column| *column != place).collect();
    let own = Arc::clone(schema);
    let batches = batches.map(move |batch| {
        let columns = batch?.project(&others)?.columns().iter().map(|column| compact(Arc::clone(column))).collect();
        Ok(RecordBatch::try_new(Arc::clone(&own), columns)?)
    });
    Box::pin(RecordBatchStreamAdapter::new(Arc::clone(schema), batches))
}
