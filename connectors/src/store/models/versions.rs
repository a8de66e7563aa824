//! The rows of versions in the database.

use gradframe_ml_core::Result;
use gradframe_ml_learn::ModelSpec;
use gradframe_plan::ops::text::MODEL_TYPE as PRETRAINED;
use gradframe_plan::services::model_exists;

use super::super::now_us;
use super::super::places::IS_COPY;
use super::super::sql::{Row, Transaction, params};

/// A version of a model, as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub model: String,
    pub version: u64,
    pub created_us: i64,
    pub weights_xxh3: String,
    /// Where it is, if a client of MLflow has registered it.
    pub source: Option<String>,
}

pub(super) fn newest(transaction: &Transaction, name: &str) -> Result<Option<Version>> {
    let sql = "SELECT model, version, created, weights_xxh3, source FROM models WHERE model = ?1 ORDER BY version DESC LIMIT 1";
    transaction.first(sql, params![name], Version::of_row)
}

pub(super) fn one_version(transaction: &Transaction, name: &str, version: u64) -> Result<Option<Version>> {
    let sql = "SELECT model, version, created, weights_xxh3, source FROM models WHERE model = ?1 AND version = ?2";
    transaction.first(sql, params![name, version as i64], Version::of_row)
}

impl Version {
    fn of_row(row: &Row) -> Result<Self> {
        let version = row.get::<i64>(1)? as u64;
        Ok(Version { model: row.get(0)?, version, created_us: row.get(2)?, weights_xxh3: row.get(3)?, source: row.get(4)? })
    }
}

pub(super) fn old_versions(transaction: &Transaction, keep: u64) -> Result<Vec<(String, u64)>> {
    let sql = format!(
        "SELECT model, version FROM (SELECT model, version, row_number() OVER (PARTITION BY model ORDER BY version DESC) AS place
               FROM models WHERE stage NOT IN ('Staging', 'Production')) AS m WHERE place > ?1
               AND NOT EXISTS (SELECT 1 FROM aliases AS a WHERE a.model = m.model AND a.version = m.version)
               AND NOT EXISTS (SELECT 1 FROM models AS c WHERE {IS_COPY}) ORDER BY 1, 2"
    );
    let keep = i64::try_from(keep.max(1)).unwrap_or(i64::MAX);
    transaction.rows(&sql, params![keep], |row| Ok((row.get(0)?, row.get::<i64>(1)? as u64)))
}

pub(super) fn delete_version(transaction: &Transaction, model: &str, version: u64) -> Result<()> {
    for sql in
        ["DELETE FROM models WHERE model = ?1 AND version = ?2", "DELETE FROM model_tags WHERE model = ?1 AND version = ?2"]
    {
        transaction.execute(sql, params![model, version as i64])?;
    }
    Ok(())
}

/// The version that a commit will have. Versions are never used twice, not even after a removal, so that a version
/// that another process has loaded is never mistaken for another model.
pub(in super::super) fn next_version(transaction: &Transaction, name: &str, replace: bool) -> Result<u64> {
    let taken = "SELECT EXISTS (SELECT 1 FROM models WHERE model = ?1)";
    if !replace && transaction.value(taken, params![name])? {
        return Err(model_exists(name));
    }
    let next = "INSERT INTO model_names (name, last_version, created, updated) VALUES (?1, 1, ?2, ?2)
                ON CONFLICT (name) DO UPDATE SET last_version = model_names.last_version + 1,
                    created = coalesce(model_names.created, excluded.created), updated = excluded.updated RETURNING last_version";
    let version: i64 = transaction.value(next, params![name, now_us()])?;
    Ok(version as u64)
}

pub(super) fn insert_version(
    transaction: &Transaction,
    of: (&str, u64, i64),
    spec: &ModelSpec,
    weights_xxh3: &str,
) -> Result<()> {
    let (name, version, created_us) = of;
    let sql = "INSERT INTO models (model, version, model_type, label, features, run, created, weights_xxh3, description)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let (version, features, described) = (version as i64, spec.features.len() as i64, described(spec));
    let (kind, label, run) = (&spec.model_type, &spec.label.name, &spec.training.run);
    let values = params![name, version, kind, label, features, run, created_us, weights_xxh3, described];
    transaction.execute(sql, values).map(|_| ())
}

/// What lists of models say of one that was trained elsewhere: `bert of 22713216 parameters in f32, from DIRECTORY`; else nothing.
fn described(spec: &ModelSpec) -> String {
    let said = |name: &str| spec.options.get(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    let parts = [said("architecture"), said("parameters"), said("weights_dtype"), said("directory")];
    match (spec.model_type == PRETRAINED, parts) {
        (true, [Some(kind), Some(parameters), Some(dtype), Some(directory)]) => {
            format!("{kind} of {parameters} parameters in {dtype}, from {directory}")
        }
        _ => String::new(),
    }
}

pub(super) fn delete_versions(transaction: &Transaction, name: &str) -> Result<Vec<i64>> {
    transaction.rows("DELETE FROM models WHERE model = ?1 RETURNING version", params![name], |row| row.get(0))
}
