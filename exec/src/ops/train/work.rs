//! The memory in which chunks are made, reserved before the first of them.

use gradframe_ml_core::Result;
use gradframe_ml_learn::ColumnKind;
use gradframe_ml_learn::data_types::accepts;
use gradframe_plan::ops::train::TrainJob;

use super::disk::Disk;
use super::order::OrderedRows;
use super::{CHUNK_ROWS, Inputs};
use crate::memory::Memory;

/// Memory for some chunks at once.
#[derive(Debug)]
pub(super) struct Work {
    /// Chunks that may be made at once.
    pub chunks: usize,
    memory: Memory,
    /// Of `memory`, what is for chunks.
    chunk_bytes: usize,
}

impl Work {
    /// Reserves memory for one chunk a thread, or for as many as there is room for. Where there is none for even one,
    /// rows that are in memory go to the disk first.
    /// Errors: `Resources` if a chunk does not fit.
    pub fn reserve(
        rows: OrderedRows,
        inputs: &Inputs,
        job: &TrainJob,
        memory: Memory,
        disk: &Disk,
    ) -> Result<(OrderedRows, Self)> {
        let one = chunk_bytes(&rows, inputs, job)?;
        let waiting = if rows.is_split() { 2 * rows.chunk_rows() * rows.bytes_a_row() } else { 0 };
        let most = rayon::current_num_threads().min(rows.rows().div_ceil(CHUNK_ROWS)).max(1);
        let rows = if rows.memory_bytes() > 0 && !memory.can_grow(waiting + one) { rows.on_disk(disk)? } else { rows };
        memory.grow(waiting + one, "encoding the training rows")?;
        let more = (1..most).take_while(|_| memory.try_grow(one)).count();
        Ok((rows, Work { chunks: 1 + more, chunk_bytes: memory.bytes(), memory }))
    }

    /// Counts what the distinct values of text columns take now, once as they are gathered and once as they are looked
    /// up. Errors: `Resources` if there is no room for them.
    pub fn hold_values(&self, bytes: usize) -> Result<()> {
        let more = (self.chunk_bytes + 2 * bytes).saturating_sub(self.memory.bytes());
        self.memory.grow(more, "the distinct values of text columns")
    }
}

/// What making a chunk takes: its raw rows, its columns as numbers and codes, and the encoded rows.
fn chunk_bytes(rows: &OrderedRows, inputs: &Inputs, job: &TrainJob) -> Result<usize> {
    let kinds = job.feature_types[..inputs.label].iter().map(accepts).collect::<Result<Vec<_>>>()?;
    let feature = |kind: &ColumnKind| if *kind == ColumnKind::Text { size_of::<i32>() } else { size_of::<f64>() };
    let encoded = kinds.iter().map(feature).sum::<usize>() + 2 * size_of::<f64>();
    Ok(rows.chunk_rows() * (rows.bytes_a_row() + 2 * encoded))
}
