//! Batches for a training loop: of equal size, shuffled by key, dealt to ranks and workers, and resumable.
//!
//! Rows have one order, whatever the machine: the plan's own, or that of a keyed hash of their contents. Cut into batches
//! and dealt out, the same batches come again at every run, so a position in them is a number.

mod deal;
mod in_order;
mod own_memory;

use std::fmt;

use arrow::array::RecordBatch;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::LogicalPlan;
use gradframe_exec::ops::train::dataset_files;
use gradframe_plan::error::from_datafusion;
use gradframe_plan::services::DatasetFile;

use self::deal::Deal;
use self::in_order::InOrder;
use self::own_memory::in_own_memory;
use super::DataFrame;
use super::shuffle::{in_fixed_order, shuffled};
use crate::panics::guard;
use crate::{Error, Result};

const OP: &str = "iter_batches";

/// Which batches a loop gets, and in which order rows are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadOptions {
    /// Rows of a batch; the last may have fewer.
    pub batch_rows: usize,
    /// A key that shuffles the rows, differently in each epoch; None leaves them in the plan's order.
    pub shuffle: Option<u64>,
    /// Which shuffle.
    pub epoch: u64,
    /// Of `world_size` loops that share the rows, which one this is: batches are dealt to them in turn.
    pub rank: usize,
    /// How many loops share the rows.
    pub world_size: usize,
    /// Of `workers` that load for this loop, which one this is: the loop's batches are dealt to them in turn.
    pub worker: usize,
    /// How many workers load for this loop.
    pub workers: usize,
    /// Leaves out a short batch at the end, and batches that not every rank has one beside.
    pub drop_last: bool,
    /// This many of the batches that it would get are passed over: those that it had before.
    pub skip_batches: u64,
}

impl LoadOptions {
    /// All rows in the plan's order, in batches of `batch_rows`.
    pub fn new(batch_rows: usize) -> Self {
        LoadOptions {
            batch_rows,
            shuffle: None,
            epoch: 0,
            rank: 0,
            world_size: 1,
            worker: 0,
            workers: 1,
            drop_last: false,
            skip_batches: 0,
        }
    }

    fn check(&self) -> Result<()> {
        if self.batch_rows == 0 {
            return Err(Error::plan(OP, "batches of 0 rows, expected 1 row or more"));
        }
        for (what, index, count) in [("rank", self.rank, self.world_size), ("worker", self.worker, self.workers)] {
            if index >= count {
                return Err(Error::plan(OP, format!("{what} {index} of {count}, expected 0 to {}", count.saturating_sub(1))));
            }
        }
        Ok(())
    }
}

/// A training loop's batches, one after another.
pub struct BatchLoader {
    /// What is loaded, before it is put in another order.
    frame: DataFrame,
    rows: InOrder,
    deal: Deal,
    own_memory: bool,
}

impl fmt::Debug for BatchLoader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchLoader").field("rows", &self.rows).field("deal", &self.deal).finish_non_exhaustive()
    }
}

impl DataFrame {
    /// The frame's rows as batches for a training loop. Partitions are computed side by side and ahead of what is asked for,
    /// within a part of the memory limit; a shuffle spills beyond it.
    ///
    /// ```
    /// use gradframe::{LoadOptions, Session};
    ///
    /// # let session = Session::builder().in_memory().build()?;
    /// let numbers = session.block_on(session.sql("SELECT value AS x FROM generate_series(1, 100)"))?;
    /// let options = LoadOptions { shuffle: Some(7), rank: 1, world_size: 2, ..LoadOptions::new(16) };
    /// let mut rows = 0;
    /// session.block_on(async {
    ///     let mut batches = numbers.load(&options).await?;
    ///     while let Some(batch) = batches.next().await? {
    ///         rows += batch.num_rows();
    ///     }
    ///     Ok(())
    /// })?;
    /// assert_eq!(rows, 48);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    ///
    /// Errors: `Plan` for a rank that the world does not have and the like; those of the query.
    pub async fn load(&self, options: &LoadOptions) -> Result<BatchLoader> {
        options.check()?;
        let frame = self.with_plan(in_loading_order(&self.plan, options)?);
        let state = in_order::state(frame.execution_state(), frame.logical_plan(), options.batch_rows);
        let plan =
            guard("iter_batches", async { state.create_physical_plan(frame.logical_plan()).await.map_err(from_datafusion) });
        Ok(BatchLoader {
            frame: self.clone(),
            rows: InOrder::new(plan.await?, &state),
            deal: Deal::new(options),
            own_memory: false,
        })
    }
}

impl DataFrame {
    /// The files that the frame reads, as they are now.
    pub(crate) async fn files(&self) -> Result<Vec<DatasetFile>> {
        let state = self.execution_state();
        let plan = guard(OP, async { state.create_physical_plan(&self.plan).await.map_err(from_datafusion) }).await?;
        Ok(dataset_files(&plan, &TaskContext::from(&state)).await)
    }
}

impl BatchLoader {
    /// The same loop, whose batches have their numbers in memory that nobody else has, for whoever writes into it: what a table or another
    /// batch has as well is copied.
    pub fn in_own_memory(self) -> Self {
        BatchLoader { own_memory: true, ..self }
    }

    /// The next batch; None at the end of the epoch. Dropping the loader cancels the query.
    /// Errors: those of the query.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let batch = self.frame.or_lost_row(guard(OP, self.deal.next(&mut self.rows))).await?;
        match batch {
            Some(batch) if self.own_memory => in_own_memory(batch).map(Some).map_err(|error| from_datafusion(error.into())),
            other => Ok(other),
        }
    }
}

/// The rows of a plan in the order in which they are cut into batches.
pub(crate) fn in_loading_order(plan: &LogicalPlan, options: &LoadOptions) -> Result<LogicalPlan> {
    match options.shuffle {
        Some(seed) => shuffled(plan, epoch_seed(seed, options.epoch)),
        None => in_fixed_order(plan),
    }
}

/// Neighbouring seeds and epochs have nothing to do with each other. Source: the finaliser of SplitMix64.
fn epoch_seed(seed: u64, epoch: u64) -> u64 {
    let mut mixed = seed.wrapping_add(epoch.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
