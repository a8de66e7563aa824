//! Traces of an `mlflow.db`, with their spans and with what was thought of them; and what of it an import leaves behind.

use std::path::{Path, PathBuf};

use arrow::temporal_conversions::timestamp_ms_to_datetime;
use gradframe_ml_core::Result;
use rusqlite::{Connection, Row};
use serde_json::{Value, json};

use super::database::{open, pairs, wrong};
use super::registry::{has_column, has_table};
use super::trace_columns::TraceColumns;
use super::{elsewhere, kept, moved};
use crate::store::Trace;

/// The tags that say where a trace's files and spans are there.
const LOCATION: &str = "mlflow.artifactLocation";
const SPANS_LOCATION: &str = "mlflow.trace.spansLocation";
/// Where clients say what has a column of its own.
const NAME: &str = "mlflow.traceName";
const RUN: &str = "mlflow.sourceRun";
const INPUTS: &str = "mlflow.traceInputs";
const OUTPUTS: &str = "mlflow.traceOutputs";
/// Tables whose rows no import takes, and what those are.
const LEFT: [(&str, &str); 4] = [
    ("evaluation_datasets", "evaluation data sets"),
    ("scorers", "scorers"),
    ("webhooks", "webhooks"),
    ("label_schemas", "label schemas"),
];

/// A trace of MLflow's.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ForeignTrace {
    /// As it is kept here, but without experiment, run and assessments: of what they name the numbers and names are those of there.
    pub trace: Trace,
    /// The name of its experiment.
    pub experiment: String,
    /// MLflow's name of its run; empty if it belongs to none.
    pub run: String,
    /// In the words of clients of version 3, by identifier, in the order in which they were made.
    pub assessments: Vec<(String, Value)>,
    /// The spans that the database has, in the words of clients.
    pub spans: Vec<Value>,
    /// The directory of its files, if it is here.
    pub files: Option<PathBuf>,
    /// Where those are said to be, if that cannot be looked at.
    pub elsewhere: Option<String>,
}

/// Gives each trace to `take`, the oldest first.
pub(super) fn each(path: &Path, take: &mut dyn FnMut(ForeignTrace) -> Result<()>) -> Result<()> {
    let database = open(path)?;
    if !has_table(&database, "trace_info")? {
        return Ok(());
    }
    // A database of before MLflow 3 does not say these of traces.
    let mut maybe = ["client_request_id", "request_preview", "response_preview", "trace_name"];
    for column in &mut maybe {
        if !has_column(&database, "trace_info", column)? {
            *column = "NULL";
        }
    }
    let sql = format!(
        "SELECT t.request_id, e.name, t.timestamp_ms, t.execution_time_ms, t.status, {} FROM trace_info AS t
         JOIN experiments AS e ON t.experiment_id = e.experiment_id ORDER BY t.timestamp_ms, t.request_id",
        maybe.join(", ")
    );
    let mut statement = database.prepare(&sql).map_err(wrong)?;
    let found = statement.query_map([], of_row).map_err(wrong)?.collect::<rusqlite::Result<Vec<_>>>().map_err(wrong)?;
    let tables = Tables::of(&database)?;
    found.into_iter().try_for_each(|trace| take(tables.complete(&database, path, trace)?))
}

/// What there is beside what an import takes: how many, and of what.
pub(super) fn left(path: &Path) -> Result<Vec<(u64, &'static str)>> {
    let database = open(path)?;
    let mut found = vec![];
    for (table, what) in LEFT {
        if has_table(&database, table)? {
            let count = format!("SELECT count(*) FROM {table}");
            found.push((database.query_row(&count, [], |row| row.get(0)).map_err(wrong)?, what));
        }
    }
    found.retain(|(count, _)| *count > 0);
    Ok(found)
}

fn of_row(row: &Row) -> rusqlite::Result<ForeignTrace> {
    let us = |ms: i64| ms.saturating_mul(1000);
    let trace = Trace {
        id: row.get(0)?,
        started_us: us(row.get(2)?),
        duration_us: row.get::<_, Option<i64>>(3)?.map(us),
        state: state(row.get(4)?),
        client_request: row.get(5)?,
        request: row.get(6)?,
        response: row.get(7)?,
        name: row.get::<_, Option<String>>(8)?.unwrap_or_default(),
        ..Trace::default()
    };
    Ok(ForeignTrace { trace, experiment: row.get(1)?, ..ForeignTrace::default() })
}

/// Ours has no more than four.
fn state(theirs: String) -> String {
    if ["OK", "ERROR", "IN_PROGRESS"].contains(&theirs.as_str()) { theirs } else { "STATE_UNSPECIFIED".to_owned() }
}

/// Tables that databases of earlier versions do not have.
struct Tables {
    spans: bool,
    assessments: bool,
    associations: bool,
    columns: TraceColumns,
}

impl Tables {
    fn of(database: &Connection) -> Result<Self> {
        Ok(Tables {
            spans: has_table(database, "spans")?,
            assessments: has_table(database, "assessments")?,
            associations: has_table(database, "entity_associations")?,
            columns: TraceColumns::of(database)?,
        })
    }

