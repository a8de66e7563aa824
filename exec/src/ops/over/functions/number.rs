//! `row_number()`: the number of a row in its group, from 1.

use std::sync::Arc;

use arrow::array::{ArrayRef, UInt64Array};
use datafusion::error::Result;

use super::{Function, Rows};

/// How many rows each group has had.
#[derive(Default)]
pub(super) struct Number {
    counts: Vec<u64>,
}

impl Function for Number {
    fn take(&mut self, rows: &Rows) -> Result<Option<ArrayRef>> {
        let numbers = match rows.groups {
            Some((groups, total)) => {
                self.counts.resize(total, 0);
                let next = groups.iter().map(|group| {
                    let count = &mut self.counts[*group as usize];
                    *count += 1;
                    *count
                });
                UInt64Array::from_iter_values(next)
            }
            None => {
                self.counts.resize(1, 0);
                let before = self.counts[0];
                self.counts[0] += rows.count as u64;
                UInt64Array::from_iter_values(before + 1..=self.counts[0])
            }
        };
        Ok(Some(Arc::new(numbers)))
    }

    fn bytes(&self) -> usize {
        self.counts.capacity() * size_of::<u64>()
    }
}
