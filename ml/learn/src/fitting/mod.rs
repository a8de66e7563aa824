//! What a TRANSFORM is fitted with: statistics of a column that are the same bits however its rows are cut, ordered and
//! merged. They are aggregates, computed by many threads over partitions of any shape, and no fixed order of rows is there
//! to fold them in.

mod bytes;
mod counts;
mod exact_moments;
mod quantiles;

pub(crate) use bytes::{Reader, broken};
pub use counts::ValueCounts;
pub use exact_moments::ExactMoments;
pub use quantiles::QuantileSketch;

use gradframe_ml_core::Result;

/// A statistic that grows row by row and is merged in any order.
pub trait Mergeable: Default {
    /// Adds what another has seen.
    fn merge(&mut self, other: &Self);
    /// All of it, to be read back by `from_bytes`; equal states are equal bytes.
    fn to_bytes(&self) -> Vec<u8>;
    /// Errors: `Internal` if these are not the bytes of such a state.
    fn from_bytes(bytes: &[u8]) -> Result<Self>;
    /// Memory held.
    fn memory_bytes(&self) -> usize;
}
