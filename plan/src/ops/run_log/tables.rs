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
    /// One row a tag of a version of a model.
    ModelTags,
}

impl LogTable {
    /// All of them, in the order in which they are listed.
    pub const ALL: [LogTable; 11] = [
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

fn models() -> Vec<Field> {
    vec![text("model"), integer("version"), text("model_type"), text("label"), integer("features"), text("run"), time("created")]
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
