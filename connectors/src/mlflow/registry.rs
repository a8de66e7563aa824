//! The model registry and the logged models of an `mlflow.db`.

use std::path::{Path, PathBuf};

use gradframe_ml_core::Result;
use rusqlite::{Connection, Row};

use super::database::{open, pairs, with_infinities, wrong};
use super::{ForeignPoint, elsewhere, kept, moved};

/// A model that a client of MLflow 3 has logged.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ForeignLogged {
    pub id: String,
    pub experiment: String,
    pub name: String,
    pub model_type: String,
    /// MLflow's name of the run that made it; empty if none did.
    pub run: String,
    /// In MLflow's words, such as LOGGED_MODEL_READY.
    pub status: &'static str,
    pub params: Vec<(String, String)>,
    pub tags: Vec<(String, String)>,
    pub metrics: Vec<ForeignLoggedPoint>,
    /// When it was made and changed last, in microseconds.
    pub times_us: (i64, i64),
    pub deleted: bool,
    /// Where its files are, as MLflow says it.
    pub uri: String,
    /// The directory of its files, if it is here.
    pub files: Option<PathBuf>,
    /// Where its files are said to be, if that cannot be looked at.
    pub elsewhere: Option<String>,
}

/// A value of a metric of a logged model.
#[derive(Debug, Clone, PartialEq)]
pub struct ForeignLoggedPoint {
    pub point: ForeignPoint,
    /// MLflow's name of the run that has logged it.
    pub run: String,
    /// Name and digest of the data set; both empty if none was named.
    pub dataset: String,
    pub digest: String,
}

/// A name of the registry.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ForeignModel {
    pub name: String,
    pub description: String,
    pub tags: Vec<(String, String)>,
    /// Aliases, each with the version that it names.
    pub aliases: Vec<(String, i64)>,
    /// When it was made and changed last, in microseconds.
    pub times_us: (i64, i64),
    pub versions: Vec<ForeignVersion>,
}

/// A version of such a model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ForeignVersion {
    pub version: i64,
    pub description: String,
    /// None, Staging, Production or Archived
    pub stage: String,
    pub source: String,
    /// Where its files are, whatever the source names; empty of a store whose MLflow did not keep that yet.
    pub storage: String,
    /// MLflow's name of its run, and where that kept its artifacts; empty if it comes from none.
    pub run: String,
    pub run_artifacts: String,
    pub run_link: Option<String>,
    pub tags: Vec<(String, String)>,
    /// When it was made and changed last, in microseconds.
    pub times_us: (i64, i64),
}

/// The logged models, deleted ones among them, oldest first.
pub(super) fn logged_models(path: &Path) -> Result<Vec<ForeignLogged>> {
    let database = open(path)?;
    if !has_table(&database, "logged_models")? {
        return Ok(vec![]);
    }
    let sql = "SELECT m.model_id, e.name, m.name, coalesce(m.model_type, ''), coalesce(m.source_run_id, ''), m.status, m.artifact_location,
                      m.creation_timestamp_ms, m.last_updated_timestamp_ms, coalesce(m.lifecycle_stage, 'active') <> 'active'
               FROM logged_models AS m JOIN experiments AS e ON m.experiment_id = e.experiment_id
               ORDER BY m.creation_timestamp_ms, m.model_id";
    let mut found = rows(&database, sql, |row| {
        let uri = row.get::<_, String>(6)?;
        Ok(ForeignLogged {
            id: row.get(0)?,
            experiment: row.get(1)?,
            name: row.get(2)?,
            model_type: row.get(3)?,
            run: row.get(4)?,
            status: status(row.get(5)?),
            files: kept(&uri, path, moved(&uri, path)),
            elsewhere: elsewhere(&uri, path),
            uri,
            times_us: times_us(row, 7)?,
            deleted: row.get(9)?,
            ..ForeignLogged::default()
        })
    })?;
    for model in &mut found {
        let sql = "SELECT param_key, param_value FROM logged_model_params WHERE model_id = ?1 ORDER BY 1";
        model.params = pairs(&database, sql, &model.id)?;
        model.tags =
            pairs(&database, "SELECT tag_key, tag_value FROM logged_model_tags WHERE model_id = ?1 ORDER BY 1", &model.id)?;
        model.metrics = points(&database, &model.id)?;
    }
    Ok(found)
}

fn points(database: &Connection, model: &str) -> Result<Vec<ForeignLoggedPoint>> {
    let sql = "SELECT metric_name, metric_step, metric_timestamp_ms, metric_value, run_id, coalesce(dataset_name, ''),
                      coalesce(dataset_digest, '') FROM logged_model_metrics WHERE model_id = ?1 ORDER BY 3, 2, 1";
    let mut statement = database.prepare_cached(sql).map_err(wrong)?;
    let found = statement.query_map([model], |row| {
        let (time_us, value) = (row.get::<_, i64>(2)?.saturating_mul(1000), row.get::<_, Option<f64>>(3)?);
        let value = value.map_or(f64::NAN, with_infinities);
        let point = ForeignPoint { name: row.get(0)?, step: row.get(1)?, time_us, value };
        Ok(ForeignLoggedPoint { point, run: row.get(4)?, dataset: row.get(5)?, digest: row.get(6)? })
    });
    found.map_err(wrong)?.collect::<rusqlite::Result<_>>().map_err(wrong)
}

