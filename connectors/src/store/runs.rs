//! Runs, their parameters and metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::record_batch::RecordBatch;
use gradframe_ml_core::{Error, Result};
use gradframe_plan::ops::run_log::{LogQuery, LogTable};
use gradframe_plan::services::{MetricPoint, NewRun, RunLog, RunOutcome, RunWriter};
use rusqlite::{OptionalExtension, Transaction, params};

use super::database::{Database, store_error};
use super::filters::float_order;
use super::process::{is_gone, this_process};
use super::run_id::new_run_id;
use super::{Store, batches, filters, now_us};

impl RunLog for Store {
    fn start(&self, run: NewRun) -> Result<Arc<dyn RunWriter>> {
        let id = self.database.write(|transaction| {
            let id = unused_id(transaction)?;
            insert_run(transaction, &id, &run).map_err(store_error)?;
            Ok(id)
        })?;
        Ok(Arc::new(OpenRun { database: self.database.clone(), id, ended: AtomicBool::new(false) }))
    }

    fn scan(&self, table: LogTable, query: &LogQuery) -> Result<Vec<RecordBatch>> {
        if table == LogTable::Runs {
            self.fail_abandoned_runs();
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
    /// Marks runs as failed whose process is no more. A reader that may not write only says so in its trace.
    fn fail_abandoned_runs(&self) {
        let failed = self.abandoned_runs().and_then(|runs| match runs.is_empty() {
            true => Ok(()),
            false => self.database.write(|transaction| runs.iter().try_for_each(|run| fail_abandoned(transaction, run))),
        });
        if let Err(error) = failed {
            tracing::warn!(%error, "cannot mark the runs of ended processes as failed");
        }
    }

    fn abandoned_runs(&self) -> Result<Vec<String>> {
        let running = self.database.read(|transaction| {
            let mut statement =
                transaction.prepare("SELECT run, process FROM runs WHERE status = 'running'").map_err(store_error)?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(store_error)?;
            rows.collect::<Result<Vec<(String, String)>, _>>().map_err(store_error)
        })?;
        Ok(running.unwrap_or_default().into_iter().filter(|(_, process)| is_gone(process)).map(|(run, _)| run).collect())
    }
}

fn fail_abandoned(transaction: &Transaction, run: &str) -> Result<()> {
    let why = "the process ended before the run did";
    let sql = "UPDATE runs SET status = 'failed', error = ?2, ended = ?3 WHERE run = ?1 AND status = 'running'";
    transaction.execute(sql, params![run, why, now_us()]).map_err(store_error)?;
    Ok(())
}

fn unused_id(transaction: &Transaction) -> Result<String> {
    let newest: Option<String> =
        transaction.query_row("SELECT max(run) FROM runs", [], |row| row.get(0)).optional().map_err(store_error)?.flatten();
    Ok(new_run_id(now_us(), newest.as_deref()))
}

fn insert_run(transaction: &Transaction, id: &str, run: &NewRun) -> rusqlite::Result<()> {
    transaction.execute(
        "INSERT INTO runs (run, title, status, started, model, seed, reproducible, process)
         VALUES (?1, ?2, 'running', ?3, ?4, ?5, ?6, ?7)",
        params![id, run.title, now_us(), run.model, run.seed as i64, run.reproducible, this_process()],
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
        self.database.append(|transaction| insert_points(transaction, &self.id, points).map_err(store_error))
    }

    fn finish(&self, outcome: RunOutcome) -> Result<()> {
        if self.ended.swap(true, Ordering::AcqRel) {
            return Err(Error::internal("run", format!("`{}` ended twice", self.id)));
        }
        let (status, error) = match outcome {
            RunOutcome::Finished => ("finished", None),
            RunOutcome::Failed(why) => ("failed", Some(why)),
            RunOutcome::Cancelled => ("cancelled", None),
        };
        self.database.write(|transaction| {
            let sql = "UPDATE runs SET status = ?2, error = ?3, ended = ?4 WHERE run = ?1";
            transaction.execute(sql, params![self.id, status, error, now_us()]).map_err(store_error)?;
            Ok(())
        })
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
