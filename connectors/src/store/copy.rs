//! One run from a store to another: exported into a store of its own, imported from there, moved to a server.

use std::path::Path;

use gradframe_ml_core::{Error, Result};
use gradframe_plan::ops::run_log::{LogFilter, LogQuery};

use super::Store;
use super::artifacts;
use super::copy_checks::{check_hash, check_rows, check_run};
use super::copy_traces::CopiedTraces;
use super::places::{COMES_FROM_LOGGED, COMES_FROM_RUN, version_from_run};
use super::points::read::Unfolded;
use super::points::{Points, fold};
use super::sql::{Row, ToValue, Transaction, Value, params};

/// The tag of a run that says how the program was started that has logged it: an object of JSON.
pub const PROGRAM_TAG: &str = "system/program";
/// What of it holds in the store alone into which the program has logged.
const OF_THIS_STORE: &str = "machine";

/// Rows of a run, by table, each with its columns.
const TABLES: [(&str, &str); 9] = [
    ("params", "run, name, value"),
    ("tags", "run, name, value"),
    ("chunks", "run, name, part, points, data"),
    ("latest", "run, name, step, epoch, value_order, time, points, min_order, max_order"),
    ("artifacts", "run, path, kind, step, bytes, hash, created"),
    ("datasets", "run, role, name, digest, kind, source, schema, profile, rows"),
    ("dataset_tags", "run, dataset, digest, name, value"),
    ("dataset_files", "run, role, path, bytes, modified, version, hash"),
    ("batches", "run, batch_rows, rows, key"),
];

/// The run itself; experiments are found by name, since their numbers are each store's own.
const RUN: &str = "run, title, status, started, ended, model, reproducible, error, process, statement, \"commit\", diff_hash,
                   environment, seed, deleted";

const IS_RUN: &str = "SELECT EXISTS (SELECT 1 FROM runs WHERE run = ?1)";

/// All that a store knows of a run.
#[derive(Debug)]
struct CopiedRun {
    experiment: Vec<Values>,
    diff: Vec<Values>,
    environment: Vec<Values>,
    run: Vec<Values>,
    /// In the order of [`TABLES`].
    rows: Vec<Vec<Values>>,
    /// What is in segments still: a process that has a copy of one keeps it from being folded.
    unfolded: Points,
    traces: CopiedTraces,
    /// The hashes of all contents that these rows name.
    contents: Vec<String>,
}

/// The values of a row.
pub(super) type Values = Vec<Value>;

impl Store {
    /// Copies an ended run of another store into this one, with its parameters, points, artifacts and traces, all or nothing.
    /// Errors: `Plan` for an unknown run, one that is running, and one that this store has already; `Execution` for one that is damaged,
    /// and one whose names would lead out of the store.
    pub fn copy_run_from(&self, other: &Store, run: &str) -> Result<()> {
        check_run(run)?;
        if other.run_start(run)?.status == "running" {
            return Err(is_running(run));
        }
        if self.run_start(run).is_ok() {
            return Err(is_there(run));
        }
        self.clean_once();
        let copied = other.database.read(|transaction| {
            // Before the database: what is folded in between is known there.
            let unfolded = other.segments.unfolded(&of_run(run))?;
            CopiedRun::read(transaction, run, &unfolded)
        })?;
        let copied = copied.filter(|copied| !copied.run.is_empty());
        let copied = copied.ok_or_else(|| Error::external("run", format!("`{run}` went away while it was copied")))?;
        copied.check()?;
        let contents = self.stage_contents(other, &copied.contents)?;
        self.database.write(|transaction| {
            // Another process may have copied it meanwhile.
            if transaction.value(IS_RUN, params![run])? {
                return Err(is_there(run));
            }
            contents.iter().try_for_each(|content| content.publish(transaction))?;
            copied.write(transaction)
        })
    }

    /// Copies all ended runs of another store that this one lacks; gives their names. One that cannot be copied for what it is keeps no
    /// other from it. Errors: as for [`Store::copy_run_from`], naming the run, once all others have been copied; `External` and `Resources`
    /// at once.
    pub fn copy_runs_from(&self, other: &Store) -> Result<Vec<String>> {
        let (mut copied, mut refused) = (Vec::new(), Vec::new());
        for run in other.ended_runs()? {
            if self.run_start(&run).is_ok() {
                continue;
            }
            match self.copy_run_from(other, &run) {
                Ok(()) => copied.push(run),
                Err(error) if ["External", "Resources"].contains(&error.kind()) => {
                    return Err(error.inside(&format!("run `{run}`")));
                }
                Err(error) => refused.push((run, error)),
            }
        }
        if refused.is_empty() { Ok(copied) } else { Err(left_behind(copied.len(), &refused)) }
    }

