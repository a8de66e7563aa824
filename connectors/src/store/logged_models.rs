//! Models that clients of MLflow 3 log: each with parameters, tags, metrics and files of its own, registered or not.

use std::io::Read;
use std::path::PathBuf;

use gradframe_ml_core::{Error, Result};

use super::artifacts::rows::{Files, below};
use super::artifacts::{check_directory, check_path};
use super::float_order::{float_of_order, float_order};
use super::run_rows::{check_pair, check_text, other_value};
use super::sql::{Row, Transaction, params, put};
use super::tracking::ArtifactRecord;
use super::{Store, now_us, random_name};

const OP: &str = "logged model";

/// A logged model.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedModel {
    /// `m-` and 32 digits.
    pub id: String,
    pub experiment: i64,
    pub name: String,
    pub model_type: String,
    /// Empty if it comes from no run.
    pub run: String,
    /// In MLflow's words, such as LOGGED_MODEL_READY.
    pub status: String,
    pub created_us: i64,
    pub updated_us: i64,
    pub params: Vec<(String, String)>,
    pub tags: Vec<(String, String)>,
    pub metrics: Vec<LoggedMetric>,
}

/// A value of a metric of a logged model, on a data set or on none that was named.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedMetric {
    pub run: String,
    pub name: String,
    /// Name and digest of the data set; both empty if none was named.
    pub dataset: String,
    pub digest: String,
    pub step: i64,
    pub value: f64,
    pub time_us: i64,
}

impl Store {
    /// Keeps a new logged model, which takes its identifier here. Errors: `Plan` for an unknown experiment.
    pub fn create_logged_model(&self, model: LoggedModel) -> Result<String> {
        check_text(OP, "the name of the logged model", &model.name)?;
        let id = format!("m-{}{}", random_name(), random_name());
        self.database.write(|transaction| {
            let there = "SELECT EXISTS (SELECT 1 FROM experiments WHERE id = ?1)";
            if !transaction.value::<bool>(there, params![model.experiment])? {
                return Err(Error::plan(OP, format!("there is no number {} of an experiment", model.experiment)));
            }
            let sql = "INSERT INTO logged_models (logged_model, experiment_id, name, model_type, run, status, created, updated)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)";
            let values = params![id, model.experiment, model.name, model.model_type, model.run, model.status, now_us()];
            transaction.execute(sql, values)?;
            add_params(transaction, &id, &model.params)?;
            set_tags(transaction, &id, &model.tags)
        })?;
        Ok(id)
    }

    /// The logged model of this identifier, unless it is deleted.
    pub fn logged_model(&self, id: &str) -> Result<Option<LoggedModel>> {
        let sql = format!("{LOGGED} WHERE logged_model = ?1 AND deleted = 0");
        let found = self.database.read(|transaction| {
            let found = transaction.first(&sql, params![id], LoggedModel::of_row)?;
            found.map(|model| model.complete(transaction)).transpose()
        })?;
        Ok(found.flatten())
    }

    /// Those of these experiments that are not deleted, newest first.
    pub fn logged_models(&self, experiments: &[i64]) -> Result<Vec<LoggedModel>> {
        let sql = format!("{LOGGED} WHERE deleted = 0 ORDER BY created DESC, logged_model");
        let found = self.database.read(|transaction| {
            let mut found = transaction.rows(&sql, params![], LoggedModel::of_row)?;
            // Before their points are read, of which there may be millions.
            found.retain(|model| experiments.contains(&model.experiment));
            found.into_iter().map(|model| model.complete(transaction)).collect::<Result<_>>()
        })?;
        Ok(found.unwrap_or_default())
    }

    /// The logged model that has a tag with this value, deleted or not.
    pub fn logged_model_tagged(&self, name: &str, value: &str) -> Result<Option<String>> {
        let sql = "SELECT logged_model FROM logged_model_values WHERE kind = 'tag' AND name = ?1 AND value = ?2
                   ORDER BY logged_model LIMIT 1";
        Ok(self.database.read(|transaction| transaction.first(sql, params![name, value], |row| row.get(0)))?.flatten())
    }

    /// Forgets a logged model with all that belongs to it, which [`Store::change_logged_model`] only marks.
    pub fn forget_logged_model(&self, id: &str) -> Result<()> {
        let sql = "DELETE FROM logged_models WHERE logged_model = ?1";
        self.database.write(|transaction| transaction.execute(sql, params![id]).map(|_| ()))
    }

