//! How Unique goes through its rows.
//!
//! A set of the keys that were seen is all that is held. Where the session's memory has no room for more of it, the keys that
//! are seen and the rows that are left are divided by their hashes and go to the disk, and each part is worked on by itself,
//! as the whole was: its keys are seen first, then its rows pass. Rows that must stay in their order are merged at the end.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_plan::metrics::BaselineMetrics;
use datafusion::physical_plan::stream::EmptyRecordBatchStream;
use datafusion::physical_plan::{PhysicalExpr, SpillManager};
use futures::StreamExt;
use gradframe_plan::error::to_datafusion;

use super::super::divided::{Merging, Parts, Stored, Writing};
use super::output::{Output, Target};
use super::seen::Seen;
use crate::memory::Memory;

/// What is on the disk.
const ROWS: &str = "rows of unique";

/// What the passes over the rows need.
pub(super) struct Work {
    /// What tells rows apart, over the input's columns.
    pub keys: Vec<Arc<dyn PhysicalExpr>>,
    /// The schema of those.
    pub key_schema: SchemaRef,
    /// The order in which rows come and must go; None if it does not matter.
    pub order: Option<LexOrdering>,
    pub batch_rows: usize,
    pub memory: Memory,
    /// For merging rows from the disk.
    pub merging: MemoryReservation,
    pub metrics: BaselineMetrics,
    pub keys_on_disk: SpillManager,
    pub rows_on_disk: SpillManager,
}

/// Keys that are seen already, and rows that are still to be looked at.
struct Part {
    keys: SendableRecordBatchStream,
    rows: SendableRecordBatchStream,
    /// How often these rows were divided.
    depth: u64,
}

/// The same on the disk, in files that are opened when their turn has come.
struct StoredPart {
    keys: Stored,
    rows: Stored,
    depth: u64,
}

impl StoredPart {
    fn open(self) -> Result<Part> {
        Ok(Part { keys: self.keys.read()?, rows: self.rows.read()?, depth: self.depth })
    }
}

impl Work {
    /// One row for each different value of the keys: the first.
    pub async fn run(self, rows: SendableRecordBatchStream, mut output: Output) -> Result<()> {
        let keys = Box::pin(EmptyRecordBatchStream::new(Arc::clone(&self.key_schema)));
        let whole = Part { keys, rows, depth: 0 };
        let mut parts = self.pass(whole, &mut Target::Reader(&mut output)).await?;
        let mut stored = vec![];
        while let Some(part) = parts.pop() {
            let mut target = match self.order {
                Some(_) => Target::File(Writing::new(&self.rows_on_disk, ROWS)?),
                None => Target::Reader(&mut output),
            };
            parts.extend(self.pass(part.open()?, &mut target).await?);
            stored.extend(target.finish()?);
        }
        self.merge(stored, &mut output).await?;
        output.finish().await
    }

    /// Fewer rows, though not yet one for each key: what can be done before rows of the same keys are brought together.
    /// Where most rows are different it is given up, and where memory is short it forgets.
    pub async fn thin_out(self, mut rows: SendableRecordBatchStream, mut output: Output) -> Result<()> {
        let mut seen = Some(Seen::new(&self.key_schema)?);
        let (mut read, mut kept) = (0, 0);
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            let Some(set) = &mut seen else {
                output.push_all(batch).await?;
                continue;
            };
            let stays = set.first_of_each(&self.keys_of(&batch)?)?;
            (read, kept) = (read + batch.num_rows(), kept + stays.true_count());
            output.push(batch, &stays).await?;
            if pays_little(read, kept) {
                seen = None;
                self.memory.free();
            } else if !self.has_room(set.bytes()) {
                *set = Seen::new(&self.key_schema)?;
                self.memory.free();
            }
        }
        output.finish().await
    }

    /// Goes through a part. What does not fit in memory comes back as parts of it.
    async fn pass(&self, mut part: Part, target: &mut Target<'_>) -> Result<Vec<StoredPart>> {
        self.memory.free();
        let mut seen = Seen::new(&self.key_schema)?;
        while let Some(keys) = part.keys.next().await {
            seen.first_of_each(keys?.columns())?;
            if !self.fits(&seen)? {
                return self.divide(seen, part).await;
            }
        }
        while let Some(batch) = part.rows.next().await {
            let batch = batch?;
            let stays = seen.first_of_each(&self.keys_of(&batch)?)?;
            target.push(batch, &stays).await?;
            if !self.fits(&seen)? {
                return self.divide(seen, part).await;
            }
        }
        Ok(vec![])
    }

    /// Whether the set of keys is within the session's memory. Errors: `Resources` where there is none even for a few.
    fn fits(&self, seen: &Seen) -> Result<bool> {
        let bytes = seen.bytes();
        if self.has_room(bytes) {
            return Ok(true);
        }
        if seen.len() > self.batch_rows {
            return Ok(false);
        }
        self.memory.grow(bytes - self.memory.bytes(), "a set of keys").map_err(to_datafusion)?;
        Ok(true)
    }

    fn has_room(&self, bytes: usize) -> bool {
        let held = self.memory.bytes();
        bytes <= held || self.memory.try_grow(bytes - held)
    }

    /// The keys that are seen and the rows that are left, in parts on the disk.
    async fn divide(&self, seen: Seen, mut part: Part) -> Result<Vec<StoredPart>> {
        let mut keys = Parts::new(&self.keys_on_disk, ROWS, part.depth)?;
        let emptied = seen.emptied()?;
        for from in (0..emptied.num_rows()).step_by(self.batch_rows) {
            let batch = emptied.slice(from, self.batch_rows.min(emptied.num_rows() - from));
            keys.append(&batch, batch.columns())?;
        }
        drop(emptied);
        self.memory.free();
        while let Some(batch) = part.keys.next().await {
            let batch = batch?;
            keys.append(&batch, batch.columns())?;
        }
        let mut rows = Parts::new(&self.rows_on_disk, ROWS, part.depth)?;
        while let Some(batch) = part.rows.next().await {
            let batch = batch?;
            rows.append(&batch, &self.keys_of(&batch)?)?;
        }
        let pairs = keys.finish()?.into_iter().zip(rows.finish()?);
        Ok(pairs.map(|(keys, rows)| StoredPart { keys, rows, depth: part.depth + 1 }).collect())
    }

    /// Parts that are each in order, as one that is.
    async fn merge(&self, stored: Vec<Stored>, output: &mut Output) -> Result<()> {
        let Some(order) = &self.order else { return Ok(()) };
        self.memory.free();
        let (manager, metrics, memory) = (&self.rows_on_disk, &self.metrics, &self.merging);
        let merging = Merging { manager, order, metrics, batch_rows: self.batch_rows, memory };
        let Some(mut merged) = merging.merged(stored)? else { return Ok(()) };
        while let Some(batch) = merged.next().await {
            output.push_all(batch?).await?;
        }
        Ok(())
    }

    fn keys_of(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
        self.keys.iter().map(|key| key.evaluate(batch)?.into_array(batch.num_rows())).collect()
    }
}

/// Whether looking for equal rows costs more than it takes away.
fn pays_little(read: usize, kept: usize) -> bool {
    /// Rows after which it is asked.
    const TRIED: usize = 100_000;
    read >= TRIED && kept >= read / 10 * 8
}
