//! Runs, their parameters and metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::record_batch::RecordBatch;
use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::Checkpoint;
use gradframe_plan::names::suggest;
use gradframe_plan::ops::run_log::{LogQuery, LogTable};
use gradframe_plan::services::{MetricPoint, NewRun, RunLog, RunOutcome, RunWriter};
use parking_lot::Mutex;
use rusqlite::{ErrorCode, OptionalExtension, Row, Transaction, params};

use super::checkpoints::Checkpoints;
use super::database::Database;
use super::errors::store_error;
use super::filters::float_order;
use super::run_id::new_run_id;
use super::{Store, batches, filters, now_us};

/// Runs among which the nearest name is looked for, newest first.
const SUGGESTED_RUNS_MAX: usize = 100;

impl RunLog for Store {
    fn start(&self, run: NewRun) -> Result<Arc<dyn RunWriter>> {
        self.clean_once();
        let owner = self.database.owner();
        let id = self.database.write(|transaction| {
            let id = unused_id(transaction)?;
            insert_run(transaction, &id, &run, &owner).map_err(store_error)?;
            Ok(id)
        })?;
        Ok(self.opened(id))
    }

    fn checkpoint(&self, run: &str) -> Result<Option<Checkpoint>> {
        // Asked first, so that no text but a run's identifier becomes a path.
        let known = self.database.read(|transaction| status(transaction, run))?.flatten();
        if known.is_some() { self.checkpoints.load(run) } else { Ok(None) }
    }

    fn resume(&self, run: &str, epochs: u64) -> Result<Arc<dyn RunWriter>> {
        self.bring_runs_up_to_date();
        let owner = self.database.owner();
        self.database.write(|transaction| reopen(transaction, run, epochs, &owner))?;
        Ok(self.opened(run.to_owned()))
    }

    fn scan(&self, table: LogTable, query: &LogQuery) -> Result<Vec<RecordBatch>> {
        if table == LogTable::Runs {
            self.bring_runs_up_to_date();
        }
        let schema = match &query.projection {
            None => table.schema(),
            Some(columns) => {
                Arc::new(table.schema().project(columns).map_err(|e| Error::plan("run log", e.to_string()).because(e))?)
            }
        };
        let sql = filters::select(table, query, &schema)?;
        Ok(self.database.read(|transaction| batches::collect(transaction, &sql, &schema))?.unwrap_or_default())
    }
}

impl Store {
    /// A run that is running in this process.
    fn opened(&self, id: String) -> Arc<dyn RunWriter> {
        let (database, unrecorded) = (self.database.clone(), self.unrecorded.clone());
        let checkpoints = Arc::clone(&self.checkpoints);
        Arc::new(OpenRun { database, unrecorded, checkpoints, id, ended: AtomicBool::new(false) })
    }

