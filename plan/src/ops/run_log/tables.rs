//! The log tables and their columns. Times are microseconds in UTC.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// One of the log tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LogTable {
    /// One row an experiment: what runs belong to.
    Experiments,
    /// One row a run. `status` is running, finished, failed or cancelled.
    Runs,
    /// One row a parameter of a run.
    Params,
    /// One row a tag of a run.
    Tags,
    /// One row a value of a metric.
    Metrics,
    /// One row a metric of a run: its value at the greatest step, of several there the one logged last.
    Latest,
    /// One row an artifact of a run: a file that it keeps.
    Artifacts,
    /// One row a package, processor or other part of what runs ran on; `runs.environment` says which.
    Environments,
    /// One row a version of a model.
    Models,
    /// One row an alias: a name for one version of a model.
    Aliases,
    /// One row a tag of a version of a model; version 0 is the model itself.
    ModelTags,
    /// One row a model that a client of MLflow 3 has logged, registered or not.
    LoggedModels,
    /// One row a data set of a run: what it was trained or evaluated on.
    Datasets,
    /// One row a file of such a data set.
    DatasetFiles,
    /// One row a training in mini-batches: which rows each of its steps learned from.
    Batches,
    /// One row a data set that a version of a model comes from, by its run.
    Lineage,
    /// One row a trace that a client of MLflow has logged: a call of a program.
    Traces,
    /// One row a tag of a trace, or what its client said about it.
    TraceValues,
    /// One row a call within a trace.
    Spans,
}

impl LogTable {
    /// All of them, in the order in which they are listed.
    pub const ALL: [LogTable; 19] = [
        LogTable::Experiments,
        LogTable::Runs,
        LogTable::Params,
        LogTable::Tags,
        LogTable::Metrics,
        LogTable::Latest,
        LogTable::Artifacts,
        LogTable::Environments,
        LogTable::Models,
        LogTable::Aliases,
        LogTable::ModelTags,
        LogTable::LoggedModels,
        LogTable::Datasets,
        LogTable::DatasetFiles,
        LogTable::Batches,
        LogTable::Lineage,
        LogTable::Traces,
        LogTable::TraceValues,
        LogTable::Spans,
    ];

    /// Its name in SQL, without the schema.
    pub const fn name(self) -> &'static str {
        match self {
            LogTable::Experiments => "experiments",
            LogTable::Runs => "runs",
            LogTable::Params => "params",
            LogTable::Tags => "tags",
            LogTable::Metrics => "metrics",
            LogTable::Latest => "latest",
            LogTable::Artifacts => "artifacts",
            LogTable::Environments => "environments",
            LogTable::Models => "models",
            LogTable::Aliases => "aliases",
            LogTable::ModelTags => "model_tags",
            LogTable::LoggedModels => "logged_models",
            LogTable::Datasets => "datasets",
            LogTable::DatasetFiles => "dataset_files",
            LogTable::Batches => "batches",
            LogTable::Lineage => "lineage",
            LogTable::Traces => "traces",
            LogTable::TraceValues => "trace_values",
            LogTable::Spans => "spans",
        }
    }

    /// Its columns.
    pub fn schema(self) -> SchemaRef {
        let fields = match self {
            LogTable::Experiments => vec![text("experiment"), integer("id"), time("created")],
            LogTable::Runs => runs(),
            LogTable::Params | LogTable::Tags => vec![text("run"), text("name"), text("value")],
            LogTable::Metrics => metrics(),
            LogTable::Latest => latest(),
            LogTable::Artifacts => artifacts(),
            LogTable::Environments => vec![text("environment"), text("kind"), text("name"), text("value")],
            LogTable::Models => models(),
            LogTable::Aliases => vec![text("model"), text("alias"), integer("version"), time("set_at")],
            LogTable::ModelTags => vec![text("model"), integer("version"), text("name"), text("value")],
            LogTable::LoggedModels => logged_models(),
            LogTable::Datasets => datasets(),
            LogTable::DatasetFiles => dataset_files(),
            LogTable::Batches => batches(),
            LogTable::Lineage => lineage(),
            LogTable::Traces => traces(),
            LogTable::TraceValues => vec![text("trace"), text("kind"), text("name"), text("value")],
            LogTable::Spans => spans(),
        };
        Arc::new(Schema::new(fields))
    }
}

