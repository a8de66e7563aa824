//! Runs as a tracking server keeps them: owned by no process, named by their clients, deleted softly.

use std::io::Read;
use std::sync::Arc;

use gradframe_ml_core::{Error, Result};
use gradframe_plan::services::{CodeState, NewArtifact, NewRun, RunWriter};

use super::artifacts::{check_path, rows};
use super::open_run::OpenRun;
use super::points::fold::fold_run;
use super::run_rows::code_state;
use super::runs::unused_id;
use super::sql::{Row, Transaction, params, put};
use super::{Store, experiments, now_us, run_rows};

/// The tag of a run that is to begin yet, which is among the running ones to all but clients that have a word for it.
pub const SCHEDULED_TAG: &str = "system/scheduled";
/// The status of such a run.
const SCHEDULED: &str = "scheduled";

/// A run without its metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    pub run: String,
    pub title: String,
    /// scheduled, running, finished, failed or cancelled
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
    /// scheduled, running, finished, failed or cancelled
    pub status: Option<&'a str>,
    pub started_us: Option<i64>,
    pub ended_us: Option<i64>,
    pub deleted: Option<bool>,
}

impl Store {
    /// Begins a run that belongs to no process: it goes on until its client says otherwise.
    /// Errors: `Plan` for an unknown experiment.
    pub fn create_run(&self, experiment: i64, run: &NewRun, started_us: Option<i64>) -> Result<String> {
        self.database.write(|transaction| {
            experiments::known(transaction, experiment)?;
            let id = unused_id(transaction)?;
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

    /// Whether a run still takes what is logged. On a server always, since each look is a journey, and points have to wait while it is
    /// away: there the database refuses those of a run that is gone.
    pub fn is_active(&self, run: &str) -> Result<bool> {
        if self.database.is_shared() {
            return Ok(true);
        }
        let sql = "SELECT EXISTS (SELECT 1 FROM runs WHERE run = ?1 AND deleted = 0)";
        Ok(self.database.read(|transaction| transaction.value(sql, params![run]))?.unwrap_or_default())
    }

    /// These runs, as far as they are there, in this order.
    pub fn run_records(&self, runs: &[&str]) -> Result<Vec<RunRecord>> {
        let found = self.database.read(|transaction| {
            let records = runs.iter().map(|run| run_record(transaction, run));
            records.filter_map(Result::transpose).collect::<Result<Vec<_>>>()
        })?;
        Ok(found.unwrap_or_default())
    }

    /// The oldest run with this value of a tag.
    pub fn run_tagged(&self, name: &str, value: &str) -> Result<Option<String>> {
        let sql = "SELECT run FROM tags WHERE name = ?1 AND value = ?2 ORDER BY run LIMIT 1";
        Ok(self.database.read(|transaction| transaction.first(sql, params![name, value], |row| row.get(0)))?.flatten())
    }

    /// The code that a run says it comes from; None of an unknown run.
    pub fn code_state(&self, run: &str) -> Result<Option<CodeState>> {
        Ok(self.database.read(|transaction| code_state(transaction, run))?.flatten())
    }

    /// Changes a run. When its status is said, its points are folded that nobody writes any more. Errors: `Plan` for an unknown run.
    pub fn change_run(&self, run: &str, changes: &RunChanges<'_>) -> Result<()> {
        let folded = self.database.write(|transaction| {
            change(transaction, run, changes)?;
            changes.status.map(|_| fold_run(transaction, &self.segments, run)).transpose()
        })?;
        if let Some(folded) = folded {
            folded.remove_from(&self.segments);
        }
        Ok(())
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

/// As [`Store::change_run`], but for its points.
pub(super) fn change(transaction: &Transaction, run: &str, changes: &RunChanges<'_>) -> Result<()> {
    let RunChanges { title, status, started_us, ended_us, deleted } = *changes;
    let kept = status.map(|status| if status == SCHEDULED { "running" } else { status });
    let ended = ended_us.or_else(|| kept.filter(|status| *status != "running").map(|_| now_us()));
    let sql = "UPDATE runs SET title = coalesce(?2, title), status = coalesce(?3, status), deleted = coalesce(?4, deleted),
                   ended = CASE ?3 WHEN 'running' THEN NULL ELSE coalesce(?5, ended) END, started = coalesce(?6, started)
               WHERE run = ?1";
    if transaction.execute(sql, params![run, title, kept, deleted, ended, started_us])? == 0 {
        return Err(Error::plan("run", format!("unknown run `{run}`")));
    }
    status.map_or(Ok(()), |status| mark_scheduled(transaction, run, status == SCHEDULED))
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
    let tags = transaction.pairs("SELECT name, value FROM tags WHERE run = ?1 ORDER BY name", params![run])?;
    let (marks, tags): (Vec<_>, Vec<_>) = tags.into_iter().partition(|(name, _)| name == SCHEDULED_TAG);
    if !marks.is_empty() && found.status == "running" {
        found.status = SCHEDULED.to_owned();
    }
    found.tags = tags;
    Ok(Some(found))
}

fn mark_scheduled(transaction: &Transaction, run: &str, scheduled: bool) -> Result<()> {
    if scheduled {
        let sql = put("tags", &["run", "name"], &["value"]);
        return transaction.execute(&sql, params![run, SCHEDULED_TAG, "true"]).map(|_| ());
    }
    let sql = "DELETE FROM tags WHERE run = ?1 AND name = ?2";
    transaction.execute(sql, params![run, SCHEDULED_TAG]).map(|_| ())
}
