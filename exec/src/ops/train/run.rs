//! The record of a training: its run in the store, the state of its job, and its log.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::error::DataFusionError;
use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::{Checkpoint, Step};
use gradframe_plan::ops::train::{JobState, TrainJob, log_schema};
use gradframe_plan::services::{
    BATCH_LOSS, BatchOrder, MetricPoint, MetricRow, NewDataset, NewRun, RunLog, RunOutcome, RunWriter,
};
use tokio::sync::mpsc::Sender;

use super::OP;
use super::evaluation::Evaluation;
use crate::columns::arrow_error;
use crate::progress::Progress;

/// An open run. Dropping it marks the run cancelled and the job stopped.
#[derive(Debug)]
pub(super) struct RunRecord {
    writer: Arc<dyn RunWriter>,
    job: Arc<TrainJob>,
    progress: Option<Arc<dyn Progress>>,
    /// Where the run was interrupted, if it goes on from there.
    resumed: Option<Checkpoint>,
    open: bool,
}

impl RunRecord {
    /// Opens the run of a claimed job: a new one, or the one that it resumes.
    /// Errors: the store's, after which the job is stopped; `Plan` if there is nothing to resume.
    pub fn open(runs: &dyn RunLog, job: Arc<TrainJob>, reproducible: bool, progress: Option<Arc<dyn Progress>>) -> Result<Self> {
        let opened = match &job.resume {
            Some(run) => resume(runs, run),
            None => runs.start(new_run(&job, reproducible)).map(|writer| (writer, None)),
        };
        match opened {
            Ok((writer, resumed)) => Ok(RunRecord { writer, job, progress, resumed, open: true }),
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

    /// The checkpoint to go on from, if the run was interrupted.
    pub fn resumed(&self) -> Option<&Checkpoint> {
        self.resumed.as_ref()
    }

    /// Keeps a checkpoint, instead of the one before.
    pub fn checkpoint(&self, checkpoint: &Checkpoint) -> Result<()> {
        self.writer.checkpoint(checkpoint)
    }

    /// Who is told of progress, if anyone is.
    pub fn progress(&self) -> Option<&Arc<dyn Progress>> {
        self.progress.as_ref()
    }

    /// Says on which data the run works.
    pub fn dataset(&self, dataset: &NewDataset) -> Result<()> {
        self.writer.add_dataset(dataset)
    }

    /// Says which rows each step learns from.
    pub fn batches(&self, batches: &BatchOrder) -> Result<()> {
        self.writer.set_batches(batches)
    }

    /// Records the mean loss of a batch.
    pub fn log_batch(&self, step: u64, epoch: u64, loss: f64) -> Result<()> {
        let values = [(BATCH_LOSS, loss)];
        self.writer.log_rows(&[MetricRow { step: step as i64, epoch: Some(epoch as i64), time_us: None, values: &values }])
    }

    /// Records an epoch, durably.
    pub fn log(&self, step: &Step, seconds: f64) -> Result<()> {
        let epoch = step.epoch as i64;
        let point = |name: &str, value| MetricPoint { name: name.into(), step: epoch, epoch, value };
        let always = [("loss", step.loss), ("gradient_norm", step.gradient_norm), ("seconds", seconds)];
        let sometimes = [("eval_loss", step.eval_loss), ("learning_rate", step.learning_rate)];
        let sometimes = sometimes.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let points: Vec<MetricPoint> = always.into_iter().chain(sometimes).map(|(name, value)| point(name, value)).collect();
        self.writer.log(&points)
    }

    /// Records the metrics over the rows held back, as `eval_<metric>` at the last epoch.
    pub fn evaluated(&self, evaluation: Option<&Evaluation>, epoch: u64) -> Result<()> {
        let Some(evaluation) = evaluation else { return Ok(()) };
        let epoch = epoch as i64;
        let point = |(name, value): (&String, &Option<f64>)| {
            value.map(|value| MetricPoint { name: format!("eval_{name}"), step: epoch, epoch, value })
        };
        self.writer.log(&evaluation.iter().filter_map(point).collect::<Vec<_>>())
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

fn new_run(job: &TrainJob, reproducible: bool) -> NewRun {
    NewRun {
        title: format!("{} {}", job.estimator.model_type(), job.title()),
        model: job.name.clone(),
        seed: Some(job.seed),
        reproducible,
        params: params(job),
        statement: job.statement.clone(),
        ..NewRun::default()
    }
}

/// Opens an interrupted run again at its checkpoint.
fn resume(runs: &dyn RunLog, run: &str) -> Result<(Arc<dyn RunWriter>, Option<Checkpoint>)> {
    let checkpoint = runs.checkpoint(run)?;
    let checkpoint = checkpoint.ok_or_else(|| Error::plan(OP, format!("run `{run}` has no checkpoint to go on from")))?;
    let batches = checkpoint.number("batch").unwrap_or(0);
    let writer = runs.resume(run, checkpoint.number("epoch")?, batches)?;
    Ok((writer, Some(checkpoint)))
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
    /// A log without rows.
    pub fn new(sender: Sender<Result<RecordBatch, DataFusionError>>, run: &str) -> Self {
        Log { sender, run: run.to_owned(), rows: 0, all: vec![] }
    }

    /// Says on how many rows is trained; those held back for evaluation are not among them.
    pub fn set_rows(&mut self, rows: u64) {
        self.rows = rows;
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
        let maybe = |v| Arc::new(Float64Array::from(vec![v])) as ArrayRef;
        let (epoch, rows) = (integer(step.epoch), integer(self.rows));
        let fit = [float(step.loss), float(step.gradient_norm), float(seconds)];
        let columns = [run, Arc::clone(&epoch), epoch, rows].into_iter().chain(fit);
        let columns = columns.chain([maybe(step.eval_loss), maybe(step.learning_rate)]).collect();
        RecordBatch::try_new(log_schema(), columns).map_err(arrow_error)
    }
}
