//! Encoded rows, chunk by chunk: what the fit reads, as often as it likes and in any order.

use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::Chunk;

use super::OP;

/// Encoded rows in chunks of `CHUNK_ROWS`; the last may have fewer.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    chunks: Vec<Chunk>,
    rows: usize,
}

impl Chunks {
    /// These chunks, in order.
    pub fn in_memory(chunks: Vec<Chunk>) -> Self {
        let rows = chunks.iter().map(|chunk| chunk.rows).sum();
        Chunks { chunks, rows }
    }

    /// Number of chunks.
    pub fn len(&self) -> usize {
        self.chunks.len()
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// A chunk; its tensors are shared with whoever else has it.
    /// Errors: `Internal` if there is no such chunk.
    pub fn get(&self, index: usize) -> Result<Chunk> {
        let missing = || Error::internal(OP, format!("chunk {index} of {}", self.len()));
        self.chunks.get(index).cloned().ok_or_else(missing)
    }
}
