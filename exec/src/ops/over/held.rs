//! Batches that wait for values of windows: in memory, or on the disk where there is no room.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, UInt32Type};
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::execution::spill_file::SpillFile;
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, SpillMetrics};
use datafusion::physical_plan::{SendableRecordBatchStream, SpillManager};
use futures::StreamExt;
use gradframe_ml_core::Error;
use gradframe_plan::error::to_datafusion;

use super::super::appended;
use crate::memory::{Memory, batch_bytes};

/// The name of the column of groups on the disk.
const GROUP: &str = "__group";

/// A batch of the input with the columns of windows that are known, and the group of each row if there are groups.
#[derive(Debug, Clone)]
pub(super) struct HeldBatch {
    /// The input's columns, then those of the windows that give their values at once.
    pub rows: RecordBatch,
    pub groups: Option<Vec<u32>>,
}

impl HeldBatch {
    fn bytes(&self) -> usize {
        batch_bytes(&self.rows) + self.groups.as_ref().map_or(0, |groups| groups.capacity() * size_of::<u32>())
    }

    fn with_groups(&self, schema: &SchemaRef) -> Result<RecordBatch> {
        let groups = self.groups.as_ref().map(|groups| Arc::new(UInt32Array::from(groups.clone())) as ArrayRef);
        appended::batch(schema, &self.rows, groups.into_iter().collect())
    }
}

/// What waits, in order.
pub(super) struct Held {
    memory: Memory,
    batches: VecDeque<HeldBatch>,
    /// Of the rows alone.
    schema: SchemaRef,
    spill: SpillManager,
    disk: Disk,
    /// Rows of a batch on the disk.
    batch_rows: usize,
}

/// Writes a batch; without one, ends the file.
type Writer = Box<dyn FnMut(Option<RecordBatch>) -> Result<Option<Arc<dyn SpillFile>>> + Send>;

enum Disk {
    Unused,
    Written(Writer),
    Read(SendableRecordBatchStream),
}

impl Held {
    /// Nothing yet, of rows of this schema; `grouped` if they have groups.
    pub fn new(schema: SchemaRef, grouped: bool, context: &TaskContext, metrics: (&ExecutionPlanMetricsSet, usize)) -> Self {
        let group: Option<FieldRef> = grouped.then(|| Arc::new(Field::new(GROUP, DataType::UInt32, false)));
        let fields: Vec<FieldRef> = schema.fields().iter().cloned().chain(group).collect();
        let written = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
        let spill = SpillManager::new(context.runtime_env(), SpillMetrics::new(metrics.0, metrics.1), written);
        let memory = Memory::spillable("window", context);
        let batch_rows = context.session_config().batch_size().max(1);
        Held { memory, batches: VecDeque::new(), schema, spill, disk: Disk::Unused, batch_rows }
    }

    /// The schema of the rows.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// One more, which stays in memory if it is needed there: whether it has room. Errors: the disk's.
    pub fn push(&mut self, batch: HeldBatch, stays: bool) -> Result<bool> {
        if let Disk::Written(write) = &mut self.disk {
            write(Some(batch.with_groups(self.spill.schema())?))?;
            return Ok(true);
        }
        let fits = self.memory.try_grow(batch.bytes());
        self.batches.push_back(batch);
        if !fits && !stays {
            self.write()?;
        }
        Ok(fits || !stays)
    }

    /// Whether memory was given back: what is in it goes to the disk.
    pub fn give_way(&mut self) -> Result<bool> {
        let gives = matches!(self.disk, Disk::Unused) && !self.batches.is_empty();
        if gives {
            self.write()?;
        }
        Ok(gives)
    }

    /// Makes room for the last batch. Errors: `Resources` if there is none.
    pub fn demand(&self) -> Result<()> {
        let last = self.batches.back().map_or(0, HeldBatch::bytes);
        self.memory.grow(last, "the rows that it holds").map_err(to_datafusion)
    }

    /// Everything goes to the disk, and what follows.
    fn write(&mut self) -> Result<()> {
        let mut file = self.spill.create_in_progress_file("rows of a window")?;
        let piece = self.batch_rows;
        let mut write: Writer = Box::new(move |batch| {
            let Some(batch) = batch else { return file.finish() };
            for start in (0..batch.num_rows()).step_by(piece) {
                file.append_batch(&batch.slice(start, piece.min(batch.num_rows() - start)))?;
            }
            Ok(None)
        });
        for batch in self.batches.drain(..) {
            write(Some(batch.with_groups(self.spill.schema())?))?;
        }
        self.memory.free();
        self.disk = Disk::Written(write);
        Ok(())
    }

    /// Nothing more comes: what was written is read.
    pub fn finish(&mut self) -> Result<()> {
        if let Disk::Written(write) = &mut self.disk {
            let file = write(None)?.ok_or_else(|| to_datafusion(Error::internal("window", "a file without rows")))?;
            self.disk = Disk::Read(self.spill.read_spill_as_stream(file, None)?);
        }
        Ok(())
    }

    /// Makes the first batch one that is in memory.
    pub async fn load(&mut self) -> Result<()> {
        if let (true, Disk::Read(stream)) = (self.batches.is_empty(), &mut self.disk)
            && let Some(batch) = stream.next().await.transpose()?
        {
            let own = self.schema.fields().len();
            let groups = batch.columns().get(own).map(|groups| groups.as_primitive::<UInt32Type>().values().to_vec());
            let rows = appended::batch(&self.schema, &batch.project(&(0..own).collect::<Vec<_>>())?, vec![])?;
            self.batches.push_back(HeldBatch { rows, groups });
        }
        Ok(())
    }

    /// The first batch, if it is in memory.
    pub fn front(&self) -> Option<&HeldBatch> {
        self.batches.front()
    }

    /// Takes the first batch out.
    pub fn pop(&mut self) -> Option<HeldBatch> {
        let batch = self.batches.pop_front()?;
        self.memory.shrink(batch.bytes());
        Some(batch)
    }

    /// The groups of all batches in memory.
    pub fn groups(&self) -> impl Iterator<Item = &[u32]> + Clone {
        self.batches.iter().filter_map(|batch| batch.groups.as_deref())
    }
}
