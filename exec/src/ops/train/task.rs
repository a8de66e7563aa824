//! A training from its first row to its model, and how it is stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arrow::array::RecordBatch;
use datafusion::error::{DataFusionError, Result as DataFusionResult};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::{Model, TransformSpec};
use gradframe_plan::error::to_datafusion;
use gradframe_plan::ops::train::TrainJob;
use gradframe_plan::{OnExisting, Services};
use tokio::sync::mpsc::Sender;

use super::cache::{self, OnRows};
use super::disk::Disk;
use super::encode::{EncodedRows, Room, encode};
use super::evaluation::evaluate;
use super::fit::{Fit, Fitter};
use super::metrics::TrainMetrics;
use super::model::model;
use super::order::OrderedRows;
use super::run::{Log, RunRecord};
use super::sorter::Sorter;
use super::split::SplitRule;
use super::transform::Transform;
use super::watch::FitWatch;
use super::{Inputs, OP, dataset, resume};
use crate::device::Stepping;
use crate::memory::Memory;
use crate::progress::ProgressSink;

/// Whether a training has been told to stop; asked between chunks.
#[derive(Debug, Clone, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Errors: `Cancelled` once the training is to stop.
    pub fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Relaxed) { Err(Error::cancelled(OP, "interrupted")) } else { Ok(()) }
    }
}

/// Held by the stream's task: a blocking thread cannot be aborted, it has to be told.
struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// What a training takes of the session's memory and disk beside the raw rows, by its phases.
pub(super) struct Shares {
    pub split: Memory,
    pub encode: Room,
    fit: Memory,
}

impl Shares {
    pub fn new(context: &TaskContext, metrics: &TrainMetrics) -> Self {
        let (cache, disk) = (Memory::spillable(OP, context), Disk::new(context, metrics.spill.clone()));
        let encode = Room { work: Memory::new(OP, context), cache, disk };
        Shares { split: Memory::spillable(OP, context), encode, fit: Memory::new(OP, context) }
    }
}

/// A claimed training.
#[derive(Debug)]
pub(super) struct TrainTask {
    job: Arc<TrainJob>,
    inputs: Arc<Inputs>,
    services: Arc<Services>,
    record: RunRecord,
    metrics: TrainMetrics,
    threads: usize,
    reproducible: bool,
    stepping: Stepping,
    /// What was done to the columns, once it is known.
    transform: Option<TransformSpec>,
}

impl TrainTask {
    /// Opens the run. Errors: the store's; `NoDevice` if a device was demanded and is missing.
    pub fn start(
        job: Arc<TrainJob>,
        inputs: Arc<Inputs>,
        reproducible: bool,
        context: &TaskContext,
        metrics: TrainMetrics,
    ) -> Result<Self> {
        let stepping = Stepping::choose(context.session_config().options(), metrics.device_runs.clone())?;
        let services = Services::of_task(context)?;
        let progress = ProgressSink::of_task(context);
        let record = RunRecord::open(services.runs.as_ref(), Arc::clone(&job), reproducible, progress)?;
        let threads = context.session_config().target_partitions().max(1);
        Ok(TrainTask { job, inputs, services, record, metrics, threads, reproducible, stepping, transform: None })
    }

    /// Trains, sending the log. Dropping the future stops the training.
    pub async fn run(
        self,
        transform: Option<Transform>,
        input: Arc<dyn ExecutionPlan>,
        context: Arc<TaskContext>,
        sender: Sender<DataFusionResult<RecordBatch>>,
    ) -> DataFusionResult<()> {
        let mut task = self; // owned by the future from its first poll
        let stop = Stop::default();
        let _stop_on_drop = StopOnDrop(stop.clone());
        if let Some(transform) = transform {
            match transform.fit(&task.inputs, &context).await {
                Ok((inputs, spec)) => (task.inputs, task.transform) = (Arc::new(inputs), Some(spec)),
                Err(error) => return Err(task.fail(error)),
            }
        }
        let files = dataset::files(&input, &context).await;
        let read = match cache::read(&input, &task.inputs, &context, task.job.seed, &task.metrics, task.on_rows()).await {
            Ok(read) => read,
            Err(error) => return Err(task.fail(error)),
        };
        let (raw, digest) = read;
        let columns = task.inputs.schema(&input);
        let dataset =
            columns.and_then(|columns| task.record.dataset(&dataset::dataset(&task.job, &input, &columns, digest, files)));
        if let Err(error) = dataset {
            return Err(task.fail(error));
        }
        let shares = Shares::new(&context, &task.metrics);
        drop((input, context));
        let fitted = tokio::task::spawn_blocking(move || task.fit_and_commit(raw, shares, &stop, sender));
        fitted.await.map_err(|e| DataFusionError::ExecutionJoin(Box::new(e)))?
    }

