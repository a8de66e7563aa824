//! A fold over the encoded rows: chunks in parallel, sums in the order of chunks, so that the bits are the same
//! whatever the number of threads.

use gradframe_ml_core::{Error, Result, Sizes, Symbol, Tensor};
use gradframe_ml_learn::{Chunk, Fold, in_memory::add};
use rayon::prelude::*;

use super::chunks::Chunks;
use super::task::Stop;
use super::{CHUNK_ROWS, OP};

/// Chunks whose results wait to be added, for each thread.
const WAVE_CHUNKS_PER_THREAD: usize = 4;

/// The fold's outputs, each added up over the chunks.
/// Errors: `Cancelled`; those of the program.
pub(super) fn fold(fold: &Fold, chunks: &Chunks, stop: &Stop) -> Result<Vec<Tensor>> {
    let wave = rayon::current_num_threads() * WAVE_CHUNKS_PER_THREAD;
    let mut sums: Option<Vec<Tensor>> = None;
    for from in (0..chunks.len()).step_by(wave) {
        let wave = from..(from + wave).min(chunks.len());
        let parts: Vec<Result<Vec<Tensor>>> = wave.into_par_iter().map(|i| run(fold, &chunks.get(i)?, stop)).collect();
        for part in parts {
            sums = Some(add_all(sums, part?)?);
        }
    }
    sums.ok_or_else(|| Error::execution(OP, "the training query has no rows"))
}

/// Floating point operations of the fold over so many rows.
pub(super) fn flops(fold: &Fold, rows: u64) -> Result<u64> {
    fold.program.flops(&sizes(rows as usize)?)
}

/// Bytes that the fold takes at once beside the encoded rows: each thread's chunk, and results that wait.
pub(super) fn working_bytes(fold: &Fold, rows: u64) -> Result<usize> {
    let threads = rayon::current_num_threads();
    let chunks = (rows as usize).div_ceil(CHUNK_ROWS);
    let chunk_rows = (rows as usize).min(CHUNK_ROWS).min(fold.rows_max);
    let results: usize = fold.parameters.iter().map(|p| p.buffer().len()).sum();
    Ok(threads.min(chunks) * fold.program.peak_bytes(&sizes(chunk_rows)?)?
        + (threads * WAVE_CHUNKS_PER_THREAD).min(chunks) * results)
}

/// Programs of estimators have one free dimension, the rows.
pub(super) fn sizes(rows: usize) -> Result<Sizes> {
    let mut sizes = Sizes::new();
    sizes.bind(&Symbol::new("N"), rows)?;
    Ok(sizes)
}

fn run(fold: &Fold, chunk: &Chunk, stop: &Stop) -> Result<Vec<Tensor>> {
    stop.check()?;
    fold.run(chunk)
}

fn add_all(sums: Option<Vec<Tensor>>, part: Vec<Tensor>) -> Result<Vec<Tensor>> {
    match sums {
        None => Ok(part),
        Some(sums) => sums.iter().zip(&part).map(|(sum, part)| add(sum, part)).collect(),
    }
}
