//! Rows cut into batches, and batches dealt to ranks and workers.
//!
//! A round is one batch for each rank. Of a rank's rounds each worker takes its turn. So a rank's batches, its workers'
//! put together in turn, are the same for any number of workers.

use std::collections::VecDeque;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use gradframe_plan::error::from_datafusion;

use super::LoadOptions;
use super::in_order::InOrder;
use crate::Result;

/// Where a loop is among its batches.
#[derive(Debug)]
pub(super) struct Deal {
    options: LoadOptions,
    /// The round that comes next.
    round: u64,
    /// Batches still to be passed over.
    skip: u64,
    /// Rows that were read and not given yet.
    ahead: VecDeque<RecordBatch>,
    ahead_rows: usize,
    /// No more rows come.
    ended: bool,
}

impl Deal {
    pub(super) fn new(options: &LoadOptions) -> Self {
        let (options, skip) = (options.clone(), options.skip_batches);
        Deal { options, round: 0, skip, ahead: VecDeque::new(), ahead_rows: 0, ended: false }
    }

    /// The loop's next batch. Rows of others are passed over, and never put together.
    pub(super) async fn next(&mut self, rows: &mut InOrder) -> Result<Option<RecordBatch>> {
        let (batch, ranks) = (self.options.batch_rows, self.options.world_size);
        loop {
            let mine = self.round % self.options.workers as u64 == self.options.worker as u64;
            self.round += 1;
            if self.options.drop_last && !self.fill(rows, batch.saturating_mul(ranks)).await? {
                return Ok(None);
            }
            if !mine || self.skip > 0 {
                self.skip -= u64::from(mine);
                if !self.pass(rows, batch.saturating_mul(ranks)).await? {
                    return Ok(None);
                }
                continue;
            }
            if !self.pass(rows, batch.saturating_mul(self.options.rank)).await? {
                return Ok(None);
            }
            let taken = self.take(rows).await?;
            self.pass(rows, batch.saturating_mul(ranks - self.options.rank - 1)).await?;
            return Ok(taken);
        }
    }

    /// Reads until so many rows are there; false if there are not as many.
    async fn fill(&mut self, rows: &mut InOrder, wanted: usize) -> Result<bool> {
        while self.ahead_rows < wanted && !self.ended {
            match rows.next().await? {
                Some(more) => {
                    self.ahead_rows += more.num_rows();
                    self.ahead.push_back(more);
                }
                None => self.ended = true,
            }
        }
        Ok(self.ahead_rows >= wanted)
    }

    /// Passes over rows; false if there were fewer.
    async fn pass(&mut self, rows: &mut InOrder, mut count: usize) -> Result<bool> {
        while count > 0 {
            if self.ahead_rows == 0 && !self.fill(rows, 1).await? {
                return Ok(false);
            }
            count -= self.cut(count).map_or(0, |passed| passed.num_rows());
        }
        Ok(true)
    }

    /// The next batch's rows: a view where they lie in one batch of the plan's.
    async fn take(&mut self, rows: &mut InOrder) -> Result<Option<RecordBatch>> {
        self.fill(rows, self.options.batch_rows).await?;
        let (mut parts, mut wanted) = (vec![], self.options.batch_rows);
        while wanted > 0
            && let Some(part) = self.cut(wanted)
        {
            wanted -= part.num_rows();
            parts.push(part);
        }
        match parts.as_slice() {
            [] => Ok(None),
            [only] => Ok(Some(only.clone())),
            [first, ..] => concat_batches(&first.schema(), &parts).map(Some).map_err(|error| from_datafusion(error.into())),
        }
    }

    /// At most so many rows of the first batch that is there.
    fn cut(&mut self, rows_max: usize) -> Option<RecordBatch> {
        let first = self.ahead.pop_front()?;
        let rows = first.num_rows().min(rows_max);
        if rows < first.num_rows() {
            self.ahead.push_front(first.slice(rows, first.num_rows() - rows));
        }
        self.ahead_rows -= rows;
        Some(first.slice(0, rows))
    }
}
