//! One run from a store to another: exported into a store of its own, imported from there.

use std::path::Path;

use gradframe_ml_core::{Error, Result};
use rusqlite::Transaction;

use super::Store;
use super::artifacts;
use super::errors::store_error;
use super::rows::rows;

/// Rows of a run, table by table; experiments are found by name, since their numbers are each store's own.
const COPIES: [&str; 12] = [
    "INSERT OR IGNORE INTO main.experiments (experiment, created) SELECT experiment, created FROM other.experiments
     WHERE id = (SELECT experiment_id FROM other.runs WHERE run = ?1)",
    "INSERT OR IGNORE INTO main.texts SELECT * FROM other.texts WHERE hash = (SELECT diff_hash FROM other.runs WHERE run = ?1)",
    "INSERT OR IGNORE INTO main.environments SELECT * FROM other.environments
     WHERE environment = (SELECT environment FROM other.runs WHERE run = ?1)",
    "INSERT INTO main.runs SELECT * FROM other.runs WHERE run = ?1",
    "INSERT INTO main.params SELECT * FROM other.params WHERE run = ?1",
    "INSERT INTO main.tags SELECT * FROM other.tags WHERE run = ?1",
    "INSERT INTO main.chunks (run, name, part, points, data) SELECT run, name, part, points, data FROM other.chunks WHERE run = ?1",
    "INSERT INTO main.latest SELECT * FROM other.latest WHERE run = ?1",
    "INSERT INTO main.artifacts SELECT * FROM other.artifacts WHERE run = ?1",
    "INSERT INTO main.datasets SELECT * FROM other.datasets WHERE run = ?1",
    "INSERT INTO main.dataset_tags SELECT * FROM other.dataset_tags WHERE run = ?1",
    "INSERT INTO main.dataset_files SELECT * FROM other.dataset_files WHERE run = ?1",
];

const EXPERIMENT: &str = "UPDATE main.runs SET experiment_id = (SELECT id FROM main.experiments WHERE experiment =
    (SELECT e.experiment FROM other.experiments AS e JOIN other.runs AS r ON e.id = r.experiment_id WHERE r.run = ?1)) WHERE run = ?1";

impl Store {
    /// Copies an ended run of another store into this one, with its parameters, points and artifacts, all or nothing.
    /// Errors: `Plan` for an unknown run, one that is running, and one that this store has already.
    pub fn copy_run_from(&self, other: &Store, run: &str) -> Result<()> {
        if other.run_start(run)?.status == "running" {
            let what = format!("run `{run}` is still running");
            return Err(Error::plan("run", what).hint("`gradframe runs tail` follows it to its end"));
        }
        if self.run_start(run).is_ok() {
            return Err(Error::plan("run", format!("run `{run}` is in the store already")));
        }
        let contents = self.stage_contents(other, run)?;
        let home = other.home().ok_or_else(|| Error::plan("run", "a store in memory is not copied from"))?;
        self.database.write_beside(&home.join("store.db"), |transaction| {
            contents.iter().try_for_each(artifacts::objects::Staged::publish)?;
            copy_rows(transaction, run).map_err(store_error)
        })
    }

    /// Copies all ended runs of another store that this one lacks; gives their names.
    pub fn copy_runs_from(&self, other: &Store) -> Result<Vec<String>> {
        let mut copied = Vec::new();
        for run in other.ended_runs()? {
            if self.run_start(&run).is_err() {
                self.copy_run_from(other, &run)?;
                copied.push(run);
            }
        }
        Ok(copied)
    }

    /// Forgets a run with all that it has logged. Errors: `Plan` for an unknown run, one that is running, and one that a model
    /// comes from.
    pub fn remove_run(&self, run: &str) -> Result<()> {
        if self.run_start(run)?.status == "running" {
            return Err(Error::plan("run", format!("run `{run}` is still running")));
        }
        self.database.write(|transaction| {
            let model = "SELECT model || '@' || version FROM models WHERE run = ?1";
            let model: Option<String> = transaction.query_row(model, [run], |row| row.get(0)).ok();
            if let Some(model) = model {
                let what = format!("run `{run}` stays: model `{model}` comes from it");
                return Err(Error::plan("run", what).hint("DROP MODEL first"));
            }
            transaction.execute("DELETE FROM runs WHERE run = ?1", [run]).map(|_| ()).map_err(store_error)
        })?;
        self.checkpoints.remove(run);
        Ok(())
    }

    /// Forgets runs and logged models that clients of MLflow have deleted, but for those that a version of a model comes from;
    /// gives the names of the runs.
    pub fn remove_deleted(&self) -> Result<Vec<String>> {
        let removed = self.database.write(|transaction| {
            let logged = "DELETE FROM logged_models WHERE deleted = 1
                          AND logged_model NOT IN (SELECT logged_model FROM models WHERE logged_model IS NOT NULL)";
            transaction.execute(logged, []).map_err(store_error)?;
            let runs = "DELETE FROM runs WHERE deleted = 1 AND status <> 'running' AND run NOT IN (SELECT run FROM models)
                        RETURNING run";
            rows(transaction, runs, &[], |row| row.get(0))
        })?;
        removed.iter().for_each(|run: &String| self.checkpoints.remove(run));
        Ok(removed)
    }

    fn ended_runs(&self) -> Result<Vec<String>> {
        self.bring_runs_up_to_date();
        let runs = self.database.read(|transaction| {
            let sql = "SELECT run FROM runs WHERE status <> 'running' ORDER BY run";
            let mut statement = transaction.prepare(sql).map_err(store_error)?;
            let rows = statement.query_map([], |row| row.get(0)).map_err(store_error)?;
            rows.collect::<Result<Vec<_>, _>>().map_err(store_error)
        })?;
        Ok(runs.unwrap_or_default())
    }

    /// Contents of the run's artifacts, each read whole and found to be what its hash says.
    fn stage_contents(&self, other: &Store, run: &str) -> Result<Vec<artifacts::objects::Staged>> {
        let owner = self.database.owner();
        let hashes = other.database.read(|transaction| artifacts::rows::hashes(transaction, run))?.unwrap_or_default();
        let stage = |hash: &String| {
            let path = other.objects.path(hash)?;
            let staged = self.objects.stage(&mut artifacts::open(&path)?, &owner)?;
            if staged.hash == *hash { Ok(staged) } else { Err(changed(&path)) }
        };
        hashes.iter().map(stage).collect()
    }
}

fn changed(path: &Path) -> Error {
    Error::execution("artifact", format!("`{}` was changed after it was written", path.display()))
}

fn copy_rows(transaction: &Transaction, run: &str) -> rusqlite::Result<()> {
    for sql in COPIES.iter().chain([&EXPERIMENT]) {
        transaction.execute(sql, [run])?;
    }
    Ok(())
}
