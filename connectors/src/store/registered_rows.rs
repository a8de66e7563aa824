//! Rows of the model registry: names and versions, as they are made and renamed.

use gradframe_ml_core::{Error, Result};

use super::models::next_version;
use super::now_us;
use super::places::place_of;
use super::registered::NewVersion;
use super::run_rows::{check_pair, check_text};
use super::sql::{Transaction, params, put};

pub(super) const OP: &str = "model registry";
/// The version that tags of a model itself are kept under: versions count from 1.
pub(super) const OF_MODEL: u64 = 0;

/// Makes a name that there is not. Errors: `Plan` if it is empty, or holds a NUL.
pub(super) fn register(transaction: &Transaction, name: &str, description: &str, tags: &[(String, String)]) -> Result<()> {
    if name.is_empty() {
        return Err(Error::plan(OP, "the name is empty"));
    }
    check_text(OP, "the name of the model", name)?;
    let sql = "INSERT INTO model_names (name, last_version, created, updated, description) VALUES (?1, 0, ?2, ?2, ?3)
               ON CONFLICT (name) DO UPDATE SET created = ?2, updated = ?2, description = ?3";
    transaction.execute(sql, params![name, now_us(), description])?;
    set_tags(transaction, name, OF_MODEL, tags)
}

/// Adds a version of a name that there is, and gives its number.
pub(super) fn insert_version(transaction: &Transaction, new: &NewVersion<'_>) -> Result<u64> {
    let version = next_version(transaction, new.model, true)?;
    insert_as(transaction, new, version)
}

/// The same with the number that it has elsewhere, or with the next one where that is another version's, or may have been one's that was
/// trained here.
pub(super) fn insert_numbered(transaction: &Transaction, new: &NewVersion<'_>, number: i64) -> Result<u64> {
    let may_be =
        "SELECT ?2 > last_version OR NOT EXISTS (SELECT 1 FROM models WHERE model = ?1 AND (version = ?2 OR source IS NULL))
                  FROM model_names WHERE name = ?1";
    if number < 1 || !transaction.value(may_be, params![new.model, number])? {
        return insert_version(transaction, new);
    }
    let sql = "UPDATE model_names SET last_version = ?2 WHERE name = ?1 AND last_version < ?2";
    transaction.execute(sql, params![new.model, number])?;
    insert_as(transaction, new, number as u64)
}

fn insert_as(transaction: &Transaction, new: &NewVersion<'_>, version: u64) -> Result<u64> {
    let sql = "INSERT INTO models (model, version, model_type, label, features, run, created, weights_xxh3, source, updated, description,
                                   run_link, logged_model, storage)
               VALUES (?1, ?2, ?3, '', 0, ?4, ?5, '', ?6, ?5, ?7, ?8, ?9, ?10)";
    let NewVersion { model, model_type, source, run, run_link, logged_model, description, tags } = *new;
    let storage = place_of(transaction, source)?.filter(|place| place != source);
    let values = params![model, version as i64, model_type, run, now_us(), source, description, run_link, logged_model, storage];
    transaction.execute(sql, values)?;
    set_tags(transaction, model, version, tags)?;
    Ok(version)
}

pub(super) fn is_registered(transaction: &Transaction, name: &str) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM model_names WHERE name = ?1 AND created IS NOT NULL)";
    transaction.value(sql, params![name])
}

pub(super) fn set_tags(transaction: &Transaction, model: &str, version: u64, tags: &[(String, String)]) -> Result<()> {
    let sql = put("model_tags", &["model", "version", "name"], &["value"]);
    tags.iter().try_for_each(|(name, value)| {
        check_pair(OP, "tag", name, value)?;
        transaction.execute(&sql, params![model, version as i64, name, value]).map(|_| ())
    })
}

pub(super) fn touch(transaction: &Transaction, model: &str) -> Result<()> {
    let sql = "UPDATE model_names SET updated = ?2 WHERE name = ?1 AND created IS NOT NULL";
    transaction.execute(sql, params![model, now_us()]).map(|_| ())
}

/// Lets a model that is forgotten begin at version 1 again, as in MLflow's own registry, unless some process may have loaded a version of
/// it by its number: one that was trained here.
pub(super) fn number_anew(transaction: &Transaction, name: &str) -> Result<()> {
    let sql = "UPDATE model_names SET last_version = 0 WHERE name = ?1
               AND NOT EXISTS (SELECT 1 FROM models WHERE model = ?1 AND source IS NULL)";
    transaction.execute(sql, params![name]).map(|_| ())
}

/// Numbers of versions go on from where either name was, so that none is used twice.
pub(super) fn rename(transaction: &Transaction, name: &str, to: &str) -> Result<()> {
    let name_it = "INSERT INTO model_names (name, last_version, created, updated, description)
                   SELECT ?2, last_version, created, ?3, description FROM model_names WHERE name = ?1
                   ON CONFLICT (name) DO UPDATE SET
                       last_version = CASE WHEN model_names.last_version < excluded.last_version THEN excluded.last_version
                                           ELSE model_names.last_version END,
                       created = excluded.created, updated = excluded.updated, description = excluded.description";
    transaction.execute(name_it, params![name, to, now_us()])?;
    for table in ["models", "aliases", "alias_log", "model_tags"] {
        transaction.execute(&format!("UPDATE {table} SET model = ?2 WHERE model = ?1"), params![name, to])?;
    }
    let unname = "UPDATE model_names SET created = NULL, updated = NULL, description = '' WHERE name = ?1";
    transaction.execute(unname, params![name]).map(|_| ())
}

pub(super) fn unknown(name: &str) -> Error {
    Error::plan(OP, format!("registered model with name={name} not found"))
}
