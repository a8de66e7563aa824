//! Runs and experiments as a tracking server keeps them: owned by no process, named by their clients, deleted softly.

use std::io::Read;
use std::sync::Arc;

use gradframe_ml_core::{Error, Result};
use gradframe_plan::services::{NewArtifact, NewRun, RunWriter};

use super::artifacts::{check_path, rows};
use super::open_run::OpenRun;
use super::points::fold::fold_run;
use super::run_id::new_run_id;
use super::sql::{Row, ToValue, Transaction, params, put};
use super::{Store, now_us, run_rows};

/// An experiment: what runs belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Experiment {
    pub id: i64,
    pub name: String,
    pub created_us: i64,
    pub deleted: bool,
    pub tags: Vec<(String, String)>,
}

/// A run without its metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    pub run: String,
    pub title: String,
    /// running, finished, failed or cancelled
    pub status: String,
    pub experiment: i64,
    pub started_us: i64,
    pub ended_us: Option<i64>,
    pub deleted: bool,
    pub params: Vec<(String, String)>,
    pub tags: Vec<(String, String)>,
}

/// An artifact of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactRecord {
    pub path: String,
    pub bytes: u64,
}

/// Changes to a run; None leaves as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct RunChanges<'a> {
    pub title: Option<&'a str>,
    /// running, finished, failed or cancelled
    pub status: Option<&'a str>,
    pub started_us: Option<i64>,
    pub ended_us: Option<i64>,
    pub deleted: Option<bool>,
}

impl Store {
    /// Makes an experiment. Errors: `Plan` if the name is taken or empty.
    pub fn create_experiment(&self, name: &str, tags: &[(String, String)]) -> Result<i64> {
        self.database.write(|transaction| {
            if let Some(found) = find_experiment(transaction, "experiment = ?1", &name)? {
                return Err(is_there(&found));
            }
            let id = run_rows::experiment_id(transaction, name)?;
            set_experiment_tags(transaction, id, tags)?;
            Ok(id)
        })
    }

    /// The number of an experiment, which is made if there is none of this name.
    pub fn experiment_number(&self, name: &str) -> Result<i64> {
        self.database.write(|transaction| run_rows::experiment_id(transaction, name))
    }

    /// All experiments, deleted ones among them, in the order in which they were made.
    pub fn experiments(&self) -> Result<Vec<Experiment>> {
        let read = |transaction: &Transaction| -> Result<Vec<Experiment>> {
            let sql = "SELECT id, experiment, created, deleted FROM experiments ORDER BY id";
            let mut found = transaction.rows(sql, params![], of_row)?;
            for experiment in &mut found {
                experiment.tags = experiment_tags(transaction, experiment.id)?;
            }
            Ok(found)
        };
        match self.database.read(read)? {
            Some(found) => Ok(found),
            // A store has the default one before anything is logged.
            None => self.database.write(read),
        }
    }

    /// Renames, deletes or restores an experiment, or sets its tags. Errors: `Plan` if there is none, or the name is taken.
    pub fn change_experiment(&self, id: i64, name: Option<&str>, deleted: Option<bool>, tags: &[(String, String)]) -> Result<()> {
        self.database.write(|transaction| {
            let found = find_experiment(transaction, "id = ?1", &id)?;
            let Some(experiment) = found else { return Err(Error::plan("experiment", format!("there is no number {id}"))) };
            let name = name.unwrap_or(&experiment.name);
            let found = if name == experiment.name { None } else { find_experiment(transaction, "experiment = ?1", &name)? };
            if let Some(found) = found {
                return Err(is_there(&found));
            }
            let sql = "UPDATE experiments SET experiment = ?2, deleted = ?3 WHERE id = ?1";
            transaction.execute(sql, params![id, name, deleted.unwrap_or(experiment.deleted)])?;
            set_experiment_tags(transaction, id, tags)
        })
    }

    /// Begins a run that belongs to no process: it goes on until its client says otherwise.
    /// Errors: `Plan` for an unknown experiment.
    pub fn create_run(&self, experiment: i64, run: &NewRun, started_us: Option<i64>) -> Result<String> {
        self.database.write(|transaction| {
            if find_experiment(transaction, "id = ?1", &experiment)?.is_none() {
                return Err(Error::plan("experiment", format!("there is no number {experiment}")));
            }
            let newest: Option<String> = transaction.value("SELECT max(run) FROM runs", params![])?;
            let id = new_run_id(now_us(), newest.as_deref());
            // Nobody's: what names no process never counts as dead.
            run_rows::insert_run(transaction, &id, run, "")?;
            let sql = "UPDATE runs SET experiment_id = ?2, started = coalesce(?3, started) WHERE run = ?1";
            transaction.execute(sql, params![id, experiment, started_us])?;
            Ok(id)
        })
    }

    /// A writer of a run that belongs to no process. Errors: `Plan` for an unknown run, and one that is deleted.
    pub fn attach(&self, run: &str) -> Result<Arc<dyn RunWriter>> {
        match self.run_records(&[run])?.pop() {
            Some(found) if !found.deleted => Ok(Arc::new(OpenRun::detached(run.to_owned(), self.run_place()))),
            Some(_) => Err(Error::plan("run", format!("`{run}` is deleted"))),
            None => Err(Error::plan("run", format!("unknown run `{run}`"))),
        }
    }