    /// Sets the status, or marks as deleted. Errors: `Plan` if there is none.
    pub fn change_logged_model(&self, id: &str, status: Option<&str>, deleted: bool) -> Result<()> {
        self.database.write(|transaction| {
            let sql = "UPDATE logged_models SET status = coalesce(?2, status), deleted = ?3, updated = ?4
                       WHERE logged_model = ?1 AND deleted = 0";
            let changed = transaction.execute(sql, params![id, status, deleted, now_us()])?;
            if changed == 0 { Err(unknown(id)) } else { Ok(()) }
        })
    }

    /// Adds parameters and sets tags. Errors: `Plan` if there is none, and for a parameter that has another value.
    pub fn set_logged_values(&self, id: &str, params: &[(String, String)], tags: &[(String, String)]) -> Result<()> {
        self.database.write(|transaction| {
            check(transaction, id)?;
            add_params(transaction, id, params)?;
            set_tags(transaction, id, tags)
        })
    }

    /// Forgets a tag; false if there was none.
    pub fn remove_logged_tag(&self, id: &str, name: &str) -> Result<bool> {
        let sql = "DELETE FROM logged_model_values WHERE logged_model = ?1 AND kind = 'tag' AND name = ?2";
        self.database.write(|transaction| Ok(transaction.execute(sql, params![id, name])? > 0))
    }

    /// Keeps values of metrics; one that is sent again is kept once. Errors: `Plan` if there is no such model.
    pub fn log_model_metrics(&self, id: &str, metrics: &[LoggedMetric]) -> Result<()> {
        self.database.write(|transaction| {
            check(transaction, id)?;
            let sql = "INSERT INTO logged_model_points (logged_model, run, name, dataset, digest, step, value_order, time)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING";
            for LoggedMetric { run, name, dataset, digest, step, value, time_us } in metrics {
                let values = params![id, run, name, dataset, digest, step, float_order(*value), time_us];
                transaction.execute(sql, values)?;
            }
            Ok(())
        })
    }

    /// Says which logged models a run has used or made, with the step. Errors: `Plan` for an unknown run.
    pub fn link_models(&self, run: &str, models: &[(String, i64)], is_input: bool) -> Result<()> {
        self.run_start(run)?;
        self.database.write(|transaction| {
            let sql = put("run_models", &["run", "logged_model", "is_input"], &["step"]);
            let insert = |(id, step): &(String, i64)| transaction.execute(&sql, params![run, id, is_input, step]);
            models.iter().try_for_each(|model| insert(model).map(|_| ()))
        })
    }

    /// The logged models that a run has used, or made, with the step.
    pub fn linked_models(&self, run: &str, is_input: bool) -> Result<Vec<(String, i64)>> {
        let sql = "SELECT logged_model, step FROM run_models WHERE run = ?1 AND is_input = ?2 ORDER BY step, logged_model";
        let found =
            self.database.read(|transaction| transaction.rows(sql, params![run, is_input], |row| Ok((row.get(0)?, row.get(1)?))));
        Ok(found?.unwrap_or_default())
    }

    /// Keeps a file of a logged model, as an artifact of a run is kept. Errors: `Plan` if there is none, or for a path that is
    /// no relative path of ordinary parts, or with which a file would be a directory.
    pub fn put_logged_file(&self, id: &str, path: &str, content: &mut dyn Read) -> Result<()> {
        check_path(path)?;
        if self.logged_model(id)?.is_none() {
            return Err(unknown(id));
        }
        let staged = self.objects.stage(content, &self.database.owner())?;
        self.database.write(|transaction| {
            Files::LoggedModels.check_free(transaction, id, path)?;
            staged.publish(transaction)?;
            let sql = put("logged_model_files", &["logged_model", "path"], &["bytes", "hash"]);
            transaction.execute(&sql, params![id, path, staged.bytes as i64, staged.hash]).map(|_| ())
        })
    }

    /// The files of a logged model, by path.
    pub fn logged_files(&self, id: &str) -> Result<Vec<ArtifactRecord>> {
        let sql = "SELECT path, bytes FROM logged_model_files WHERE logged_model = ?1 ORDER BY path";
        let of_row = |row: &Row| Ok(ArtifactRecord { path: row.get(0)?, bytes: row.get::<i64>(1)? as u64 });
        Ok(self.database.read(|transaction| transaction.rows(sql, params![id], of_row))?.unwrap_or_default())
    }