    /// Before runs are read: those whose process is no more have failed, and ends that could not be written are written.
    /// A reader that may not write only says so in its trace.
    fn bring_runs_up_to_date(&self) {
        self.record_ends();
        match self.database.read(|transaction| abandoned(transaction, &self.database)) {
            Ok(Some(runs)) if !runs.is_empty() => self.clean(),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "cannot tell whether the processes of runs have ended"),
        }
    }

    /// The one run whose identifier begins so. Errors: `Plan` if there is none, with the nearest, or there are several.
    pub fn full_run_name(&self, start: &str) -> Result<String> {
        let found = self.database.read(|transaction| {
            let sql = "SELECT run FROM runs WHERE substr(run, 1, length(?1)) = ?1 ORDER BY run LIMIT 2";
            let mut statement = transaction.prepare_cached(sql).map_err(store_error)?;
            let rows = statement.query_map([start], |row| row.get::<_, String>(0)).map_err(store_error)?;
            rows.collect::<Result<Vec<_>, _>>().map_err(store_error)
        })?;
        match found.unwrap_or_default().as_slice() {
            [] => Err(self.unknown_run(start)?),
            [first, rest @ ..] if rest.is_empty() || first == start => Ok(first.clone()),
            [first, ..] => {
                Err(Error::plan("run", format!("`{start}` begins several runs"))
                    .hint(format!("name one of them, such as {first}")))
            }
        }
    }

    /// What a run was started with. Errors: `Plan` for an unknown run, with the nearest one.
    pub fn run_start(&self, run: &str) -> Result<RunStart> {
        self.bring_runs_up_to_date();
        let found = self.database.read(|transaction| {
            let sql = "SELECT status, seed, statement FROM runs WHERE run = ?1";
            let start =
                |row: &Row| Ok(RunStart { status: row.get(0)?, seed: row.get::<_, i64>(1)? as u64, statement: row.get(2)? });
            transaction.query_row(sql, [run], start).optional().map_err(store_error)
        })?;
        found.flatten().map_or_else(|| Err(self.unknown_run(run)?), Ok)
    }

    fn unknown_run(&self, run: &str) -> Result<Error> {
        let runs = self.database.read(|transaction| {
            let mut statement = transaction.prepare("SELECT run FROM runs ORDER BY run DESC").map_err(store_error)?;
            let rows = statement.query_map([], |row| row.get::<_, String>(0)).map_err(store_error)?;
            rows.collect::<Result<Vec<_>, _>>().map_err(store_error)
        })?;
        let runs = runs.unwrap_or_default();
        let hint = match runs.as_slice() {
            [] => "there are no runs yet".to_owned(),
            runs => suggest(run, runs.iter().map(String::as_str).take(SUGGESTED_RUNS_MAX)),
        };
        Ok(Error::plan("run", format!("unknown run `{run}`")).hint(hint))
    }

    fn record_ends(&self) {
        let mut unrecorded = self.unrecorded.lock();
        if unrecorded.is_empty() {
            return;
        }
        match self.database.write(|transaction| unrecorded.iter().try_for_each(|end| end.record(transaction))) {
            Ok(()) => unrecorded.clear(),
            Err(error) => tracing::warn!(%error, "cannot record how runs have ended"),
        }
    }
}

/// What a run was started with, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunStart {
    /// running, finished, failed or cancelled
    pub status: String,
    pub seed: u64,
    /// None for a training on a frame, and for runs of builds that did not keep it.
    pub statement: Option<String>,
}

/// Marks runs as failed whose process is no more.
pub(super) fn fail_abandoned(transaction: &Transaction, database: &Database) -> Result<()> {
    for run in abandoned(transaction, database)? {
        let why = "the process ended before the run did";
        let end = RunEnd { run, status: "failed", error: Some(why.into()), ended_us: now_us() };
        end.record(transaction)?;
    }
    Ok(())
}

/// Running runs of processes that are gone.
pub(super) fn abandoned(transaction: &Transaction, database: &Database) -> Result<Vec<String>> {
    let running = "SELECT run, process FROM runs WHERE status = 'running'";
    let mut statement = transaction.prepare_cached(running).map_err(store_error)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(store_error)?;
    let running = rows.collect::<Result<Vec<(String, String)>, _>>().map_err(store_error)?;
    Ok(running.into_iter().filter(|(_, process)| database.is_gone(process)).map(|(run, _)| run).collect())
}

/// How and when a run ended.
#[derive(Debug)]
pub(super) struct RunEnd {
    run: String,
    status: &'static str,
    error: Option<String>,
    ended_us: i64,
}

impl RunEnd {
    fn now(run: &str, outcome: RunOutcome) -> Self {
        let (status, error) = match outcome {
            RunOutcome::Finished => ("finished", None),
            RunOutcome::Failed(why) => ("failed", Some(why)),
            RunOutcome::Cancelled => ("cancelled", None),
        };
        RunEnd { run: run.to_owned(), status, error, ended_us: now_us() }
    }

    fn record(&self, transaction: &Transaction) -> Result<()> {
        let sql = "UPDATE runs SET status = ?2, error = ?3, ended = ?4 WHERE run = ?1 AND status = 'running'";
        transaction.execute(sql, params![self.run, self.status, self.error, self.ended_us]).map_err(store_error)?;
        Ok(())
    }
}

fn status(transaction: &Transaction, run: &str) -> Result<Option<String>> {
    let sql = "SELECT status FROM runs WHERE run = ?1";
    transaction.query_row(sql, [run], |row| row.get(0)).optional().map_err(store_error)
}

