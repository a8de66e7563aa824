//! What a statistic is made of.

use std::fmt::Debug;

use gradframe_ml_core::Result;

use super::{Grouped, Row};

/// Exact sums over rows, in which neither their order nor the way that parts were merged can show.
pub trait Tally: Default + Debug + Clone + Send + Sync + 'static {
    /// The values of a row.
    type Row: Row;

    /// Adds a row.
    fn add(&mut self, row: Self::Row);
    /// Takes a row off again that was added.
    fn remove(&mut self, row: Self::Row);
    /// Adds the rows of another.
    fn merge(&mut self, other: &Self);
    /// How many rows there are.
    fn count(&self) -> u64;
    /// All of it, to be read back by `read`; equal tallies are equal bytes.
    fn write(&self, out: &mut Vec<u8>);
    /// Errors: `Internal` if these are not the bytes of such a tally.
    fn read(bytes: &[u8]) -> Result<Self>;
    /// Bytes held beside itself.
    fn heap_bytes(&self) -> usize;
    /// Sums of many groups, of each of which `value` is the statistic. It is made here, where loops over numbers are compiled to be fast.
    fn groups(value: fn(&Self) -> Option<f64>) -> Box<dyn Grouped>;
}
