//! The record of a training: its run in the store, the state of its job, and its log.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::error::DataFusionError;
use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::Step;
use gradframe_plan::ops::train::{JobState, TrainJob, log_schema};
use gradframe_plan::services::{MetricPoint, NewRun, RunLog, RunOutcome, RunWriter};
use tokio::sync::mpsc::Sender;

use super::OP;
use crate::columns::arrow_error;
use crate::progress::Progress;

/// An open run. Dropping it marks the run cancelled and the job stopped.
#[derive(Debug)]
pub(super) struct RunRecord {
    writer: Arc<dyn RunWriter>,
    job: Arc<TrainJob>,
    progress: Option<Arc<dyn Progress>>,
    open: bool,
}

impl RunRecord {
    /// Opens the run of a claimed job. Errors: the store's, after which the job is stopped.
    pub fn open(runs: &dyn RunLog, job: Arc<TrainJob>, reproducible: bool, progress: Option<Arc<dyn Progress>>) -> Result<Self> {
        let run = NewRun {
            title: format!("{} {}", job.estimator.model_type(), job.title()),
            model: job.name.clone(),
            seed: job.seed,
            reproducible,
            params: params(&job),
        };
        match runs.start(run) {
            Ok(writer) => Ok(RunRecord { writer, job, progress, open: true }),
            Err(error) => {
                job.end(JobState::Stopped(error.to_string()));
                Err(error)
            }
        }
    }

    /// The run's identifier.
    pub fn id(&self) -> &str {
        self.writer.id()
    }

    /// Who is told of progress, if anyone is.
    pub fn progress(&self) -> Option<&Arc<dyn Progress>> {
        self.progress.as_ref()
    }

    /// Records an epoch, durably.
    pub fn log(&self, step: &Step, seconds: f64) -> Result<()> {
        let epoch = step.epoch as i64;
        let point = |name: &str, value| MetricPoint { name: name.into(), step: epoch, epoch, value };
        let points = [point("loss", step.loss), point("gradient_norm", step.gradient_norm), point("seconds", seconds)];
        self.writer.log(&points)
    }

    /// Ends a training that has committed its model.
    pub fn finished(mut self, log: Vec<RecordBatch>) -> Result<()> {
        self.close(RunOutcome::Finished, JobState::Done(log))
    }

    /// Ends a training that has gone wrong.
    pub fn failed(mut self, error: &Error) {
        let why = error.to_string();
        let outcome = match error {
            Error::Cancelled(_) => RunOutcome::Cancelled,
            _ => RunOutcome::Failed(why.clone()),
        };
        self.close_quietly(outcome, why);
    }

    fn close(&mut self, outcome: RunOutcome, state: JobState) -> Result<()> {
        self.open = false;
        self.job.end(state);
        if let Some(progress) = &self.progress {
            progress.trained(self.job.title());
        }
        self.writer.finish(outcome)
    }

    // The error that ended the training is the one to tell; a store that fails as well can only be noted.
    fn close_quietly(&mut self, outcome: RunOutcome, why: String) {
        if let Err(error) = self.close(outcome, JobState::Stopped(why)) {
            tracing::warn!(run = self.writer.id(), %error, "the end of the run could not be recorded");
        }
    }
}

impl Drop for RunRecord {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        let outcome = if std::thread::panicking() { RunOutcome::Failed("internal error".into()) } else { RunOutcome::Cancelled };
        self.close_quietly(outcome, "interrupted".into());
    }
}

fn params(job: &TrainJob) -> BTreeMap<String, String> {
    let own = [("model_type", job.estimator.model_type().to_owned()), ("label", job.label.clone())];
    let own = own.into_iter().chain(job.query.iter().map(|query| ("query", query.clone())));
    let options = job.options.iter().map(|(name, value)| (name.clone(), value.to_string()));
    own.map(|(name, value)| (name.to_owned(), value)).chain(options).collect()
}

/// The log on its way out. The last row is held back until the model is committed: who has read the whole log has a
/// model.
pub(super) struct Log {
    sender: Sender<Result<RecordBatch, DataFusionError>>,
    run: String,
    rows: u64,
    all: Vec<RecordBatch>,
}

impl Log {
    /// A log without rows. `rows` is the number of training rows.
    pub fn new(sender: Sender<Result<RecordBatch, DataFusionError>>, run: &str, rows: u64) -> Self {
        Log { sender, run: run.to_owned(), rows, all: vec![] }
    }

    /// Adds an epoch's row and sends the one before. Errors: `Cancelled` if nobody reads any more.
    pub fn push(&mut self, step: &Step, seconds: f64) -> Result<()> {
        self.send_last()?;
        self.all.push(self.row(step, seconds)?);
        Ok(())
    }

    /// Sends the row held back.
    pub fn send_last(&self) -> Result<()> {
        let Some(last) = self.all.last() else { return Ok(()) };
        self.sender.blocking_send(Ok(last.clone())).map_err(|_| Error::cancelled(OP, "interrupted"))
    }

    /// All rows so far.
    pub fn all(&self) -> Vec<RecordBatch> {
        self.all.clone()
    }

    fn row(&self, step: &Step, seconds: f64) -> Result<RecordBatch> {
        let integer = |v: u64| Arc::new(Int64Array::from(vec![v as i64])) as ArrayRef;
        let float = |v| Arc::new(Float64Array::from(vec![v])) as ArrayRef;
        let run = Arc::new(StringArray::from(vec![self.run.as_str()])) as ArrayRef;
        let epoch = integer(step.epoch);
        let columns =
            vec![run, Arc::clone(&epoch), epoch, integer(self.rows), float(step.loss), float(step.gradient_norm), float(seconds)];
        RecordBatch::try_new(log_schema(), columns).map_err(arrow_error)
    }
}
