//! The store as a tracking server sees it: runs and experiments that belong to its clients.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use datafusion::scalar::ScalarValue;
use gradframe_connectors::store::{ArtifactRecord, Experiment, PROGRAM_TAG, RunChanges, RunRecord, SCHEDULED_TAG, Store};
use gradframe_plan::ops::run_log::{LogFilter, LogQuery, LogTable};
use gradframe_plan::services::{MetricRow, NewArtifact, NewRun, RunLog, RunWriter};
use parking_lot::Mutex;

use crate::{Error, Result, Session};

/// Batches that are known again when they are sent again.
const LOGGED_MAX: usize = 1024;
/// Runs whose files stay open; of others they are opened again.
const WRITERS_MAX: usize = 256;

/// Runs and experiments of a store, by identifier. Safe to use from many threads at once.
#[derive(Debug)]
pub struct Tracking {
    store: Arc<Store>,
    writers: Mutex<HashMap<String, Arc<dyn RunWriter>>>,
    /// Batches that were logged lately, by what is in them.
    logged: Mutex<VecDeque<u64>>,
}

/// A value of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HistoryPoint {
    pub step: i64,
    pub time_us: i64,
    pub value: f64,
}

impl Session {
    /// The session's store, for programs that serve it to others.
    pub fn tracking(&self) -> Tracking {
        Tracking { store: Arc::clone(self.public().store()), writers: Mutex::default(), logged: Mutex::default() }
    }
}

impl Tracking {
    /// The store itself: the model registry, logged models, data sets.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Makes an experiment and gives its number. Errors: `Plan` if the name is taken or empty.
    pub fn create_experiment(&self, name: &str, tags: &[(String, String)]) -> Result<i64> {
        self.store.create_experiment(name, tags)
    }

    /// All experiments, deleted ones among them, oldest first.
    pub fn experiments(&self) -> Result<Vec<Experiment>> {
        self.store.experiments()
    }

    /// Deletes or restores an experiment, and with it all its runs. Errors: `Plan` if there is none.
    pub fn set_experiment_deleted(&self, id: i64, deleted: bool) -> Result<()> {
        // Any of them may be of that experiment.
        self.writers.lock().clear();
        self.store.set_experiment_deleted(id, deleted)
    }

    /// Begins a run that goes on until its client says otherwise. Errors: `Plan` for an unknown experiment, and a tag that is not the
    /// client's to set.
    pub fn create_run(
        &self,
        experiment: i64,
        title: &str,
        tags: Vec<(String, String)>,
        started_us: Option<i64>,
    ) -> Result<String> {
        check_tags(&tags)?;
        let run = NewRun { title: title.to_owned(), tags: tags.into_iter().collect(), ..NewRun::default() };
        self.store.create_run(experiment, &run, started_us)
    }

    /// These runs, as far as they are there.
    pub fn run_records(&self, runs: &[&str]) -> Result<Vec<RunRecord>> {
        self.store.run_records(runs)
    }

    /// Changes a run. Errors: `Plan` for an unknown one.
    pub fn change_run(&self, run: &str, changes: &RunChanges<'_>) -> Result<()> {
        if changes.status.is_some() || changes.deleted.is_some() {
            self.writers.lock().remove(run);
        }
        self.store.change_run(run, changes)
    }

