//! How a fit is told of: the run's metrics, the log that streams out, the progress that people watch, checkpoints.

use std::time::{Duration, Instant};

use gradframe_ml_core::{Result, Tensor};
use gradframe_ml_learn::{Checkpoint, Reached, Step, Sweep};
use gradframe_plan::ops::train::TrainJob;
use gradframe_plan::services::BatchOrder;

use super::fit::Watcher;
use super::resume::mark;
use super::run::{Log, RunRecord};
use crate::progress::TrainingProgress;

/// Progress inside an epoch is told this often.
const TELL_EVERY: Duration = Duration::from_millis(100);
/// Seconds of fitting before the run was interrupted, in a checkpoint.
const SECONDS: &str = "seconds";

/// Watches one fit.
pub(super) struct FitWatch<'a> {
    record: &'a RunRecord,
    job: &'a TrainJob,
    log: &'a mut Log,
    rows: u64,
    started: Instant,
    /// Rows learned in this process: those of whole epochs, and of the one under way.
    rows_done: u64,
    rows_in_epoch: u64,
    told: Instant,
    /// Of an interrupted run: seconds before.
    seconds_before: f64,
    epochs_before: u64,
    last: Option<Step>,
    /// What checkpoints belong to.
    fingerprint: String,
    /// Which rows the steps learn from, once it is known.
    batches: Option<BatchOrder>,
    /// Sums of losses and weights of the epoch's batches so far.
    sums: (f64, f64),
}

impl<'a> FitWatch<'a> {
    /// A watch over a fit to so many rows that starts now, or goes on from a checkpoint.
    pub fn new(record: &'a RunRecord, job: &'a TrainJob, log: &'a mut Log, rows: u64, fingerprint: String) -> Self {
        let now = Instant::now();
        let from = record.resumed();
        let seconds_before = from.and_then(|c| c.number(SECONDS).ok()).unwrap_or(0.0);
        let epochs_before = from.and_then(|c| c.number("epoch").ok()).unwrap_or(0);
        let (rows_done, rows_in_epoch, last) = (0, 0, None);
        FitWatch {
            record,
            job,
            log,
            rows,
            started: now,
            rows_done,
            rows_in_epoch,
            told: now,
            seconds_before,
            epochs_before,
            last,
            fingerprint,
            batches: None,
            sums: (0.0, 0.0),
        }
    }

    /// Records the batch's own loss, and at the first one which rows the steps learn from.
    fn log_batch(&mut self, sweep: &Sweep, at: &Reached) -> Result<()> {
        let batches = BatchOrder { key: sweep.key, batch_rows: sweep.batch_rows as u64, rows: self.rows };
        if self.batches != Some(batches) {
            self.record.batches(&batches)?;
            self.batches = Some(batches);
        }
        if at.batch == sweep.from.batch + 1 {
            self.sums = sums_of(&sweep.from.sums);
        }
        let (before, now) = (std::mem::replace(&mut self.sums, sums_of(at.sums)), sums_of(at.sums));
        let loss = sweep.loss_unit * (now.0 - before.0) / (now.1 - before.1);
        self.record.log_batch(batches.step(sweep.epoch, at.batch), sweep.epoch, loss)
    }

    fn tell(&self, step: &Step, epochs_done: f64) {
        let Some(progress) = self.record.progress() else { return };
        let seconds = self.started.elapsed().as_secs_f64().max(f64::MIN_POSITIVE);
        let rows_per_second = (self.rows_done + self.rows_in_epoch) as f64 / seconds;
        let epochs_max = self.job.options.get("max_iterations").and_then(serde_json::Value::as_u64);
        let rows_left = epochs_max.map(|max| (max as f64 - epochs_done).max(0.0) * self.rows as f64);
        let seconds_left = rows_left.map(|rows| rows / rows_per_second).filter(|left| left.is_finite());
        let state = TrainingProgress { step: *step, rows: self.rows, rows_per_second, epochs_done, epochs_max, seconds_left };
        progress.training(self.job.title(), &state);
    }
}

/// The sum of losses and that of weights; zero before the first batch.
fn sums_of(sums: &[Tensor]) -> (f64, f64) {
    let sum = |i: usize| sums.get(i).and_then(|sum| sum.values::<f64>().ok()?.first().copied()).unwrap_or(0.0);
    (sum(0), sum(1))
}

impl Watcher for FitWatch<'_> {
    fn epoch(&mut self, step: &Step, seconds: f64) -> Result<()> {
        let seconds = self.seconds_before + seconds;
        self.record.log(step, seconds)?;
        self.rows_done += self.rows;
        self.rows_in_epoch = 0;
        self.last = Some(*step);
        self.tell(step, step.epoch as f64);
        self.log.push(step, seconds)
    }

    fn batch(&mut self, sweep: &Sweep, at: &Reached) -> Result<()> {
        self.rows_in_epoch += sweep.batch_rows as u64;
        self.log_batch(sweep, at)?;
        if self.told.elapsed() < TELL_EVERY {
            return Ok(());
        }
        self.told = Instant::now();
        let in_epoch = (at.batch * sweep.batch_rows as u64).min(self.rows) as f64 / self.rows.max(1) as f64;
        let (eval_loss, learning_rate) = self.last.map_or((None, None), |last| (last.eval_loss, last.learning_rate));
        let loss = sweep.mean_loss(at.sums).unwrap_or(f64::NAN);
        let step = Step { epoch: sweep.epoch, loss, gradient_norm: f64::NAN, eval_loss, learning_rate };
        self.tell(&step, sweep.epoch.saturating_sub(1).max(self.epochs_before) as f64 + in_epoch);
        Ok(())
    }

    fn checkpoint(&mut self, mut checkpoint: Checkpoint) -> Result<()> {
        checkpoint.put_number(SECONDS, self.seconds_before + self.started.elapsed().as_secs_f64());
        mark(&mut checkpoint, &self.fingerprint);
        self.record.checkpoint(&checkpoint)
    }
}
