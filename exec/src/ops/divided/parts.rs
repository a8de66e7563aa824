//! Rows on the disk, divided by their keys.

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use datafusion::common::hash_utils::{RandomState, create_hashes};
use datafusion::error::Result;
use datafusion::physical_plan::SpillManager;

use super::file::{Stored, Writing};

/// Into how many parts rows are divided at a time.
const PARTS: usize = 16;

/// As many files; rows of the same keys go into the same.
pub(in crate::ops) struct Parts {
    files: Vec<Writing>,
    state: RandomState,
    hashes: Vec<u64>,
}

impl Parts {
    /// Empty files of `what`. Divisions at different depths are different. Errors: `Resources` where no file can be made.
    pub fn new(manager: &SpillManager, what: &str, depth: u64) -> Result<Self> {
        let files = (0..PARTS).map(|_| Writing::new(manager, what)).collect::<Result<_>>()?;
        Ok(Parts { files, state: RandomState::with_seed(depth), hashes: vec![] })
    }

    /// Writes each row to the file of its keys. Errors: `Resources` if the disk or its limit is full.
    pub fn append(&mut self, batch: &RecordBatch, keys: &[ArrayRef]) -> Result<()> {
        self.hashes.clear();
        self.hashes.resize(batch.num_rows(), 0);
        create_hashes(keys, &self.state, &mut self.hashes)?;
        let mut rows: [Vec<u32>; PARTS] = Default::default();
        for (row, hash) in (0..).zip(&self.hashes) {
            rows[(hash >> 32) as usize % PARTS].push(row);
        }
        for (file, rows) in self.files.iter_mut().zip(rows).filter(|(_, rows)| !rows.is_empty()) {
            file.append(&take_record_batch(batch, &UInt32Array::from(rows))?)?;
        }
        Ok(())
    }

    /// What was written, part by part.
    pub fn finish(self) -> Result<Vec<Stored>> {
        self.files.into_iter().map(Writing::finish).collect()
    }
}
