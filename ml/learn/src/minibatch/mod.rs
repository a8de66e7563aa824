//! Mini-batches: passes over the encoded rows in an order that a key decides, a few rows at a time.
//!
//! [`Sweep`] is the request as data; [`ChunkSource`] is where rows come from; [`Batches`] gathers them in the order of
//! [`order`]; [`Sweep::run`] drives the program over them. Any batch of any epoch can be made without those before it,
//! which is what a resumed training needs.

mod cut;
mod gather;
mod order;
mod sweep;

pub use cut::Cut;
pub use gather::{Batches, batch_places};
pub(crate) use sweep::diverged;
pub use sweep::{Position, Reached, Sweep};

use gradframe_ml_core::Result;

use crate::estimator::Chunk;

/// Encoded rows in chunks, wherever they are kept.
pub trait ChunkSource: Sync {
    /// Number of chunks.
    fn chunks(&self) -> usize;
    /// Rows of a chunk, without reading it.
    fn rows_of(&self, chunk: usize) -> usize;
    /// A chunk. Errors: those of reading it.
    fn get(&self, chunk: usize) -> Result<Chunk>;

    /// Rows of all chunks.
    fn rows(&self) -> usize {
        (0..self.chunks()).map(|i| self.rows_of(i)).sum()
    }
}

impl ChunkSource for &[Chunk] {
    fn chunks(&self) -> usize {
        self.len()
    }

    fn rows_of(&self, chunk: usize) -> usize {
        self[chunk].rows
    }

    fn get(&self, chunk: usize) -> Result<Chunk> {
        Ok(self[chunk].clone())
    }
}