    /// These runs, as far as they are there, in this order.
    pub fn run_records(&self, runs: &[&str]) -> Result<Vec<RunRecord>> {
        let found = self.database.read(|transaction| {
            let records = runs.iter().map(|run| run_record(transaction, run));
            records.filter_map(Result::transpose).collect::<Result<Vec<_>>>()
        })?;
        Ok(found.unwrap_or_default())
    }

    /// Changes a run; when it ends, its points are folded. Errors: `Plan` for an unknown run.
    pub fn change_run(&self, run: &str, changes: &RunChanges<'_>) -> Result<()> {
        let folded = self.database.write(|transaction| {
            let RunChanges { title, status, started_us, ended_us, deleted } = *changes;
            let sql =
                "UPDATE runs SET title = coalesce(?2, title), status = coalesce(?3, status), deleted = coalesce(?4, deleted),
                       ended = CASE ?3 WHEN 'running' THEN NULL ELSE coalesce(?5, ended) END, started = coalesce(?6, started)
                 WHERE run = ?1";
            let ended = ended_us.or_else(|| status.filter(|status| *status != "running").map(|_| now_us()));
            let changed = transaction.execute(sql, params![run, title, status, deleted, ended, started_us])?;
            if changed == 0 {
                return Err(Error::plan("run", format!("unknown run `{run}`")));
            }
            match status {
                Some(status) if status != "running" => fold_run(transaction, &self.segments, run).map(Some),
                _ => Ok(None),
            }
        })?;
        if let Some(folded) = folded {
            folded.remove_from(&self.segments);
        }
        Ok(())
    }

    /// The first run that has this tag with this value.
    pub fn tagged(&self, name: &str, value: &str) -> Result<Option<String>> {
        let sql = "SELECT run FROM tags WHERE name = ?1 AND value = ?2 ORDER BY run LIMIT 1";
        let found = self.database.read(|transaction| transaction.first(sql, params![name, value], |row| row.get(0)))?;
        Ok(found.flatten())
    }

    /// Whether some run has this tag with this value.
    pub fn is_tagged(&self, name: &str, value: &str) -> Result<bool> {
        Ok(self.tagged(name, value)?.is_some())
    }

    /// Forgets a tag of a run; false if there was none.
    pub fn remove_tag(&self, run: &str, name: &str) -> Result<bool> {
        let sql = "DELETE FROM tags WHERE run = ?1 AND name = ?2";
        self.database.write(|transaction| Ok(transaction.execute(sql, params![run, name])? > 0))
    }

    /// The artifacts of a run, by path.
    pub fn artifact_records(&self, run: &str) -> Result<Vec<ArtifactRecord>> {
        Ok(self.database.read(|transaction| rows::records(transaction, run))?.unwrap_or_default())
    }

    /// Keeps an artifact of any run, an ended one too. Errors: as for `RunWriter::add_artifact`, and `Plan` for an unknown run.
    pub fn put_artifact(&self, run: &str, artifact: &NewArtifact<'_>, content: &mut dyn Read) -> Result<()> {
        check_path(artifact.path)?;
        self.run_start(run)?;
        let staged = self.objects.stage(content, &self.database.owner())?;
        self.database.write(|transaction| {
            staged.publish(transaction)?;
            rows::insert(transaction, run, artifact, staged.content(), now_us())
        })
    }
}

fn of_row(row: &Row) -> Result<Experiment> {
    Ok(Experiment { id: row.get(0)?, name: row.get(1)?, created_us: row.get(2)?, deleted: row.get(3)?, tags: vec![] })
}

/// The name is taken.
fn is_there(experiment: &Experiment) -> Error {
    let deleted = if experiment.deleted { ", among the deleted ones" } else { "" };
    let error = Error::plan("experiment", format!("`{}` is there already{deleted}", experiment.name));
    if experiment.deleted { error.hint("restore it, or rename it, by MLflow's client") } else { error }
}

fn find_experiment(transaction: &Transaction, condition: &str, value: &dyn ToValue) -> Result<Option<Experiment>> {
    let sql = format!("SELECT id, experiment, created, deleted FROM experiments WHERE {condition}");
    transaction.first(&sql, &[value], of_row)
}

fn set_experiment_tags(transaction: &Transaction, id: i64, tags: &[(String, String)]) -> Result<()> {
    for (name, value) in tags {
        let sql = put("experiment_tags", &["id", "name"], &["value"]);
        transaction.execute(&sql, params![id, name, value])?;
    }
    Ok(())
}

fn experiment_tags(transaction: &Transaction, id: i64) -> Result<Vec<(String, String)>> {
    transaction.pairs("SELECT name, value FROM experiment_tags WHERE id = ?1 ORDER BY name", params![id])
}

fn run_record(transaction: &Transaction, run: &str) -> Result<Option<RunRecord>> {
    let sql = "SELECT run, title, status, experiment_id, started, ended, deleted FROM runs WHERE run = ?1";
    let record = |row: &Row| {
        Ok(RunRecord {
            run: row.get(0)?,
            title: row.get(1)?,
            status: row.get(2)?,
            experiment: row.get(3)?,
            started_us: row.get(4)?,
            ended_us: row.get(5)?,
            deleted: row.get(6)?,
            params: vec![],
            tags: vec![],
        })
    };
    let found = transaction.first(sql, params![run], record)?;
    let Some(mut found) = found else { return Ok(None) };
    found.params = transaction.pairs("SELECT name, value FROM params WHERE run = ?1 ORDER BY name", params![run])?;
    found.tags = transaction.pairs("SELECT name, value FROM tags WHERE run = ?1 ORDER BY name", params![run])?;
    Ok(Some(found))
}