    /// The trace with all that other tables say of it.
    fn complete(&self, database: &Connection, path: &Path, mut found: ForeignTrace) -> Result<ForeignTrace> {
        let trace = &mut found.trace;
        let of = |table: &str| format!("SELECT key, coalesce(value, '') FROM {table} WHERE request_id = ?1 ORDER BY key");
        trace.tags = pairs(database, &of("trace_tags"), &trace.id)?;
        trace.metadata = pairs(database, &of("trace_request_metadata"), &trace.id)?;
        let in_columns = self.columns.metadata(database, &trace.id)?;
        trace.metadata.retain(|(name, _)| in_columns.iter().all(|(other, _)| other != name));
        trace.metadata.extend(in_columns);
        let value = |of: &[(String, String)], name: &str| of.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        // Databases of later versions have the name in a column alone, which clients see as a tag all the same.
        match value(&trace.tags, NAME) {
            Some(name) => trace.name = name,
            None if trace.name.is_empty() => {}
            None => trace.tags.push((NAME.to_owned(), trace.name.clone())),
        }
        let said = |name: &str| value(&trace.metadata, name).filter(|text| !text.is_empty());
        let (inputs, outputs) = (said(INPUTS), said(OUTPUTS));
        trace.request = trace.request.take().or(inputs);
        trace.response = trace.response.take().or(outputs);
        let location = value(&trace.tags, LOCATION).unwrap_or_default();
        trace.tags.retain(|(name, _)| name != LOCATION && name != SPANS_LOCATION);
        let linked = if self.associations { linked(database, &trace.id)? } else { None };
        found.run = linked.or(value(&trace.metadata, RUN)).unwrap_or_default();
        if self.assessments {
            found.assessments = assessments(database, &trace.id)?;
        }
        if self.spans {
            found.spans = spans(database, &trace.id)?;
        }
        found.files = kept(&location, path, moved(&location, path));
        // Where the database has the spans, there may be no files.
        found.elsewhere = elsewhere(&location, path).filter(|_| found.spans.is_empty());
        Ok(found)
    }
}

/// The run to which a trace was linked last, whatever it says of itself.
fn linked(database: &Connection, trace: &str) -> Result<Option<String>> {
    let sql = "SELECT destination_id, '' FROM entity_associations WHERE source_type = 'trace' AND destination_type = 'run'
               AND source_id = ?1 ORDER BY created_time DESC";
    Ok(pairs(database, sql, trace)?.into_iter().next().map(|(run, _)| run))
}

fn spans(database: &Connection, trace: &str) -> Result<Vec<Value>> {
    let sql = "SELECT content, '' FROM spans WHERE trace_id = ?1 ORDER BY start_time_unix_nano, span_id";
    let found = pairs(database, sql, trace)?;
    Ok(found.iter().filter_map(|(content, _)| serde_json::from_str(content).ok()).collect())
}

fn assessments(database: &Connection, trace: &str) -> Result<Vec<(String, Value)>> {
    let sql = "SELECT assessment_id, name, assessment_type, value, error, created_timestamp, last_updated_timestamp, source_type,
                      source_id, span_id, rationale, overrides, valid, assessment_metadata
               FROM assessments WHERE trace_id = ?1 ORDER BY created_timestamp, assessment_id";
    let mut statement = database.prepare_cached(sql).map_err(wrong)?;
    let found = statement.query_map([trace], |row| assessment(trace, row)).map_err(wrong)?;
    found.collect::<rusqlite::Result<_>>().map_err(wrong)
}

/// As a client says it. Source: `Assessment.to_proto` of MLflow's.
fn assessment(trace: &str, row: &Row) -> rusqlite::Result<(String, Value)> {
    let id: String = row.get(0)?;
    let json_of = |text: Option<String>| text.and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let kind: String = row.get(2)?;
    let value = json_of(row.get(3)?).unwrap_or_default();
    let said = match kind.as_str() {
        "expectation" if value.is_object() || value.is_array() || value.is_null() => {
            json!({ "serialized_value": { "serialization_format": "JSON_FORMAT", "value": value.to_string() } })
        }
        "issue" => value,
        _ => json!({ "value": value }),
    };
    let mut body = json!({
        "assessment_id": id,
        "assessment_name": row.get::<_, String>(1)?,
        "trace_id": trace,
        "source": { "source_type": row.get::<_, String>(7)?, "source_id": row.get::<_, Option<String>>(8)?.unwrap_or_default() },
        "create_time": time(row.get(5)?),
        "last_update_time": time(row.get(6)?),
        "valid": row.get::<_, bool>(12)?,
    });
    body[&kind] = said;
    if let Some(error) = json_of(row.get(4)?) {
        body[&kind]["error"] = error;
    }
    for (name, column) in [("span_id", 9), ("rationale", 10), ("overrides", 11)] {
        if let Some(text) = row.get::<_, Option<String>>(column)? {
            body[name] = text.into();
        }
    }
    if let Some(Value::Object(metadata)) = json_of(row.get(13)?) {
        let texts = metadata.into_iter().map(|(name, value)| (name, value.as_str().map_or(value.to_string(), str::to_owned)));
        body["metadata"] = texts.map(|(name, text)| (name, Value::from(text))).collect::<serde_json::Map<_, _>>().into();
    }
    Ok((id, body))
}

fn time(ms: i64) -> String {
    timestamp_ms_to_datetime(ms).map_or_else(String::new, |time| time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}
