//! What operators need from the outside, named here and implemented in `connectors`.
//!
//! `plan` does no input or output. `engine` puts one `Services` into the session's configuration as an extension;
//! operators find it there when they execute.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::execution::TaskContext;
use datafusion::prelude::SessionConfig;
use datafusion::scalar::ScalarValue;
use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::minibatch::Cut;
use gradframe_ml_learn::{Checkpoint, Model};
use gradframe_ml_models::DtypeChoice;
use serde::{Deserialize, Serialize};

use crate::ops::run_log::{LogQuery, LogTable};

/// Everything an operator may reach beyond its inputs.
#[derive(Debug, Clone)]
pub struct Services {
    pub models: Arc<dyn ModelRegistry>,
    pub runs: Arc<dyn RunLog>,
    pub sources: Arc<dyn Sources>,
    pub pretrained: Arc<dyn PretrainedModels>,
    /// Seed of trainings that name none.
    pub seed: u64,
}

impl Services {
    /// The session's services. Errors: `Internal` if the session was not made by the engine.
    pub fn of(config: &SessionConfig) -> Result<Arc<Services>> {
        config.get_extension::<Services>().ok_or_else(|| Error::internal("session", "has no gradframe services"))
    }

    /// The services of a running task.
    pub fn of_task(context: &TaskContext) -> Result<Arc<Services>> {
        Self::of(context.session_config())
    }
}

/// A model with the name and version under which the registry holds it.
#[derive(Debug)]
pub struct NamedModel {
    pub name: String,
    pub version: u64,
    /// When it was committed, in microseconds since 1970, UTC.
    pub created_us: i64,
    pub model: Model,
}

impl NamedModel {
    /// The directory of a pretrained model, and what it is computed in; None of a model that was trained here.
    pub fn pretrained(&self) -> Option<(&Path, DtypeChoice)> {
        crate::ops::text::directory_of(&self.model)
    }

    /// Errors: `Plan` for a pretrained model, which has nothing of what a training leaves.
    pub fn needs_training(&self, op: &str) -> Result<()> {
        let Some(_) = self.pretrained() else { return Ok(()) };
        let error = Error::plan(op, format!("{} is a pretrained one, expected one that was trained here", self.title()));
        Err(error.hint("ML.GENERATE_EMBEDDING, ML.GENERATE_TEXT and ML.CLASSIFY take it"))
    }

    /// How errors call it: a model that a frame has fitted needs no name.
    pub fn title(&self) -> String {
        if self.name.is_empty() { "the model".into() } else { format!("model `{}`", self.name) }
    }
}

/// Whether a model may take the place of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OnExisting {
    /// CREATE MODEL
    Error,
    /// CREATE OR REPLACE MODEL
    Replace,
    /// CREATE MODEL IF NOT EXISTS: keep the old one, train nothing.
    Keep,
}

/// The error of CREATE MODEL for a name that is taken.
pub fn model_exists(name: &str) -> Error {
    Error::plan("create model", format!("model `{name}` already exists")).hint("CREATE OR REPLACE MODEL trains it again")
}

/// Named, versioned models.
pub trait ModelRegistry: Debug + Send + Sync {
    /// The newest version of a model; of `m@champion` the one that the alias names, of `m@3` the third.
    fn get(&self, name: &str) -> Result<Option<Arc<NamedModel>>>;
    /// Whether there is such a model, without reading it.
    fn exists(&self, name: &str) -> Result<bool> {
        Ok(self.get(name)?.is_some())
    }
    /// Names of all models, sorted.
    fn names(&self) -> Result<Vec<String>>;
    /// All aliases, as `model@alias`, sorted.
    fn alias_names(&self) -> Result<Vec<String>> {
        Ok(vec![])
    }
    /// Stores a model, all or nothing. Errors: `Plan` if the name is taken and `replace` is false.
    fn commit(&self, name: &str, model: Model, replace: bool) -> Result<Arc<NamedModel>>;
    /// Forgets a model and its versions; false if there was none.
    fn remove(&self, name: &str) -> Result<bool>;
}