    /// Adds to a run, an ended one too; all survives a power cut when this returns.
    /// Rows that all have times, and are what was logged lately, are not kept again: a client that has lost an answer sends them twice.
    /// Errors: `Plan` for an unknown or deleted run, a parameter that has another value, or a tag that is not the client's to set.
    pub fn log(&self, run: &str, rows: &[MetricRow<'_>], params: &[(String, String)], tags: &[(String, String)]) -> Result<()> {
        check_tags(tags)?;
        let writer = self.writer(run)?;
        if !params.is_empty() {
            writer.set_params(params)?;
        }
        if !tags.is_empty() {
            writer.set_tags(tags)?;
        }
        let batch = fingerprint(run, rows);
        if rows.is_empty() || batch.is_some_and(|batch| self.logged.lock().contains(&batch)) {
            return Ok(());
        }
        writer.log_rows(rows)?;
        writer.flush()?;
        if let Some(batch) = batch {
            let mut logged = self.logged.lock();
            logged.push_back(batch);
            if logged.len() > LOGGED_MAX {
                logged.pop_front();
            }
        }
        Ok(())
    }

    /// Forgets a tag; false if there was none.
    pub fn remove_tag(&self, run: &str, name: &str) -> Result<bool> {
        self.store.remove_tag(run, name)
    }

    /// The latest value of each metric of a run, by name.
    pub fn latest(&self, run: &str) -> Result<Vec<(String, HistoryPoint)>> {
        let batches = self.store.scan(LogTable::Latest, &of_run(run, None))?;
        let named = |batch: &RecordBatch| {
            let names: Vec<String> = batch.column(1).as_string::<i32>().iter().flatten().map(str::to_owned).collect();
            names.into_iter().zip(points(batch)).collect::<Vec<_>>()
        };
        Ok(batches.iter().flat_map(named).collect())
    }

    /// All values of a metric, as they were logged.
    pub fn history(&self, run: &str, name: &str) -> Result<Vec<HistoryPoint>> {
        Ok(self.store.scan(LogTable::Metrics, &of_run(run, Some(name)))?.iter().flat_map(points).collect())
    }

    /// The artifacts of a run, by path.
    pub fn artifacts(&self, run: &str) -> Result<Vec<ArtifactRecord>> {
        self.store.artifact_records(run)
    }

    /// The file that holds an artifact, read-only. Errors: `Plan` for an unknown run or artifact.
    pub fn artifact(&self, run: &str, path: &str) -> Result<PathBuf> {
        self.store.artifact(run, path)
    }

    /// Keeps an artifact. Errors: `Plan` for an unknown run, or a name that is no relative path of ordinary parts.
    pub fn put_artifact(&self, run: &str, artifact: &NewArtifact<'_>, content: &mut dyn Read) -> Result<()> {
        self.store.put_artifact(run, artifact, content)
    }

    fn writer(&self, run: &str) -> Result<Arc<dyn RunWriter>> {
        let kept = self.writers.lock().get(run).map(Arc::clone);
        if let Some(writer) = kept {
            // Another process may have deleted the run or cleared it away: its writer would take points that nobody finds.
            if self.store.is_active(run)? {
                return Ok(writer);
            }
            self.writers.lock().remove(run);
        }
        let writer = self.store.attach(run)?;
        let mut writers = self.writers.lock();
        if writers.len() >= WRITERS_MAX {
            // Their points are read from their files until their runs end.
            writers.clear();
        }
        Ok(Arc::clone(writers.entry(run.to_owned()).or_insert(writer)))
    }
}

/// What tells a batch of rows from others; None where a row has no time of its own, and so may come twice.
fn fingerprint(run: &str, rows: &[MetricRow<'_>]) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    run.hash(&mut hasher);
    for MetricRow { step, epoch, time_us, values } in rows {
        (step, epoch, (*time_us)?).hash(&mut hasher);
        values.iter().for_each(|(name, value)| (name, value.to_bits()).hash(&mut hasher));
    }
    Some(hasher.finish())
}

/// What starts a program when its run is replayed, and whether a run is to begin yet, no client may say so.
fn check_tags(tags: &[(String, String)]) -> Result<()> {
    match tags.iter().find(|(name, _)| [PROGRAM_TAG, SCHEDULED_TAG].contains(&name.as_str())) {
        Some((name, _)) => Err(Error::plan(
            "run",
            format!("tag `{name}` is set by the program that logs the run, or the store, not by a client"),
        )),
        None => Ok(()),
    }
}

/// The rows of a run, of one metric or of all.
fn of_run(run: &str, name: Option<&str>) -> LogQuery {
    let equal = |column: &str, value: &str| LogFilter::Eq(column.into(), ScalarValue::from(value));
    let filters = [Some(equal("run", run)), name.map(|name| equal("name", name))];
    LogQuery { filters: filters.into_iter().flatten().collect(), ..LogQuery::default() }
}

/// Step, value and time of rows of `metrics` or `latest`.
fn points(batch: &RecordBatch) -> Vec<HistoryPoint> {
    let (steps, values) = (batch.column(2).as_primitive::<Int64Type>(), batch.column(4).as_primitive::<Float64Type>());
    let times = batch.column(5).as_primitive::<TimestampMicrosecondType>();
    let point = |i| HistoryPoint { step: steps.value(i), time_us: times.value(i), value: values.value(i) };
    (0..batch.num_rows()).map(point).collect()
}