    fn on_rows(&self) -> OnRows {
        let Some(progress) = self.record.progress().cloned() else { return Arc::new(|_| ()) };
        let (title, read) = (self.job.title().to_owned(), AtomicU64::new(0));
        Arc::new(move |rows| {
            let before = read.fetch_add(rows as u64, Ordering::Relaxed);
            progress.reading(&title, before + rows as u64);
        })
    }

    fn fail(self, error: Error) -> DataFusionError {
        self.record.failed(&error);
        to_datafusion(error)
    }

    /// On a blocking thread, in a pool of the session's number of threads.
    fn fit_and_commit(
        self,
        raw: Sorter,
        shares: Shares,
        stop: &Stop,
        sender: Sender<DataFusionResult<RecordBatch>>,
    ) -> DataFusionResult<()> {
        let mut log = Log::new(sender, self.record.id());
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.threads).build();
        let pool = pool.map_err(|e| Error::resources(OP, "no threads to train with").because(e));
        let trained = pool.and_then(|pool| pool.install(|| self.train(raw, shares, stop, &mut log)));
        match trained.and_then(|model| self.commit(model)) {
            Ok(()) => self.finish(&log).map_err(to_datafusion),
            Err(error) => Err(self.fail(error)),
        }
    }

    fn train(&self, raw: Sorter, shares: Shares, stop: &Stop, log: &mut Log) -> Result<Model> {
        let _computing = self.metrics.elapsed_compute.timer();
        let encoding = self.metrics.time_encode.timer();
        self.metrics.peak_memory.set_max(raw.memory_bytes());
        let split = SplitRule::new(self.job.split, self.inputs.split, &raw, &shares.encode.disk, shares.split)?;
        let ordered = OrderedRows::new(raw, split)?;
        let raw_bytes = ordered.memory_bytes();
        let rows = encode(ordered, &self.inputs, &self.job, shares.encode, stop)?;
        self.metrics.cache_bytes.set(rows.train.bytes() + rows.eval.bytes());
        self.metrics.peak_memory.set_max(raw_bytes + rows.memory.bytes());
        encoding.done();
        log.set_rows(rows.train.rows() as u64);

        let _fitting = self.metrics.time_fit.timer();
        let fitted = self.fit(&rows, &shares.fit, stop, log)?;
        let epochs = fitted.epochs;
        let mut model = model(fitted, &rows, &self.job, self.record.id(), self.reproducible)?;
        model.spec.evaluation = evaluate(self.job.estimator.as_ref(), &model, &rows.eval, &shares.fit, stop)?;
        self.record.evaluated(model.spec.evaluation.as_ref(), epochs)?;
        model.spec.transform = self.transform.clone();
        Ok(model)
    }

    /// The fit, from where the run was interrupted if it was.
    fn fit(&self, rows: &EncodedRows, work: &Memory, stop: &Stop, log: &mut Log) -> Result<Fit> {
        let fingerprint = resume::fingerprint(&self.job, rows);
        let from = self.record.resumed();
        from.map_or(Ok(()), |checkpoint| resume::check(checkpoint, &fingerprint, self.record.id()))?;
        let mut watch = FitWatch::new(&self.record, &self.job, log, rows.train.rows() as u64, fingerprint);
        let fitter = Fitter { rows, job: &self.job, metrics: &self.metrics, work, stop, stepping: &self.stepping };
        fitter.fit(from, &mut watch)
    }

    /// The last act that can fail.
    fn commit(&self, model: Model) -> Result<()> {
        let Some(name) = &self.job.name else { return Ok(()) };
        let replace = self.job.on_existing == OnExisting::Replace;
        self.services.models.commit(name, model, replace).map(|_| ())
    }

    fn finish(self, log: &Log) -> Result<()> {
        self.record.finished(log.all())?;
        // The model is there: whether anyone still reads the log no longer matters.
        log.send_last().or(Ok(()))
    }
}
