//! What surrounds a session's trainings, which do not see it themselves: the run in which one begins, by the tag that MLflow's clients
//! know, the state of the code, the packages.
//!
//! It is not the store's to add: a run that a client begins over the network is of another directory and another machine.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use gradframe_connectors::store::Store;
use gradframe_ml_learn::Checkpoint;
use gradframe_plan::ops::run_log::{LogQuery, LogTable};
use gradframe_plan::services::{CodeState, LogPages, NewArtifact, NewRun, RunLog, RunWriter};

use crate::run::Code;
use crate::{Result, packages};

/// The tag of a run that names the one in which it has begun.
pub(crate) const PARENT_TAG: &str = "mlflow.parentRunId";

/// The run log of a session.
#[derive(Debug, Clone)]
pub(crate) struct SessionRuns {
    store: Arc<Store>,
    code: Code,
    /// The run in which all begins.
    parent: Option<Arc<str>>,
}

impl SessionRuns {
    pub(crate) fn new(store: Arc<Store>, code: Code) -> Self {
        SessionRuns { store, code, parent: None }
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