fn runs() -> Vec<Field> {
    vec![
        text("run"),
        text("title"),
        text("status"),
        time("started"),
        maybe(time("ended")),
        maybe(text("model")),
        maybe(Field::new("seed", DataType::UInt64, false)),
        Field::new("reproducible", DataType::Boolean, false),
        maybe(text("error")),
        text("experiment"),
        maybe(text("commit")),
        maybe(text("diff")),
        maybe(text("environment")),
        Field::new("deleted", DataType::Boolean, false),
    ]
}

fn metrics() -> Vec<Field> {
    vec![text("run"), text("name"), integer("step"), maybe(integer("epoch")), float("value"), time("time")]
}

/// `min` and `max` are of the values that are no NaN.
fn latest() -> Vec<Field> {
    let more = [integer("points"), maybe(float("min")), maybe(float("max"))];
    metrics().into_iter().chain(more).collect()
}

/// `hash` is the SHA-256 of the content.
fn artifacts() -> Vec<Field> {
    let content = [integer("bytes"), text("hash"), time("created")];
    [text("run"), text("path"), text("kind"), maybe(integer("step"))].into_iter().chain(content).collect()
}

/// `source` is null for what was trained here; else a client of MLflow has registered what is there.
fn models() -> Vec<Field> {
    let trained = [text("model"), integer("version"), text("model_type"), text("label"), integer("features"), text("run")];
    let said = [time("created"), maybe(text("source")), text("stage"), text("description")];
    trained.into_iter().chain(said).collect()
}

fn logged_models() -> Vec<Field> {
    let what = [text("logged_model"), text("name"), text("experiment"), text("model_type"), text("run"), text("status")];
    what.into_iter().chain([time("created")]).collect()
}

/// `digest` tells data that are equal from data that are not; `role` is training, evaluation, or what the client says.
fn datasets() -> Vec<Field> {
    let what = [text("run"), text("role"), text("name"), text("digest"), text("kind"), text("source"), text("schema")];
    what.into_iter().chain([text("profile"), maybe(integer("rows"))]).collect()
}

/// `hash` is of the content (xxHash, 128 bits), where it was small enough to be read again; `version` is the store's own.
fn dataset_files() -> Vec<Field> {
    let file = [text("run"), text("role"), text("path"), integer("bytes"), time("modified")];
    file.into_iter().chain([maybe(text("version")), maybe(text("hash"))]).collect()
}

/// Of `rows` rows each epoch takes `batch_rows` at a time, in the order that `key` and the epoch decide: with `n` batches an epoch,
/// step `s`, from 1, is of epoch `(s - 1) / n + 1` and has the rows from `(s - 1) % n * batch_rows` on. One row that
/// would be left over is of the last batch.
fn batches() -> Vec<Field> {
    vec![text("run"), integer("batch_rows"), integer("rows"), Field::new("key", DataType::UInt64, false)]
}

/// The columns of data are null for a version whose run has said nothing of data.
fn lineage() -> Vec<Field> {
    let data = ["role", "dataset", "digest", "kind", "source"].map(|name| maybe(text(name)));
    let model = [text("model"), integer("version"), text("run")];
    model.into_iter().chain(data).chain([maybe(integer("rows"))]).collect()
}

/// `run` is empty where it belongs to none; `request` and `response` are the beginnings of what went in and came out.
fn traces() -> Vec<Field> {
    let what = [text("trace"), text("name"), text("experiment"), text("run"), text("state"), time("started")];
    what.into_iter().chain([maybe(integer("duration_us")), maybe(text("request")), maybe(text("response"))]).collect()
}

/// `inputs`, `outputs` and `attributes` are JSON.
fn spans() -> Vec<Field> {
    let what = [text("trace"), text("span"), maybe(text("parent")), text("name"), text("span_type"), text("status")];
    let when = [time("started"), maybe(time("ended"))];
    let said = [maybe(text("inputs")), maybe(text("outputs")), text("attributes")];
    what.into_iter().chain(when).chain(said).collect()
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, false)
}

fn integer(name: &str) -> Field {
    Field::new(name, DataType::Int64, false)
}

fn float(name: &str) -> Field {
    Field::new(name, DataType::Float64, false)
}

fn time(name: &str) -> Field {
    Field::new(name, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false)
}

fn maybe(field: Field) -> Field {
    field.with_nullable(true)
}