    /// Forgets a run with all that it has logged. Errors: `Plan` for an unknown run, one that is running, and one that a model
    /// comes from.
    pub fn remove_run(&self, run: &str) -> Result<()> {
        self.run_start(run)?;
        self.database.write(|transaction| {
            // It may have gone on meanwhile.
            let runs = "SELECT EXISTS (SELECT 1 FROM runs WHERE run = ?1 AND status = 'running')";
            if transaction.value(runs, params![run])? {
                return Err(is_running(run));
            }
            if let Some(model) = version_from_run(transaction, run)? {
                let what = format!("run `{run}` stays: model `{model}` comes from it");
                return Err(Error::plan("run", what).hint("DROP MODEL first"));
            }
            transaction.execute("DELETE FROM runs WHERE run = ?1", params![run]).map(|_| ())
        })?;
        self.checkpoints.remove(run);
        Ok(())
    }

    /// Forgets runs and logged models that clients of MLflow have deleted, but for those that a version of a model comes from;
    /// gives the names of the runs.
    pub fn remove_deleted(&self) -> Result<Vec<String>> {
        let removed = self.database.write(|transaction| {
            let logged = format!(
                "DELETE FROM logged_models WHERE deleted = 1 AND NOT EXISTS (SELECT 1 FROM models AS m WHERE {COMES_FROM_LOGGED})"
            );
            transaction.execute(&logged, params![])?;
            // What belongs to no process and is deleted takes nothing any more, though nobody may have ended it.
            let runs = format!(
                "DELETE FROM runs WHERE deleted = 1 AND (status <> 'running' OR process = '')
                 AND NOT EXISTS (SELECT 1 FROM models AS m WHERE {COMES_FROM_RUN}) RETURNING run"
            );
            transaction.rows(&runs, params![], |row| row.get(0))
        })?;
        removed.iter().for_each(|run: &String| self.checkpoints.remove(run));
        Ok(removed)
    }

    fn ended_runs(&self) -> Result<Vec<String>> {
        self.bring_runs_up_to_date();
        let runs = self.database.read(|transaction| {
            let sql = "SELECT run FROM runs WHERE status <> 'running' ORDER BY run";
            transaction.rows(sql, params![], |row| row.get(0))
        })?;
        Ok(runs.unwrap_or_default())
    }

    /// Contents of artifacts, each read whole and found to be what its hash says.
    fn stage_contents(&self, other: &Store, hashes: &[String]) -> Result<Vec<artifacts::objects::Staged>> {
        let owner = self.database.owner();
        let stage = |hash: &String| {
            check_hash(hash)?;
            let path = other.objects.path(hash)?;
            let staged = self.objects.stage(&mut artifacts::open(&path)?, &owner)?;
            if staged.hash == *hash { Ok(staged) } else { Err(changed(&path)) }
        };
        hashes.iter().map(stage).collect()
    }
}

fn is_there(run: &str) -> Error {
    Error::plan("run", format!("run `{run}` is in the store already"))
}

fn is_running(run: &str) -> Error {
    Error::plan("run", format!("run `{run}` is still running")).hint("`gradframe runs tail` follows it to its end")
}

/// What is said of runs that could not be copied, beside those that were.
fn left_behind(copied: usize, refused: &[(String, Error)]) -> Error {
    let whys: Vec<String> =
        refused.iter().map(|(run, error)| format!("run `{run}` was not taken in: {}", error.detail().what)).collect();
    Error::execution("import", format!("{}; all {copied} others that were new were", whys.join("; ")))
}

fn of_run(run: &str) -> LogQuery {
    LogQuery { filters: vec![LogFilter::Eq("run".into(), run.into())], ..LogQuery::default() }
}

fn changed(path: &Path) -> Error {
    Error::execution("artifact", format!("`{}` was changed after it was written", path.display()))
}

impl CopiedRun {
    fn read(transaction: &Transaction<'_>, run: &str, unfolded: &Unfolded) -> Result<Self> {
        let of_run = |columns: &str, table: &str| {
            rows_of(transaction, &format!("SELECT {columns} FROM {table} WHERE run = ?1"), columns, run)
        };
        let one_of = |sql: &str, columns: usize| transaction.rows(sql, params![run], |row| values(row, columns));
        Ok(CopiedRun {
            experiment: one_of(
                "SELECT experiment, created FROM experiments WHERE id = (SELECT experiment_id FROM runs WHERE run = ?1)",
                2,
            )?,
            diff: one_of("SELECT hash, body FROM texts WHERE hash = (SELECT diff_hash FROM runs WHERE run = ?1)", 2)?,
            environment: one_of(
                "SELECT environment, kind, name, value FROM environments
                 WHERE environment = (SELECT environment FROM runs WHERE run = ?1)",
                4,
            )?,
            run: of_run(RUN, "runs")?,
            rows: TABLES
                .iter()
                .map(|(table, columns)| {
                    let mut rows = of_run(columns, table)?;
                    if *table == "tags" {
                        rows.iter_mut().for_each(forget_machine);
                    }
                    Ok(rows)
                })
                .collect::<Result<_>>()?,
            unfolded: unfolded.points(transaction)?,
            traces: CopiedTraces::read(transaction, run)?,
            contents: artifacts::rows::hashes(transaction, run)?,
        })
    }

