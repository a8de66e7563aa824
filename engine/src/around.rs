//! What surrounds a session's trainings, which do not see it themselves: the run in which one begins, by the tag that MLflow's clients
//! know, the state of the code, the packages, what is used of the machine.
//!
//! It is not the store's to add: a run that a client begins over the network is of another directory and another machine.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use gradframe_connectors::store::Store;
use gradframe_ml_learn::Checkpoint;
use gradframe_plan::ops::run_log::{LogQuery, LogTable};
use gradframe_plan::services::{CodeState, LogPages, NewArtifact, NewRun, RunLog, RunWriter};

use crate::run::{Code, SAMPLED_EVERY};
use crate::{Result, packages, sampling};

/// The tag of a run that names the one in which it has begun.
pub(crate) const PARENT_TAG: &str = "mlflow.parentRunId";

/// The run log of a session.
#[derive(Debug, Clone)]
pub(crate) struct SessionRuns {
    store: Arc<Store>,
    code: Code,
    /// The run in which all begins.
    parent: Option<Arc<str>>,
    /// Between samples of what is used.
    sampled_every: Duration,
}

impl SessionRuns {
    pub(crate) fn new(store: Arc<Store>, code: Code) -> Self {
        SessionRuns { store, code, parent: None, sampled_every: SAMPLED_EVERY }
    }

    /// The same within a run.
    pub(crate) fn within(self, run: &str) -> Self {
        SessionRuns { parent: Some(run.into()), ..self }
    }

    /// Of a training within a run that run's: who has left it out there has meant all of it.
    fn code_state(&self) -> CodeState {
        // A run that waits for its server is not in the store yet.
        let of_parent = self.parent.as_deref().and_then(|run| self.store.code_state(run).ok().flatten());
        of_parent.unwrap_or_else(|| self.code.recent_state())
    }
}

impl RunLog for SessionRuns {
    fn start(&self, mut run: NewRun) -> Result<Arc<dyn RunWriter>> {
        if let Some(parent) = &self.parent {
            run.tags.entry(PARENT_TAG.to_owned()).or_insert_with(|| parent.as_ref().to_owned());
        }
        // A program has said what surrounds its run, or that nobody is to look.
        if !run.environment.is_empty() {
            return self.store.start(run);
        }
        run.environment = packages::environment().clone();
        run.code = self.code_state();
        let writer = self.store.start(run)?;
        keep_locks(writer.as_ref(), &self.code)?;
        sampling::watch(&writer, self.sampled_every);
        Ok(writer)
    }

    fn checkpoint(&self, run: &str) -> Result<Option<Checkpoint>> {
        self.store.checkpoint(run)
    }

    fn resume(&self, run: &str, epochs: u64, batches: u64) -> Result<Arc<dyn RunWriter>> {
        self.store.resume(run, epochs, batches)
    }

    fn scan(&self, table: LogTable, query: &LogQuery) -> Result<Vec<RecordBatch>> {
        self.store.scan(table, query)
    }

    fn pages(self: Arc<Self>, table: LogTable, query: &LogQuery) -> Result<Box<dyn LogPages>> {
        Arc::clone(&self.store).pages(table, query)
    }
}

/// Keeps the lock files beside the code as `system/<name>`.
pub(crate) fn keep_locks(writer: &dyn RunWriter, code: &Code) -> Result<()> {
    code.lock_files().iter().try_for_each(|(name, path)| keep_lock(writer, name, path))
}

/// One that is gone meanwhile is none.
fn keep_lock(writer: &dyn RunWriter, name: &str, path: &Path) -> Result<()> {
    let Ok(mut file) = File::open(path) else { return Ok(()) };
    writer.add_artifact(&NewArtifact { path: &format!("system/{name}"), kind: "file", step: None }, &mut file)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use arrow::array::AsArray;
    use gradframe_plan::services::RunOutcome;

    use super::*;

    #[test]
    fn what_a_training_uses_is_sampled_while_it_goes_on() {
        let store = Store::in_memory().unwrap();
        let every = Duration::from_millis(20);
        let runs = SessionRuns { sampled_every: every, ..SessionRuns::new(Arc::clone(&store), Code::Unknown) };
        let run = runs.start(NewRun::default()).unwrap();
        let names = || {
            let rows = store.scan(LogTable::Metrics, &LogQuery::default()).unwrap();
            rows.iter().flat_map(|rows| rows["name"].as_string::<i32>().iter().flatten().map(str::to_owned)).collect::<Vec<_>>()
        };
        let has_two = |names: &[String]| names.iter().filter(|name| *name == "system/cpu_percent").count() >= 2;
        (0..500).take_while(|_| !has_two(&names())).for_each(|_| std::thread::sleep(every));
        assert!(has_two(&names()) && names().contains(&"system/memory_bytes".to_owned()), "{:?}", names());
        run.finish(RunOutcome::Finished).unwrap();
    }
}
