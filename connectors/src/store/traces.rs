//! Traces that clients of MLflow log: calls of a program, each with tags, metadata, assessments, files, and the spans it is made of.

use std::io::Read;
use std::path::PathBuf;

use gradframe_ml_core::{Error, Result};

use super::artifacts::check_path;
use super::artifacts::rows::Files;
use super::points::segments::gone;
use super::sql::{Row, Transaction, params, put};
use super::{Store, now_us, random_name};

const OP: &str = "trace";

/// A trace, without its spans.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trace {
    /// Chosen by its client, or `tr-` and 32 digits.
    pub id: String,
    pub experiment: i64,
    /// What the call was named; empty if it was not.
    pub name: String,
    /// Empty if it belongs to no run.
    pub run: String,
    /// OK, ERROR, IN_PROGRESS or STATE_UNSPECIFIED.
    pub state: String,
    pub client_request: Option<String>,
    pub started_us: i64,
    /// None while it goes on.
    pub duration_us: Option<i64>,
    /// The beginnings of what went in and came out, as text.
    pub request: Option<String>,
    pub response: Option<String>,
    pub tags: Vec<(String, String)>,
    pub metadata: Vec<(String, String)>,
    /// Objects of JSON, by identifier, in the order in which they were made.
    pub assessments: Vec<(String, String)>,
}

impl Store {
    /// An identifier for a trace whose client chose none.
    pub fn new_trace_id() -> String {
        format!("tr-{}{}", random_name(), random_name())
    }

    /// Keeps a trace, or what is new of one that is there: tags and metadata are added, in place of those of the same names.
    /// Errors: `Plan` for an unknown experiment.
    pub fn put_trace(&self, trace: &Trace) -> Result<()> {
        self.database.write(|transaction| {
            let there = "SELECT EXISTS (SELECT 1 FROM experiments WHERE id = ?1)";
            if !transaction.value::<bool>(there, params![trace.experiment])? {
                return Err(Error::plan(OP, format!("there is no number {} of an experiment", trace.experiment)));
            }
            insert(transaction, trace)
        })
    }

    /// The trace of this identifier.
    pub fn trace(&self, id: &str) -> Result<Option<Trace>> {
        let found = self.database.read(|transaction| {
            let found = transaction.first(&format!("{TRACE} WHERE trace = ?1"), params![id], Trace::of_row)?;
            let Some(mut trace) = found else { return Ok(None) };
            let values = "SELECT name, value FROM trace_values WHERE trace = ?1 AND kind = ?2 ORDER BY name";
            trace.tags = transaction.pairs(values, params![id, "tag"])?;
            trace.metadata = transaction.pairs(values, params![id, "metadata"])?;
            let assessments = "SELECT assessment, body FROM trace_assessments WHERE trace = ?1 ORDER BY created, assessment";
            trace.assessments = transaction.pairs(assessments, params![id])?;
            Ok(Some(trace))
        })?;
        Ok(found.flatten())
    }

    /// All traces of an experiment, newest first.
    pub fn traces(&self, experiment: i64) -> Result<Vec<Trace>> {
        let found = self.database.read(|transaction| {
            let sql = format!("{TRACE} WHERE experiment_id = ?1 ORDER BY started DESC, trace");
            let mut traces = transaction.rows(&sql, params![experiment], Trace::of_row)?;
            let places: std::collections::HashMap<String, usize> =
                traces.iter().enumerate().map(|(place, trace)| (trace.id.clone(), place)).collect();
            let of_experiment = "WHERE trace IN (SELECT trace FROM traces WHERE experiment_id = ?1)";
            let values = format!("SELECT trace, kind, name, value FROM trace_values {of_experiment} ORDER BY trace, kind, name");
            for (id, kind, pair) in transaction.rows(&values, params![experiment], |row| {
                Ok((row.get::<String>(0)?, row.get::<String>(1)?, (row.get::<String>(2)?, row.get::<String>(3)?)))
            })? {
                if let Some(trace) = places.get(&id).and_then(|place| traces.get_mut(*place)) {
                    if kind == "tag" { trace.tags.push(pair) } else { trace.metadata.push(pair) }
                }
            }
            let assessments =
                format!("SELECT trace, assessment, body FROM trace_assessments {of_experiment} ORDER BY created, assessment");
            for (id, pair) in transaction.rows(&assessments, params![experiment], |row| {
                Ok((row.get::<String>(0)?, (row.get::<String>(1)?, row.get::<String>(2)?)))
            })? {
                if let Some(trace) = places.get(&id).and_then(|place| traces.get_mut(*place)) {
                    trace.assessments.push(pair);
                }
            }
            Ok(traces)
        })?;
        Ok(found.unwrap_or_default())
    }

    /// Sets a tag. Errors: `Plan` for an unknown trace.
    pub fn set_trace_tag(&self, id: &str, name: &str, value: &str) -> Result<()> {
        self.database.write(|transaction| {
            check(transaction, id)?;
            set_values(transaction, id, "tag", &[(name.to_owned(), value.to_owned())])
        })
    }

    /// Forgets a tag; false if there was none.
    pub fn remove_trace_tag(&self, id: &str, name: &str) -> Result<bool> {
        let sql = "DELETE FROM trace_values WHERE trace = ?1 AND kind = 'tag' AND name = ?2";
        self.database.write(|transaction| Ok(transaction.execute(sql, params![id, name])? > 0))
    }

