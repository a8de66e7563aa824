//! One training: what is asked for, and whether it has run. Plans of the same statement share it, so that executing
//! again replays the log and never trains again.

use std::sync::Arc;

use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::{Estimator, Options, Split};
use parking_lot::Mutex;

use crate::services::OnExisting;

/// A training and its state. Two jobs are equal only if they are the same one.
#[derive(Debug)]
pub struct TrainJob {
    /// The name to register the model under, if any.
    pub name: Option<String>,
    pub on_existing: OnExisting,
    pub estimator: Arc<dyn Estimator>,
    pub label: String,
    /// The label's Arrow type in the training query.
    pub label_type: DataType,
    /// The features' Arrow types, in the order of the training query.
    pub feature_types: Vec<DataType>,
    /// Which rows are kept for evaluation.
    pub split: Split,
    /// Whether its query is to give the same bits each time.
    pub reproducible: bool,
    /// Checked, defaults filled in.
    pub options: Options,
    pub seed: u64,
    /// The training query's SQL, where there was one.
    pub query: Option<String>,
    /// The interrupted run that it goes on with.
    pub resume: Option<String>,
    /// The whole statement, where there was one.
    pub statement: Option<String>,
    state: Mutex<JobState>,
}

/// Where a training stands.
#[derive(Debug, Clone, Default)]
pub enum JobState {
    #[default]
    New,
    Running,
    /// Finished: its whole log.
    Done(Vec<RecordBatch>),
    /// Failed or cancelled, and why.
    Stopped(String),
}

/// What is asked of a new job.
pub(super) struct JobSpec {
    pub name: Option<String>,
    pub on_existing: OnExisting,
    pub estimator: Arc<dyn Estimator>,
    pub label: String,
    pub label_type: DataType,
    pub feature_types: Vec<DataType>,
    pub split: Split,
    pub reproducible: bool,
    pub options: Options,
    pub seed: u64,
    pub query: Option<String>,
    pub resume: Option<String>,
    pub statement: Option<String>,
}

impl From<JobSpec> for TrainJob {
    fn from(spec: JobSpec) -> Self {
        let JobSpec {
            name,
            on_existing,
            estimator,
            label,
            label_type,
            feature_types,
            split,
            reproducible,
            options,
            seed,
            query,
            resume,
            statement,
        } = spec;
        let state = Mutex::default();
        TrainJob {
            name,
            on_existing,
            estimator,
            label,
            label_type,
            feature_types,
            split,
            reproducible,
            options,
            seed,
            query,
            resume,
            statement,
            state,
        }
    }
}

impl TrainJob {
    /// The model's name for people: `fare`, or `(unnamed)`.
    pub fn title(&self) -> &str {
        self.name.as_deref().unwrap_or("(unnamed)")
    }

    /// Claims the training: None to the one caller that is to run it, the log to those who come when it is done.
    /// Errors: `Plan` while it runs elsewhere; `Execution` after it has failed.
    pub fn begin(&self) -> Result<Option<Vec<RecordBatch>>> {
        let mut state = self.state.lock();
        match &*state {
            JobState::Done(log) => Ok(Some(log.clone())),
            JobState::Running => {
                Err(Error::plan("train", format!("model `{}` is being trained by this plan already", self.title())))
            }
            JobState::Stopped(why) => Err(self.stopped_error(why)),
            JobState::New => {
                *state = JobState::Running;
                Ok(None)
            }
        }
    }

    /// Records how a claimed training ended.
    pub fn end(&self, outcome: JobState) {
        *self.state.lock() = outcome;
    }

    /// Where it stands now.
    pub fn state(&self) -> JobState {
        self.state.lock().clone()
    }

    fn stopped_error(&self, why: &str) -> Error {
        let what = format!("the training of model `{}` has stopped already: {why}", self.title());
        Error::execution("train", what).hint("run the statement again")
    }
}