/// The store of runs.
pub trait RunLog: Debug + Send + Sync {
    /// Opens a run and makes it visible with status `running`.
    fn start(&self, run: NewRun) -> Result<Arc<dyn RunWriter>>;
    /// The last checkpoint of a run that has not finished; None if it has none, or there is no such run.
    /// Errors: `Execution` naming a file that is damaged.
    fn checkpoint(&self, run: &str) -> Result<Option<Checkpoint>>;
    /// Opens an interrupted run again: it is `running`, and points of epochs after its first `epochs` are forgotten,
    /// since the training will log them again; of the epoch after them the first `batches` values of [`BATCH_LOSS`] stay, where it
    /// goes on within an epoch. A training is resumed by `TrainRequest::resume`.
    /// Errors: `Plan` if there is no such run, or it is running or finished.
    fn resume(&self, run: &str, epochs: u64, batches: u64) -> Result<Arc<dyn RunWriter>>;
    /// Rows of a log table, with the query's filters, columns and limit applied.
    fn scan(&self, table: LogTable, query: &LogQuery) -> Result<Vec<RecordBatch>>;
    /// The same rows, read as they are asked for.
    fn pages(self: Arc<Self>, table: LogTable, query: &LogQuery) -> Result<Box<dyn LogPages>> {
        Ok(Box::new(OnePage(Some(self.scan(table, query)?))))
    }
}

/// Rows of a log table on their way.
pub trait LogPages: Send {
    /// The next batches, which may be none; None at the end.
    fn next(&mut self) -> Result<Option<Vec<RecordBatch>>>;
}

/// Rows that were read at once.
#[derive(Debug)]
pub struct OnePage(pub Option<Vec<RecordBatch>>);

impl LogPages for OnePage {
    fn next(&mut self) -> Result<Option<Vec<RecordBatch>>> {
        Ok(self.0.take())
    }
}

/// What is known of a run when it starts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct NewRun {
    pub title: String,
    /// The experiment that it belongs to, made if there is none of this name; None for the one named "Default".
    pub experiment: Option<String>,
    pub model: Option<String>,
    /// None if nothing in it is random, or nobody said how.
    pub seed: Option<u64>,
    pub reproducible: bool,
    pub params: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
    /// The statement that started it, from which it can be resumed; None for a training on a frame.
    pub statement: Option<String>,
    pub code: CodeState,
    #[serde(with = "as_pairs")]
    pub environment: Environment,
}

/// The source code that a run comes from, as its repository has it; nothing is known outside of one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeState {
    /// The commit that was checked out.
    pub commit: Option<String>,
    /// What the files of the repository had beyond that commit, as a patch; None if nothing.
    pub diff: Option<String>,
}

/// What a run ran on: values by kind ("package", "machine" ...) and name. Runs of equal environments share one.
pub type Environment = BTreeMap<(String, String), String>;

/// An environment as a list, for formats in which texts alone are keys.
mod as_pairs {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Environment;

    pub fn serialize<S: Serializer>(environment: &Environment, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(environment)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Environment, D::Error> {
        Vec::deserialize(deserializer).map(|pairs: Vec<((String, String), String)>| pairs.into_iter().collect())
    }
}

/// An open run. Dropping it without `finish` marks it failed.
pub trait RunWriter: Debug + Send + Sync {
    /// The run's identifier.
    fn id(&self) -> &str;
    /// Adds points. They survive the death of this process when this returns, and a power cut after `flush` or the run's end.
    fn log(&self, points: &[MetricPoint]) -> Result<()>;
    /// Adds rows of values, as often as a training loop turns. Errors and durability as for `log`.
    fn log_rows(&self, rows: &[MetricRow<'_>]) -> Result<()>;
    /// Adds parameters. Errors: `Plan` for one that has another value already; then none is added.
    fn set_params(&self, params: &[(String, String)]) -> Result<()>;
    /// Sets tags, in place of those of the same names.
    fn set_tags(&self, tags: &[(String, String)]) -> Result<()>;
    /// Keeps a content under a name (`plots/loss.png`), in place of one of that name. It is read to its end, in pieces, and
    /// survives a power cut when this returns. Errors: `Plan` for a name that is no relative path of ordinary parts.
    fn add_artifact(&self, artifact: &NewArtifact<'_>, content: &mut dyn Read) -> Result<()>;
    /// Says on which data the run works, in place of what was said of that role, name and digest.
    fn add_dataset(&self, dataset: &NewDataset) -> Result<()>;
    /// Says which rows each step of a training learns from.
    fn set_batches(&self, batches: &BatchOrder) -> Result<()>;
    /// What was logged before this is called survives a power cut when it returns.
    fn flush(&self) -> Result<()>;
    /// Keeps a checkpoint in the place of the one before, all or nothing. It outlives the run unless that finishes well.
    fn checkpoint(&self, checkpoint: &Checkpoint) -> Result<()>;
    /// Ends the run. Of one that finished, the checkpoint is removed.
    fn finish(&self, outcome: RunOutcome) -> Result<()>;
}

/// One value of one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricPoint {
    pub name: String,
    pub step: i64,
    pub epoch: i64,
    pub value: f64,
}

/// Values of several metrics at one step.
#[derive(Debug, Clone, Copy)]
pub struct MetricRow<'a> {
    pub step: i64,
    pub epoch: Option<i64>,
    /// Microseconds since 1970, UTC; None is now.
    pub time_us: Option<i64>,
    pub values: &'a [(&'a str, f64)],
}

