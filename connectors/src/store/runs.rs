//! Runs: begun, resumed, looked for, and what their tables say.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::Checkpoint;
use gradframe_plan::names::suggest;
use gradframe_plan::ops::run_log::{LogQuery, LogTable};
use gradframe_plan::services::{LogPages, NewRun, OnePage, RunLog, RunWriter};

use super::database::{Database, Patience};
use super::ends::Ends;
use super::open_run::OpenRun;
use super::outbox::RunOutbox;
use super::points::fold::{Folded, fold_all_of_run, forget_after};
use super::points::read::{self, MetricPages, Unfolded};
use super::points::segments::Segments;
use super::postgres::is_away;
use super::run_end::RunEnd;
use super::run_id::new_run_id;
use super::run_rows::insert_run;
use super::sql::{Row, Transaction, params};
use super::{Store, batches, filters, now_us};
use crate::{notices, surroundings};

/// Runs among which the nearest name is looked for, newest first.
const SUGGESTED_RUNS_MAX: usize = 100;

impl RunLog for Store {
    fn start(&self, mut run: NewRun) -> Result<Arc<dyn RunWriter>> {
        if run.environment.is_empty() {
            run.environment = surroundings::environment().clone();
        }
        let mut chosen = None;
        let begun = self.database.write_with(Patience::Brief, |transaction| {
            let id = chosen.insert(unused_id(transaction)?);
            // Asked for here: a store that is refused gets no file that says who writes.
            insert_run(transaction, id, &run, &self.database.owner())?;
            Ok(id.clone())
        });
        match (begun, &self.outbox) {
            (Err(error), Some(outbox)) if is_away(&error) => {
                let params = run.params.clone();
                let journal = outbox.begin(chosen, run, &self.database.owner(), &error)?;
                let id = journal.run().to_owned();
                let outbox = RunOutbox::begun(Arc::clone(outbox), journal, params);
                Ok(Arc::new(OpenRun::owned(id, self.run_place(), Some(outbox))))
            }
            (begun, _) => {
                let id = begun?;
                self.clean_once();
                Ok(self.opened(id, run.params))
            }
        }
    }

    fn checkpoint(&self, run: &str) -> Result<Option<Checkpoint>> {
        // Asked first, so that no text but a run's identifier becomes a path.
        let known = self.database.read(|transaction| status(transaction, run))?.flatten();
        if known.is_some() { self.checkpoints.load(run) } else { Ok(None) }
    }

    fn resume(&self, run: &str, epochs: u64, batches: u64) -> Result<Arc<dyn RunWriter>> {
        self.bring_runs_up_to_date();
        let owner = self.database.owner();
        let folded = self.database.write(|transaction| reopen(transaction, &self.segments, run, (epochs, batches), &owner))?;
        folded.remove_from(&self.segments);
        Ok(self.opened(run.to_owned(), BTreeMap::new()))
    }

    fn scan(&self, table: LogTable, query: &LogQuery) -> Result<Vec<RecordBatch>> {
        if table == LogTable::Runs {
            self.bring_runs_up_to_date();
        }
        match table {
            LogTable::Metrics => self.scan_points(query, read::metrics),
            LogTable::Latest => self.scan_points(query, read::latest),
            _ => {
                let schema = selected(table, query)?;
                let sql = filters::select(table, query, &schema)?;
                Ok(self.database.read(|transaction| batches::collect(transaction, &sql, &schema))?.unwrap_or_default())
            }
        }
    }

    fn pages(self: Arc<Self>, table: LogTable, query: &LogQuery) -> Result<Box<dyn LogPages>> {
        if table != LogTable::Metrics {
            return Ok(Box::new(OnePage(Some(self.scan(table, query)?))));
        }
        let pages = MetricPages::new(query.clone(), self.segments.unfolded(query)?);
        Ok(Box::new(Pages { store: self, pages }))
    }
}

/// The columns that a query asks for.
pub(super) fn selected(table: LogTable, query: &LogQuery) -> Result<SchemaRef> {
    let Some(columns) = &query.projection else { return Ok(table.schema()) };
    let selected = table.schema().project(columns).map_err(|e| Error::plan("run log", e.to_string()).because(e))?;
    Ok(Arc::new(selected))
}

type ReadPoints = fn(&Transaction, &LogQuery, Unfolded) -> Result<Vec<RecordBatch>>;

/// The rows of `metrics`, read as they are asked for.
struct Pages {
    store: Arc<Store>,
    pages: MetricPages,
}

impl LogPages for Pages {
    fn next(&mut self) -> Result<Option<Vec<RecordBatch>>> {
        Ok(self.store.database.read_once(|transaction| self.pages.next(transaction))?.flatten())
    }
}

impl Store {
    /// A run that is running in this process, of which these parameters are known.
    fn opened(&self, id: String, params: BTreeMap<String, String>) -> Arc<dyn RunWriter> {
        let outbox = self.outbox.as_ref().map(|outbox| RunOutbox::new(Arc::clone(outbox), id.clone(), params));
        Arc::new(OpenRun::owned(id, self.run_place(), outbox))
    }

    /// Gives the rows of `metrics` that a query asks for to `look`, some at a time.
    pub(crate) fn each_metrics(&self, query: &LogQuery, mut look: impl FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
        let mut pages = MetricPages::new(query.clone(), self.segments.unfolded(query)?);
        while let Some(batches) = self.database.read_once(|transaction| pages.next(transaction))?.flatten() {
            batches.iter().try_for_each(&mut look)?;
        }
        Ok(())
    }

