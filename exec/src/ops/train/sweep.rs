//! Sweeps in mini-batches over the encoded rows.

use gradframe_ml_core::{Error, Result};
use gradframe_ml_kernels::Backend;
use gradframe_ml_learn::{Chunk, ChunkSource, Reached, Sweep};

use super::chunks::Chunks;
use super::fold::sizes;
use super::task::Stop;
use super::{CHUNK_ROWS, OP};

impl ChunkSource for Chunks {
    fn chunks(&self) -> usize {
        self.len()
    }

    fn rows_of(&self, chunk: usize) -> usize {
        self.rows().saturating_sub(chunk * CHUNK_ROWS).min(CHUNK_ROWS)
    }

    fn get(&self, chunk: usize) -> Result<Chunk> {
        Chunks::get(self, chunk)
    }
}

/// The state after a sweep, then its sums; `after` hears of each batch.
/// Errors: `Cancelled`; `Execution` if the loss diverges; those of `after`.
pub(super) fn sweep(
    sweep: &Sweep,
    rows: &Chunks,
    stop: &Stop,
    backend: &dyn Backend,
    mut after: impl FnMut(&Reached) -> Result<()>,
) -> Result<Vec<gradframe_ml_core::Tensor>> {
    if rows.len() == 0 {
        return Err(Error::execution(OP, "the training query has no rows").hint("check its filter"));
    }
    sweep.run(rows, backend, |at| {
        stop.check()?;
        after(at)
    })
}

/// Floating point operations of a whole sweep over so many rows.
pub(super) fn flops(sweep: &Sweep, rows: u64) -> Result<u64> {
    let (whole, rest) = (rows / sweep.batch_rows as u64, rows as usize % sweep.batch_rows);
    let of_rest = if rest > 0 { sweep.program.flops(&sizes(rest)?)? } else { 0 };
    Ok(whole * sweep.program.flops(&sizes(sweep.batch_rows)?)? + of_rest)
}

/// Bytes that a sweep takes at once beside the encoded rows: a batch's results and scratch, the state before and after
/// it and in a checkpoint, and an open chunk's order.
pub(super) fn working_bytes(sweep: &Sweep, rows: u64) -> Result<usize> {
    let batch_rows = sweep.batch_rows.saturating_add(1).min(rows as usize); // one that is left over is of the last batch
    let state: usize = sweep.from.state.iter().map(|tensor| tensor.buffer().len()).sum();
    Ok(sweep.program.peak_bytes(&sizes(batch_rows)?)? + 2 * state + CHUNK_ROWS * size_of::<u32>())
}