    fn check(&self) -> Result<()> {
        // It may have gone on since it was asked for.
        if let Some([Value::Text(run), _, Value::Text(status), ..]) = self.run.first().map(Vec::as_slice)
            && status == "running"
        {
            return Err(is_running(run));
        }
        TABLES.iter().zip(&self.rows).try_for_each(|((table, _), rows)| check_rows(table, rows))?;
        self.traces.check()
    }

    fn write(&self, transaction: &Transaction<'_>) -> Result<()> {
        insert(transaction, "experiments", "experiment, created", &self.experiment, true)?;
        insert(transaction, "texts", "hash, body", &self.diff, true)?;
        insert(transaction, "environments", "environment, kind, name, value", &self.environment, true)?;
        insert(transaction, "runs", RUN, &self.run, false)?;
        let experiment = "UPDATE runs SET experiment_id = (SELECT id FROM experiments WHERE experiment = ?2) WHERE run = ?1";
        if let (Some(run), Some(of)) = (self.run.first(), self.experiment.first()) {
            transaction.execute(experiment, params![run[0], of[0]])?;
        }
        let rows = TABLES.iter().zip(&self.rows);
        rows.into_iter().try_for_each(|((table, columns), rows)| insert(transaction, table, columns, rows, false))?;
        fold::insert(transaction, &self.unfolded)?;
        self.traces.write(transaction)
    }
}

/// Of a tag that says how a program was started: a run that came from elsewhere must not be taken for one of this machine.
fn forget_machine(tag: &mut Values) {
    let [_, Value::Text(name), Value::Text(value)] = tag.as_mut_slice() else { return };
    if name == PROGRAM_TAG
        && let Ok(mut said) = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(value)
    {
        said.remove(OF_THIS_STORE);
        *value = serde_json::Value::Object(said).to_string();
    }
}

fn count(columns: &str) -> usize {
    columns.split(',').count()
}

fn values(row: &Row<'_>, columns: usize) -> Result<Values> {
    (0..columns).map(|column| row.get(column)).collect()
}

/// The rows of a query about a run that gives these columns.
pub(super) fn rows_of(transaction: &Transaction<'_>, sql: &str, columns: &str, run: &str) -> Result<Vec<Values>> {
    transaction.rows(sql, params![run], |row| values(row, count(columns)))
}

/// Adds rows of these columns to a table.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    table: &str,
    columns: &str,
    rows: &[Values],
    may_be_there: bool,
) -> Result<()> {
    let places = (1..=count(columns)).map(|i| format!("?{i}")).collect::<Vec<_>>().join(", ");
    let conflict = if may_be_there { " ON CONFLICT DO NOTHING" } else { "" };
    let sql = format!("INSERT INTO {table} ({columns}) VALUES ({places}){conflict}");
    for row in rows {
        let values: Vec<&dyn ToValue> = row.iter().map(|value| value as &dyn ToValue).collect();
        transaction.execute(&sql, &values)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use gradframe_plan::ops::run_log::LogTable;
    use gradframe_plan::services::{MetricRow, NewRun, RunLog, RunOutcome, RunWriter};

    use super::super::open_run::OpenRun;
    use super::*;

    #[test]
    fn a_run_is_copied_with_points_that_are_in_a_segment_still() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (from, to) = (Store::open(here.path().into()).unwrap(), Store::open(there.path().into()).unwrap());
        let run = from.create_run(0, &NewRun::default(), None).unwrap();
        let [writer, other] = [0, 1].map(|_| OpenRun::detached(run.clone(), from.run_place()));
        let log = |to: &OpenRun, step| {
            to.log_rows(&[MetricRow { step, epoch: None, time_us: Some(step), values: &[("loss", 0.5)] }]).unwrap();
        };
        (0..5).for_each(|step| log(&writer, step));
        (5..8).for_each(|step| log(&other, step));
        writer.finish(RunOutcome::Finished).unwrap();

        to.copy_run_from(&from, &run).unwrap();
        for table in [LogTable::Metrics, LogTable::Latest] {
            let rows = |store: &Store| store.scan(table, &of_run(&run)).unwrap();
            assert_eq!(rows(&to), rows(&from), "{}", table.name());
        }
        assert_eq!(to.scan(LogTable::Metrics, &of_run(&run)).unwrap()[0].num_rows(), 8);
    }
}