    fn scan_points(&self, query: &LogQuery, read: ReadPoints) -> Result<Vec<RecordBatch>> {
        let read = |transaction: &Transaction| {
            // Before the database, which is looked at by the first statement: what is folded in between is known there.
            let unfolded = self.segments.unfolded(query)?;
            read(transaction, query, unfolded)
        };
        Ok(self.database.read(read)?.unwrap_or_default())
    }

    /// Before runs are read: those whose process is no more have failed, and ends that could not be written are written.
    /// A reader that may not write only says so in its trace.
    pub(super) fn bring_runs_up_to_date(&self) {
        if let Err(error) = self.send_waiting() {
            tracing::warn!(%error, "cannot send what has waited for the store");
        }
        self.run_place().record_ends();
        match self.database.read(|transaction| abandoned(transaction, &self.database)) {
            Ok(Some(runs)) if !runs.is_empty() => self.clean(),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "cannot tell whether the processes of runs have ended"),
        }
    }

    /// The one run whose identifier begins so. Errors: `Plan` if there is none, with the nearest, or there are several.
    pub fn full_run_name(&self, start: &str) -> Result<String> {
        self.bring_runs_up_to_date();
        let found = self.database.read(|transaction| {
            let sql = "SELECT run FROM runs WHERE substr(run, 1, length(?1)) = ?1 ORDER BY run LIMIT 2";
            transaction.rows(sql, params![start], |row| row.get::<String>(0))
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
            let start = |row: &Row| {
                Ok(RunStart {
                    status: row.get(0)?,
                    seed: row.get::<Option<i64>>(1)?.map(|bits| bits as u64),
                    statement: row.get(2)?,
                })
            };
            transaction.first(sql, params![run], start)
        })?;
        found.flatten().map_or_else(|| Err(self.unknown_run(run)?), Ok)
    }

    fn unknown_run(&self, run: &str) -> Result<Error> {
        let runs = self.database.read(|transaction| {
            transaction.rows("SELECT run FROM runs ORDER BY run DESC", params![], |row| row.get::<String>(0))
        })?;
        let runs = runs.unwrap_or_default();
        let hint = match runs.as_slice() {
            [] => "there are no runs yet".to_owned(),
            runs => suggest(run, runs.iter().map(String::as_str).take(SUGGESTED_RUNS_MAX)),
        };
        Ok(Error::plan("run", format!("unknown run `{run}`")).hint(hint))
    }

    /// Sends runs that have begun while the store was away; true if none is left. Errors: `External` if it still is away.
    pub(super) fn send_waiting(&self) -> Result<bool> {
        let Some(outbox) = &self.outbox else { return Ok(true) };
        outbox.send_all().inspect_err(|error| {
            if !is_away(error) {
                notices::tell(&format!("a run that has begun without the store cannot be sent to it: {error}"));
            }
        })
    }
}

/// What a run was started with, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunStart {
    /// running, finished, failed or cancelled
    pub status: String,
    pub seed: Option<u64>,
    /// None for a training on a frame, and for runs of builds that did not keep it.
    pub statement: Option<String>,
}

/// Ends runs whose process is no more, as it has left word, else as failed; and folds what they have logged. Gives their names.
pub(super) fn end_abandoned(
    transaction: &Transaction,
    database: &Database,
    segments: &Segments,
    ends: &Ends,
) -> Result<(Vec<String>, Folded)> {
    let runs = abandoned(transaction, database)?;
    let left = |(run, process): &(String, String)| ends.left_of(run).filter(|end| end.is_of(process));
    let ended: Vec<RunEnd> = runs.iter().map(|run| left(run).unwrap_or_else(|| RunEnd::abandoned(run.0.clone()))).collect();
    let folded = record(transaction, segments, ended.iter())?;
    Ok((runs.into_iter().map(|(run, _)| run).collect(), folded))
}

pub(super) fn record<'e>(
    transaction: &Transaction,
    segments: &Segments,
    ends: impl Iterator<Item = &'e RunEnd>,
) -> Result<Folded> {
    let mut all = Folded::default();
    for end in ends {
        all = all.and(end.record(transaction, segments)?.1);
    }
    Ok(all)
}

/// Running runs of processes that are gone, each with its process.
pub(super) fn abandoned(transaction: &Transaction, database: &Database) -> Result<Vec<(String, String)>> {
    let running = "SELECT run, process FROM runs WHERE status = 'running'";
    let running = transaction.pairs(running, params![])?;
    Ok(running.into_iter().filter(|(_, process)| database.is_gone(process)).collect())
}

fn status(transaction: &Transaction, run: &str) -> Result<Option<String>> {
    let sql = "SELECT status FROM runs WHERE run = ?1";
    transaction.first(sql, params![run], |row| row.get(0))
}

/// Marks an interrupted run as running under a new owner, its points after so many epochs and batches removed.
fn reopen(transaction: &Transaction, segments: &Segments, run: &str, kept: (u64, u64), owner: &str) -> Result<Folded> {
    match status(transaction, run)?.as_deref() {
        Some("failed" | "cancelled") => {}
        Some(status) => return Err(Error::plan("run", format!("`{run}` is {status}, only an interrupted run can go on"))),
        None => return Err(Error::plan("run", format!("there is no run `{run}`")).hint("gradframe runs ls lists them")),
    }
    let reopen = "UPDATE runs SET status = 'running', error = NULL, ended = NULL, process = ?2 WHERE run = ?1";
    transaction.execute(reopen, params![run, owner])?;
    let folded = fold_all_of_run(transaction, segments, run)?;
    forget_after(transaction, run, kept)?;
    Ok(folded)
}

pub(super) fn unused_id(transaction: &Transaction) -> Result<String> {
    let newest: Option<String> = transaction.value("SELECT max(run) FROM runs", params![])?;
    Ok(new_run_id(now_us(), newest.as_deref()))
}