/// What is known of an artifact beside its content.
#[derive(Debug, Clone, Copy)]
pub struct NewArtifact<'a> {
    pub path: &'a str,
    /// What it is to be shown as: file, text, image, table, histogram.
    pub kind: &'a str,
    /// The step that it belongs to, if any.
    pub step: Option<i64>,
}

/// The metric of a training in mini-batches that has a value a step, counted over all epochs: the mean loss of the batch.
pub const BATCH_LOSS: &str = "batch_loss";

/// Which rows the steps of a training in mini-batches learn from. Each epoch takes all rows, in the order that the key and the
/// epoch decide, `batch_rows` at a time, as [`Cut`] says of the last batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchOrder {
    pub key: u64,
    pub batch_rows: u64,
    /// All that are learned from.
    pub rows: u64,
}

impl BatchOrder {
    /// Steps of an epoch.
    pub fn steps_an_epoch(&self) -> u64 {
        self.cut().batches() as u64
    }

    /// The number of a batch among all steps. Both count from 1.
    pub fn step(&self, epoch: u64, batch: u64) -> u64 {
        epoch.saturating_sub(1) * self.steps_an_epoch() + batch
    }

    /// The epoch of a step, from 1, how many of its rows come before, and how many it has.
    pub fn place(&self, step: u64) -> (u64, u64, u64) {
        let before = step.saturating_sub(1);
        let batch = before % self.steps_an_epoch();
        (before / self.steps_an_epoch() + 1, batch * self.batch_rows, self.cut().rows_of(batch as usize) as u64)
    }

    fn cut(&self) -> Cut {
        Cut { rows: self.rows as usize, batch_rows: self.batch_rows as usize }
    }
}

/// Data that a run is trained or evaluated on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewDataset {
    /// What it is for: training, evaluation.
    pub role: String,
    pub name: String,
    /// Equal for equal data: of the rows, where they were all seen; else of the files.
    pub digest: String,
    /// What `source` is: a query, or a kind of MLflow's.
    pub kind: String,
    pub source: String,
    /// Names and types of the columns, as JSON.
    pub schema: String,
    /// What else is known, as JSON.
    pub profile: String,
    pub rows: Option<u64>,
    pub files: Vec<DatasetFile>,
}

/// A file of a data set, as it was when it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetFile {
    pub path: String,
    pub bytes: u64,
    /// Microseconds since 1970, UTC.
    pub modified_us: i64,
    /// The version or tag that the store of objects gives it.
    pub version: Option<String>,
    pub hash: Option<String>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunOutcome {
    Finished,
    Failed(String),
    Cancelled,
}

/// Opens files named in a query.
#[async_trait]
pub trait Sources: Debug + Send + Sync {
    /// The table behind `'dir/*.parquet'` or `read_csv('f.csv', header => false)`.
    async fn open(&self, session: &dyn Session, call: &SourceCall) -> Result<Arc<dyn TableProvider>>;
    /// The names of the reading functions: `read_csv`, `read_parquet`.
    fn functions(&self) -> &[&'static str];
}

/// How a pretrained model is looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FindOptions {
    /// Nothing is downloaded.
    pub local_files_only: bool,
    /// What shows to the hub that its user may read private models; None for what `HF_TOKEN` or the hub's own client has kept.
    pub token: Option<String>,
}

/// Directories of pretrained models.
pub trait PretrainedModels: Debug + Send + Sync {
    /// The directory that a user means by a path, or by a name of the hub: in its cache, else downloaded.
    /// Errors: `External` naming the places where it was looked for.
    fn find(&self, name: &str, options: &FindOptions) -> Result<PathBuf>;
    /// The model of a directory, computed in this type: its configuration and the headers of its weights. Queries share an opened
    /// one. Errors: as `gradframe_ml_models::Model::open`.
    fn open(&self, directory: &Path, dtype: DtypeChoice) -> Result<Arc<gradframe_ml_models::Model>>;
}

/// A file named in a query.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceCall {
    /// `read_csv`; None for a bare quoted path, whose ending decides.
    pub function: Option<String>,
    pub paths: Vec<String>,
    pub options: Vec<(String, ScalarValue)>,
}
