//! The estimator's requests, answered until it is done.

use std::time::{Duration, Instant};

use gradframe_ml_core::{Result, Tensor};
use gradframe_ml_learn::{Checkpoint, Fitted, Fold, Part, Reached, Request, Step, Sweep, Training};
use gradframe_plan::ops::train::TrainJob;

use super::chunks::Chunks;
use super::encode::EncodedRows;
use super::metrics::TrainMetrics;
use super::task::Stop;
use super::{fold, sweep};
use crate::device::Stepping;
use crate::memory::Memory;

/// A checkpoint is made at the end of each epoch and, in long ones, this often.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(30);

/// What to do where a model's parameters do not fit.
const SMALLER: &str = "raise the memory limit, or make the model smaller, e.g. by its hidden_units";

/// A finished fit.
#[derive(Debug)]
pub(super) struct Fit {
    pub fitted: Fitted,
    pub epochs: u64,
}

/// Who hears how a fit goes. An error ends it.
pub(super) trait Watcher {
    /// An epoch has ended, so many seconds after the fit began.
    fn epoch(&mut self, step: &Step, seconds: f64) -> Result<()>;
    /// A batch has ended.
    fn batch(&mut self, sweep: &Sweep, at: &Reached) -> Result<()>;
    /// The training can go on from here.
    fn checkpoint(&mut self, checkpoint: Checkpoint) -> Result<()>;
}

/// What a fit works with.
pub(super) struct Fitter<'a> {
    pub rows: &'a EncodedRows,
    pub job: &'a TrainJob,
    pub metrics: &'a TrainMetrics,
    /// Accounts for what a step takes.
    pub work: &'a Memory,
    pub stop: &'a Stop,
    /// Where the steps of mini-batches run.
    pub stepping: &'a Stepping,
}

impl Fitter<'_> {
    /// Fits the job's estimator to the rows, from the start or from a checkpoint.
    /// Errors: the estimator's; `Cancelled`; `Resources`; those of the watcher.
    pub fn fit(&self, from: Option<&Checkpoint>, watcher: &mut dyn Watcher) -> Result<Fit> {
        let started = Instant::now();
        let mut training = self.job.estimator.begin(&self.rows.layout, &self.job.options, self.job.seed)?;
        self.work.grow(training.state_bytes()?, "the state of the model").map_err(|error| error.hint(SMALLER))?;
        from.map_or(Ok(()), |checkpoint| training.restore(checkpoint))?;
        let (mut answer, mut epochs) = (None, 0);
        loop {
            self.stop.check()?;
            let (step, request) = training.next(answer)?;
            if let Some(step) = &step {
                epochs = step.epoch;
                self.metrics.steps.add(1);
                watcher.epoch(step, started.elapsed().as_secs_f64())?;
            }
            answer = Some(match request {
                Request::Done(fitted) => return Ok(Fit { fitted, epochs }),
                Request::Fold(request) => self.fold(&request)?,
                Request::Sweep(request) => {
                    if step.is_some() {
                        training.checkpoint(None)?.map_or(Ok(()), |checkpoint| watcher.checkpoint(checkpoint))?;
                    }
                    self.sweep(&request, training.as_ref(), watcher)?
                }
            });
        }
    }

    fn fold(&self, request: &Fold) -> Result<Vec<Tensor>> {
        let chunks = self.part(request.over);
        let rows = chunks.rows() as u64;
        self.account(fold::flops(request, rows)?, fold::working_bytes(request, rows)?)?;
        fold::fold(request, chunks, self.stop)
    }

    fn sweep(&self, request: &Sweep, training: &dyn Training, watcher: &mut dyn Watcher) -> Result<Vec<Tensor>> {
        let rows = self.rows.layout.rows;
        self.account(sweep::flops(request, rows)?, sweep::working_bytes(request, rows)?)?;
        let mut saved = Instant::now();
        sweep::sweep(request, &self.rows.train, self.stop, self.stepping, |at| {
            watcher.batch(request, at)?;
            if saved.elapsed() < CHECKPOINT_EVERY {
                return Ok(());
            }
            saved = Instant::now();
            training.checkpoint(Some(&at.position()?))?.map_or(Ok(()), |checkpoint| watcher.checkpoint(checkpoint))
        })
    }

    fn part(&self, part: Part) -> &Chunks {
        match part {
            Part::Train => &self.rows.train,
            Part::Eval => &self.rows.eval,
        }
    }

    fn account(&self, flops: u64, bytes: usize) -> Result<()> {
        self.metrics.flops.add(flops as usize);
        self.work.grow(bytes.saturating_sub(self.work.bytes()), "a step of the fit")?;
        self.metrics.peak_memory.set_max(self.rows.memory.bytes() + self.work.bytes());
        Ok(())
    }
}