/// Marks an interrupted run as running under a new owner, its points after `epochs` removed.
fn reopen(transaction: &Transaction, run: &str, epochs: u64, owner: &str) -> Result<()> {
    match status(transaction, run)?.as_deref() {
        Some("failed" | "cancelled") => {}
        Some(status) => return Err(Error::plan("run", format!("`{run}` is {status}, only an interrupted run can go on"))),
        None => return Err(Error::plan("run", format!("there is no run `{run}`")).hint("gradframe runs ls lists them")),
    }
    let reopen = "UPDATE runs SET status = 'running', error = NULL, ended = NULL, process = ?2 WHERE run = ?1";
    transaction.execute(reopen, params![run, owner]).map_err(store_error)?;
    let forget = "DELETE FROM metrics WHERE run = ?1 AND epoch > ?2";
    transaction.execute(forget, params![run, epochs as i64]).map_err(store_error)?;
    Ok(())
}

fn unused_id(transaction: &Transaction) -> Result<String> {
    let newest: Option<String> =
        transaction.query_row("SELECT max(run) FROM runs", [], |row| row.get(0)).optional().map_err(store_error)?.flatten();
    Ok(new_run_id(now_us(), newest.as_deref()))
}

fn insert_run(transaction: &Transaction, id: &str, run: &NewRun, owner: &str) -> rusqlite::Result<()> {
    transaction.execute(
        "INSERT INTO runs (run, title, status, started, model, seed, reproducible, process, statement)
         VALUES (?1, ?2, 'running', ?3, ?4, ?5, ?6, ?7, ?8)",
        params![id, run.title, now_us(), run.model, run.seed as i64, run.reproducible, owner, run.statement],
    )?;
    let mut insert = transaction.prepare("INSERT INTO params (run, name, value) VALUES (?1, ?2, ?3)")?;
    for (name, value) in &run.params {
        insert.execute(params![id, name, value])?;
    }
    Ok(())
}

/// A run that goes on.
#[derive(Debug)]
struct OpenRun {
    database: Arc<Database>,
    unrecorded: Arc<Mutex<Vec<RunEnd>>>,
    checkpoints: Arc<Checkpoints>,
    id: String,
    ended: AtomicBool,
}

impl RunWriter for OpenRun {
    fn id(&self) -> &str {
        &self.id
    }

    fn log(&self, points: &[MetricPoint]) -> Result<()> {
        if self.ended.load(Ordering::Acquire) {
            return Err(Error::internal("run", format!("`{}` has ended and takes no more metrics", self.id)));
        }
        self.database.append(|transaction| insert_points(transaction, &self.id, points).map_err(|error| self.explain(error)))
    }

    fn checkpoint(&self, checkpoint: &Checkpoint) -> Result<()> {
        self.checkpoints.save(&self.id, checkpoint)
    }

    fn finish(&self, outcome: RunOutcome) -> Result<()> {
        if self.ended.swap(true, Ordering::AcqRel) {
            return Err(Error::internal("run", format!("`{}` ended twice", self.id)));
        }
        let finished = outcome == RunOutcome::Finished;
        let end = RunEnd::now(&self.id, outcome);
        let recorded = self.database.write(|transaction| end.record(transaction));
        if recorded.is_err() {
            // A full disk may have room again when somebody asks for the run.
            self.unrecorded.lock().push(end);
        } else if finished {
            self.checkpoints.remove(&self.id);
        }
        recorded
    }
}

impl OpenRun {
    fn explain(&self, error: rusqlite::Error) -> Error {
        match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => {
                Error::external("run", format!("`{}` is no longer in the store", self.id)).because(error)
            }
            _ => store_error(error),
        }
    }
}

impl Drop for OpenRun {
    fn drop(&mut self) {
        if *self.ended.get_mut() {
            return;
        }
        if let Err(error) = self.finish(RunOutcome::Failed("the run was dropped before it ended".into())) {
            tracing::warn!(%error, run = self.id, "cannot mark a dropped run as failed");
        }
    }
}

fn insert_points(transaction: &Transaction, run: &str, points: &[MetricPoint]) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO metrics (run, name, step, epoch, value, value_order, time) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let time = now_us();
    for point in points {
        insert.execute(params![run, point.name, point.step, point.epoch, point.value, float_order(point.value), time])?;
    }
    Ok(())
}