    /// Says to which run traces belong. Errors: `Plan` for an unknown run or trace; then none is changed.
    pub fn link_traces(&self, ids: &[String], run: &str) -> Result<()> {
        self.run_start(run)?;
        self.database.write(|transaction| {
            let there = "SELECT EXISTS (SELECT 1 FROM runs WHERE run = ?1)";
            if !transaction.value::<bool>(there, params![run])? {
                return Err(gone(run));
            }
            ids.iter().try_for_each(|id| {
                check(transaction, id)?;
                transaction.execute("UPDATE traces SET run = ?2 WHERE trace = ?1", params![id, run]).map(|_| ())
            })
        })
    }

    /// Keeps an assessment, an object of JSON, in place of one of that identifier. Errors: `Plan` for an unknown trace.
    pub fn put_assessment(&self, id: &str, assessment: &str, body: &str) -> Result<()> {
        self.database.write(|transaction| {
            check(transaction, id)?;
            put_assessment(transaction, id, assessment, body)
        })
    }

    /// Forgets an assessment; false if there was none.
    pub fn remove_assessment(&self, id: &str, assessment: &str) -> Result<bool> {
        let sql = "DELETE FROM trace_assessments WHERE trace = ?1 AND assessment = ?2";
        self.database.write(|transaction| Ok(transaction.execute(sql, params![id, assessment])? > 0))
    }

    /// Forgets traces with their spans; gives how many there were.
    pub fn remove_traces(&self, ids: &[String]) -> Result<usize> {
        self.database.write(|transaction| {
            ids.iter()
                .try_fold(0, |removed, id| Ok(removed + transaction.execute("DELETE FROM traces WHERE trace = ?1", params![id])?))
        })
    }

    /// Keeps a file of a trace. Errors: `Plan` for an unknown trace, and a path that is no relative path of ordinary parts, or with which
    /// a file would be a directory.
    pub fn put_trace_file(&self, id: &str, path: &str, content: &mut dyn Read) -> Result<()> {
        check_path(path)?;
        let staged = self.objects.stage(content, &self.database.owner())?;
        self.database.write(|transaction| {
            check(transaction, id)?;
            Files::Traces.check_free(transaction, id, path)?;
            staged.publish(transaction)?;
            let sql = put("trace_files", &["trace", "path"], &["bytes", "hash"]);
            transaction.execute(&sql, params![id, path, staged.bytes as i64, staged.hash]).map(|_| ())
        })
    }

    /// The files of a trace, by path.
    pub fn trace_files(&self, id: &str) -> Result<Vec<super::ArtifactRecord>> {
        let sql = "SELECT path, bytes FROM trace_files WHERE trace = ?1 ORDER BY path";
        let of_row = |row: &Row<'_>| Ok(super::ArtifactRecord { path: row.get(0)?, bytes: row.get::<i64>(1)? as u64 });
        Ok(self.database.read(|transaction| transaction.rows(sql, params![id], of_row))?.unwrap_or_default())
    }

    /// Where a file of a trace is, not to be changed; None if there is none.
    pub fn trace_file(&self, id: &str, path: &str) -> Result<Option<PathBuf>> {
        check_path(path)?;
        let sql = "SELECT hash FROM trace_files WHERE trace = ?1 AND path = ?2";
        let hash: Option<Vec<String>> =
            self.database.read(|transaction| transaction.rows(sql, params![id, path], |row| row.get(0)))?;
        hash.unwrap_or_default().first().map(|hash| self.objects.path(hash)).transpose()
    }
}

const TRACE: &str =
    "SELECT trace, experiment_id, name, run, state, client_request, started, duration_us, request, response FROM traces";

impl Trace {
    fn of_row(row: &Row<'_>) -> Result<Self> {
        Ok(Trace {
            id: row.get(0)?,
            experiment: row.get(1)?,
            name: row.get(2)?,
            run: row.get(3)?,
            state: row.get(4)?,
            client_request: row.get(5)?,
            started_us: row.get(6)?,
            duration_us: row.get(7)?,
            request: row.get(8)?,
            response: row.get(9)?,
            ..Trace::default()
        })
    }
}

/// Writes a trace, or what is new of one that is there.
pub(super) fn insert(transaction: &Transaction<'_>, trace: &Trace) -> Result<()> {
    let columns = ["experiment_id", "name", "run", "state", "client_request", "started", "duration_us", "request", "response"];
    let values = params![
        trace.id,
        trace.experiment,
        trace.name,
        trace.run,
        trace.state,
        trace.client_request,
        trace.started_us,
        trace.duration_us,
        trace.request,
        trace.response,
    ];
    transaction.execute(&put("traces", &["trace"], &columns), values)?;
    set_values(transaction, &trace.id, "tag", &trace.tags)?;
    set_values(transaction, &trace.id, "metadata", &trace.metadata)?;
    trace.assessments.iter().try_for_each(|(id, body)| put_assessment(transaction, &trace.id, id, body))
}

fn set_values(transaction: &Transaction<'_>, id: &str, kind: &str, values: &[(String, String)]) -> Result<()> {
    let sql = put("trace_values", &["trace", "kind", "name"], &["value"]);
    values.iter().try_for_each(|(name, value)| transaction.execute(&sql, params![id, kind, name, value]).map(|_| ()))
}

/// One that is changed keeps its place.
fn put_assessment(transaction: &Transaction<'_>, id: &str, assessment: &str, body: &str) -> Result<()> {
    let sql = "INSERT INTO trace_assessments (trace, assessment, body, created) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT (trace, assessment) DO UPDATE SET body = excluded.body";
    transaction.execute(sql, params![id, assessment, body, now_us()]).map(|_| ())
}

pub(super) fn check(transaction: &Transaction<'_>, id: &str) -> Result<()> {
    let there = transaction.value("SELECT EXISTS (SELECT 1 FROM traces WHERE trace = ?1)", params![id])?;
    if there { Ok(()) } else { Err(Error::plan(OP, format!("trace with ID '{id}' not found"))) }
}