/// The registry, by name.
pub(super) fn models(path: &Path) -> Result<Vec<ForeignModel>> {
    let database = open(path)?;
    if !has_table(&database, "registered_models")? {
        return Ok(vec![]);
    }
    let sql = "SELECT name, coalesce(description, ''), creation_time, last_updated_time FROM registered_models ORDER BY name";
    let mut found = rows(&database, sql, |row| {
        let times_us = times_us(row, 2)?;
        Ok(ForeignModel { name: row.get(0)?, description: row.get(1)?, times_us, ..ForeignModel::default() })
    })?;
    for model in &mut found {
        let sql = "SELECT key, coalesce(value, '') FROM registered_model_tags WHERE name = ?1 ORDER BY key";
        model.tags = pairs(&database, sql, &model.name)?;
        model.versions = versions(&database, &model.name)?;
        if has_table(&database, "registered_model_aliases")? {
            let sql = "SELECT alias, CAST(version AS TEXT) FROM registered_model_aliases WHERE name = ?1 ORDER BY alias";
            let named = pairs(&database, sql, &model.name)?;
            model.aliases = named.into_iter().filter_map(|(alias, version)| Some((alias, version.parse().ok()?))).collect();
        }
    }
    Ok(found)
}

fn versions(database: &Connection, model: &str) -> Result<Vec<ForeignVersion>> {
    let storage = if has_column(database, "model_versions", "storage_location")? { "v.storage_location" } else { "NULL" };
    let sql = format!(
        "SELECT v.version, coalesce(v.description, ''), coalesce(v.current_stage, 'None'), coalesce(v.source, ''),
                coalesce(v.run_id, ''), coalesce(r.artifact_uri, ''), v.run_link, v.creation_time, v.last_updated_time,
                coalesce({storage}, '')
         FROM model_versions AS v LEFT JOIN runs AS r ON v.run_id = r.run_uuid
         WHERE v.name = ?1 AND v.current_stage <> 'Deleted_Internal' ORDER BY v.version"
    );
    let mut statement = database.prepare_cached(&sql).map_err(wrong)?;
    let found = statement.query_map([model], |row| {
        Ok(ForeignVersion {
            version: row.get(0)?,
            description: row.get(1)?,
            stage: row.get(2)?,
            source: row.get(3)?,
            storage: row.get(9)?,
            run: row.get(4)?,
            run_artifacts: row.get(5)?,
            run_link: row.get::<_, Option<String>>(6)?.filter(|link| !link.is_empty()),
            tags: vec![],
            times_us: times_us(row, 7)?,
        })
    });
    let mut found = found.map_err(wrong)?.collect::<rusqlite::Result<Vec<ForeignVersion>>>().map_err(wrong)?;
    for version in &mut found {
        let sql = format!(
            "SELECT key, coalesce(value, '') FROM model_version_tags WHERE name = ?1 AND version = {} ORDER BY key",
            version.version
        );
        version.tags = pairs(database, &sql, model)?;
    }
    Ok(found)
}

/// When something was made and changed last, of two columns in milliseconds.
fn times_us(row: &Row, column: usize) -> rusqlite::Result<(i64, i64)> {
    let us = |ms: Option<i64>| ms.map(|ms| ms.saturating_mul(1000));
    let created = us(row.get(column)?).unwrap_or_default();
    Ok((created, us(row.get(column + 1)?).unwrap_or(created)))
}

fn rows<T>(database: &Connection, sql: &str, of_row: impl FnMut(&Row) -> rusqlite::Result<T>) -> Result<Vec<T>> {
    let mut statement = database.prepare(sql).map_err(wrong)?;
    statement.query_map([], of_row).map_err(wrong)?.collect::<rusqlite::Result<_>>().map_err(wrong)
}

pub(super) fn has_table(database: &Connection, name: &str) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1)";
    database.query_row(sql, [name], |row| row.get(0)).map_err(wrong)
}

pub(super) fn has_column(database: &Connection, table: &str, column: &str) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2)";
    database.query_row(sql, [table, column], |row| row.get(0)).map_err(wrong)
}

/// A status's number in words. Source: MLflow's `LoggedModelStatus`.
pub(super) fn status(number: i64) -> &'static str {
    match number {
        2 => "LOGGED_MODEL_READY",
        3 => "LOGGED_MODEL_UPLOAD_FAILED",
        _ => "LOGGED_MODEL_PENDING",
    }
}
