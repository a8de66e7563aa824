//! The run in which a training begins: its own run says so by the tag that MLflow's clients know.

use std::sync::Arc;

use arrow::array::RecordBatch;
use gradframe_ml_learn::Checkpoint;
use gradframe_plan::ops::run_log::{LogQuery, LogTable};
use gradframe_plan::services::{LogPages, NewRun, RunLog, RunWriter, Services};

use crate::Result;

/// The tag of a run that names the one in which it has begun.
pub(crate) const PARENT_TAG: &str = "mlflow.parentRunId";

/// The services of a session for what begins in a run.
pub(crate) fn services_in(services: &Services, run: &str) -> Services {
    let runs = Arc::new(Within { runs: Arc::clone(&services.runs), parent: run.to_owned() });
    Services { runs, ..services.clone() }
}

/// A run log in which all that begins has a parent.
#[derive(Debug)]
struct Within {
    runs: Arc<dyn RunLog>,
    parent: String,
}

impl RunLog for Within {
    fn start(&self, mut run: NewRun) -> Result<Arc<dyn RunWriter>> {
        run.tags.entry(PARENT_TAG.to_owned()).or_insert_with(|| self.parent.clone());
        self.runs.start(run)
    }

    fn checkpoint(&self, run: &str) -> Result<Option<Checkpoint>> {
        self.runs.checkpoint(run)
    }

    fn resume(&self, run: &str, epochs: u64, batches: u64) -> Result<Arc<dyn RunWriter>> {
        self.runs.resume(run, epochs, batches)
    }

    fn scan(&self, table: LogTable, query: &LogQuery) -> Result<Vec<RecordBatch>> {
        self.runs.scan(table, query)
    }

    fn pages(self: Arc<Self>, table: LogTable, query: &LogQuery) -> Result<Box<dyn LogPages>> {
        Arc::clone(&self.runs).pages(table, query)
    }
}