    /// Removes a file of a logged model, or all below a directory of them; of an empty path, all. Gives how many there were.
    /// Errors: `Plan` for an unknown model, and a path that is none.
    pub fn remove_logged_files(&self, id: &str, path: &str) -> Result<usize> {
        check_directory(path)?;
        self.database.write(|transaction| {
            check(transaction, id)?;
            let sql =
                "DELETE FROM logged_model_files WHERE logged_model = ?1 AND (path = ?2 OR substr(path, 1, length(?3)) = ?3)";
            transaction.execute(sql, params![id, path, below(path)])
        })
    }

    /// Where a file of a logged model is, not to be changed; None if there is none.
    pub fn logged_file(&self, id: &str, path: &str) -> Result<Option<PathBuf>> {
        check_path(path)?;
        let sql = "SELECT hash FROM logged_model_files WHERE logged_model = ?1 AND path = ?2";
        let hash: Option<Vec<String>> =
            self.database.read(|transaction| transaction.rows(sql, params![id, path], |row| row.get(0)))?;
        hash.unwrap_or_default().first().map(|hash| self.objects.path(hash)).transpose()
    }
}

const LOGGED: &str = "SELECT logged_model, experiment_id, name, model_type, run, status, created, updated FROM logged_models";

impl LoggedModel {
    fn of_row(row: &Row) -> Result<Self> {
        Ok(LoggedModel {
            id: row.get(0)?,
            experiment: row.get(1)?,
            name: row.get(2)?,
            model_type: row.get(3)?,
            run: row.get(4)?,
            status: row.get(5)?,
            created_us: row.get(6)?,
            updated_us: row.get(7)?,
            params: vec![],
            tags: vec![],
            metrics: vec![],
        })
    }

    fn complete(mut self, transaction: &Transaction) -> Result<Self> {
        let values = "SELECT name, value FROM logged_model_values WHERE logged_model = ?1 AND kind = ?2 ORDER BY name";
        self.params = transaction.pairs(values, params![&self.id, "param"])?;
        self.tags = transaction.pairs(values, params![&self.id, "tag"])?;
        let metrics = "SELECT run, name, dataset, digest, step, value_order, time FROM logged_model_points
                       WHERE logged_model = ?1 ORDER BY name, dataset, digest, run, step, time, value_order";
        self.metrics = transaction.rows(metrics, params![&self.id], LoggedMetric::of_row)?;
        Ok(self)
    }
}

impl LoggedMetric {
    fn of_row(row: &Row) -> Result<Self> {
        Ok(LoggedMetric {
            run: row.get(0)?,
            name: row.get(1)?,
            dataset: row.get(2)?,
            digest: row.get(3)?,
            step: row.get(4)?,
            value: float_of_order(row.get(5)?),
            time_us: row.get(6)?,
        })
    }
}

/// As a run's, which do not change.
fn add_params(transaction: &Transaction, id: &str, params: &[(String, String)]) -> Result<()> {
    let sql = "INSERT INTO logged_model_values (logged_model, kind, name, value) VALUES (?1, 'param', ?2, ?3)
               ON CONFLICT (logged_model, kind, name) DO NOTHING";
    for (name, value) in params {
        check_pair(OP, "parameter", name, value)?;
        if transaction.execute(sql, params![id, name, value])? > 0 {
            continue;
        }
        let stored = "SELECT value FROM logged_model_values WHERE logged_model = ?1 AND kind = 'param' AND name = ?2";
        let stored: String = transaction.value(stored, params![id, name])?;
        if stored != *value {
            return Err(other_value(name, &stored, value));
        }
    }
    Ok(())
}

fn set_tags(transaction: &Transaction, id: &str, tags: &[(String, String)]) -> Result<()> {
    let sql = put("logged_model_values", &["logged_model", "kind", "name"], &["value"]);
    tags.iter().try_for_each(|(name, value)| {
        check_pair(OP, "tag", name, value)?;
        transaction.execute(&sql, params![id, "tag", name, value]).map(|_| ())
    })
}

fn check(transaction: &Transaction, id: &str) -> Result<()> {
    let sql = "SELECT EXISTS (SELECT 1 FROM logged_models WHERE logged_model = ?1 AND deleted = 0)";
    let there = transaction.value(sql, params![id])?;
    if there { Ok(()) } else { Err(unknown(id)) }
}

fn unknown(id: &str) -> Error {
    Error::plan(OP, format!("logged model with ID '{id}' not found"))
}
