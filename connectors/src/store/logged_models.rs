//! Models that clients of MLflow 3 log: each with parameters, tags, metrics and files of its own, registered or not.

use std::io::Read;
use std::path::PathBuf;

use gradframe_ml_core::{Error, Result};

use super::artifacts::rows::{Files, below};
use super::artifacts::{check_directory, check_path};
use super::float_order::float_of_order;
use super::logged_rows::{OP, add_params, check, insert, insert_file, insert_metrics, link, set_tags, tagged, unknown};
use super::sql::{Row, ToValue, Transaction, params};
use super::tracking::ArtifactRecord;
use super::{Store, now_us, random_name};

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

/// Which points of logged models are read, of which there may be millions.
#[derive(Debug, Clone, Copy)]
pub enum PointsOf<'a> {
    All,
    /// Those of metrics of these names, and those on data sets of these.
    Named {
        metrics: &'a [String],
        datasets: &'a [String],
    },
}

impl Store {
    /// Keeps a new logged model, which takes its identifier here. Errors: `Plan` for an unknown experiment.
    pub fn create_logged_model(&self, model: LoggedModel) -> Result<String> {
        let id = format!("m-{}{}", random_name(), random_name());
        self.database.write(|transaction| {
            let there = "SELECT EXISTS (SELECT 1 FROM experiments WHERE id = ?1)";
            if !transaction.value::<bool>(there, params![model.experiment])? {
                return Err(Error::plan(OP, format!("there is no number {} of an experiment", model.experiment)));
            }
            insert(transaction, &id, &model)
        })?;
        Ok(id)
    }

    /// The logged model of this identifier, unless it is deleted.
    pub fn logged_model(&self, id: &str) -> Result<Option<LoggedModel>> {
        let sql = format!("{LOGGED} WHERE logged_model = ?1 AND deleted = 0");
        let found = self.database.read(|transaction| {
            let found = transaction.first(&sql, params![id], LoggedModel::of_row)?;
            found.map(|model| model.complete(transaction, &PointsOf::All)).transpose()
        })?;
        Ok(found.flatten())
    }

    /// Those of these experiments that are not deleted, newest first, each with those of its points that are asked for.
    pub fn logged_models(&self, experiments: &[i64], points: &PointsOf<'_>) -> Result<Vec<LoggedModel>> {
        let sql = format!("{LOGGED} WHERE deleted = 0 ORDER BY created DESC, logged_model");
        let found = self.database.read(|transaction| {
            let mut found = transaction.rows(&sql, params![], LoggedModel::of_row)?;
            // Before anything else is read of them.
            found.retain(|model| experiments.contains(&model.experiment));
            found.into_iter().map(|model| model.complete(transaction, points)).collect::<Result<_>>()
        })?;
        Ok(found.unwrap_or_default())
    }

    /// All points of a logged model.
    pub fn logged_metrics(&self, id: &str) -> Result<Vec<LoggedMetric>> {
        Ok(self.database.read(|transaction| PointsOf::All.read(transaction, id))?.unwrap_or_default())
    }

    /// The logged model that has a tag with this value, deleted or not.
    pub fn logged_model_tagged(&self, name: &str, value: &str) -> Result<Option<String>> {
        Ok(self.database.read(|transaction| tagged(transaction, (name, value)))?.flatten())
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
            insert_metrics(transaction, id, metrics)
        })
    }

    /// Says which logged models a run has used or made, with the step. Errors: `Plan` for an unknown run.
    pub fn link_models(&self, run: &str, models: &[(String, i64)], is_input: bool) -> Result<()> {
        self.run_start(run)?;
        self.database.write(|transaction| link(transaction, run, models, is_input))
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
            insert_file(transaction, id, path, staged.content())
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

    fn complete(mut self, transaction: &Transaction, points: &PointsOf<'_>) -> Result<Self> {
        let values = "SELECT name, value FROM logged_model_values WHERE logged_model = ?1 AND kind = ?2 ORDER BY name";
        self.params = transaction.pairs(values, params![&self.id, "param"])?;
        self.tags = transaction.pairs(values, params![&self.id, "tag"])?;
        self.metrics = points.read(transaction, &self.id)?;
        Ok(self)
    }
}

impl PointsOf<'_> {
    fn read(&self, transaction: &Transaction, id: &str) -> Result<Vec<LoggedMetric>> {
        let (mut values, mut chosen): (Vec<&dyn ToValue>, Vec<String>) = (vec![&id], vec![]);
        if let PointsOf::Named { metrics, datasets } = self {
            for (column, names) in [("name", metrics), ("dataset", datasets)].into_iter().filter(|(_, names)| !names.is_empty()) {
                let places: Vec<String> = (1..=names.len()).map(|place| format!("?{}", values.len() + place)).collect();
                chosen.push(format!("{column} IN ({})", places.join(", ")));
                values.extend(names.iter().map(|name| name as &dyn ToValue));
            }
            if chosen.is_empty() {
                return Ok(vec![]);
            }
        }
        let chosen = if chosen.is_empty() { String::new() } else { format!("AND ({})", chosen.join(" OR ")) };
        let sql = format!(
            "SELECT run, name, dataset, digest, step, value_order, time FROM logged_model_points WHERE logged_model = ?1 {chosen}
             ORDER BY name, dataset, digest, run, step, time, value_order"
        );
        transaction.rows(&sql, &values, LoggedMetric::of_row)
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
