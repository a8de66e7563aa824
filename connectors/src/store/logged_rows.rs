//! Rows of logged models, as they are added.

use gradframe_ml_core::{Error, Result};

use super::float_order::float_order;
use super::logged_models::{LoggedMetric, LoggedModel};
use super::now_us;
use super::run_rows::{check_pair, check_text, other_value};
use super::sql::{Transaction, params, put};

pub(super) const OP: &str = "logged model";

/// Adds one of a name that none has. Errors: `Plan` for an unknown experiment.
pub(super) fn insert(transaction: &Transaction, id: &str, model: &LoggedModel) -> Result<()> {
    check_text(OP, "the name of the logged model", &model.name)?;
    let there = "SELECT EXISTS (SELECT 1 FROM experiments WHERE id = ?1)";
    if !transaction.value::<bool>(there, params![model.experiment])? {
        return Err(Error::plan(OP, format!("there is no number {} of an experiment", model.experiment)));
    }
    let sql = "INSERT INTO logged_models (logged_model, experiment_id, name, model_type, run, status, created, updated)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)";
    let values = params![id, model.experiment, model.name, model.model_type, model.run, model.status, now_us()];
    transaction.execute(sql, values)?;
    add_params(transaction, id, &model.params)?;
    set_tags(transaction, id, &model.tags)
}

/// As [`Store::log_model_metrics`].
pub(super) fn insert_metrics(transaction: &Transaction, id: &str, metrics: &[LoggedMetric]) -> Result<()> {
    let sql = "INSERT INTO logged_model_points (logged_model, run, name, dataset, digest, step, value_order, time)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING";
    for LoggedMetric { run, name, dataset, digest, step, value, time_us } in metrics {
        let values = params![id, run, name, dataset, digest, step, float_order(*value), time_us];
        transaction.execute(sql, values)?;
    }
    Ok(())
}

/// Says of a file with what length and hash it is there.
pub(super) fn insert_file(transaction: &Transaction, id: &str, path: &str, (bytes, hash): (u64, &str)) -> Result<()> {
    let sql = put("logged_model_files", &["logged_model", "path"], &["bytes", "hash"]);
    transaction.execute(&sql, params![id, path, bytes as i64, hash]).map(|_| ())
}

/// As [`Store::link_models`], of a run that there is.
pub(super) fn link(transaction: &Transaction, run: &str, models: &[(String, i64)], is_input: bool) -> Result<()> {
    let sql = put("run_models", &["run", "logged_model", "is_input"], &["step"]);
    models.iter().try_for_each(|(id, step)| transaction.execute(&sql, params![run, id, is_input, step]).map(|_| ()))
}

/// As [`Store::logged_model_tagged`].
pub(super) fn tagged(transaction: &Transaction, (name, value): (&str, &str)) -> Result<Option<String>> {
    let sql = "SELECT logged_model FROM logged_model_values WHERE kind = 'tag' AND name = ?1 AND value = ?2
               ORDER BY logged_model LIMIT 1";
    transaction.first(sql, params![name, value], |row| row.get(0))
}

/// As a run's, which do not change.
pub(super) fn add_params(transaction: &Transaction, id: &str, params: &[(String, String)]) -> Result<()> {
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

pub(super) fn set_tags(transaction: &Transaction, id: &str, tags: &[(String, String)]) -> Result<()> {
    let sql = put("logged_model_values", &["logged_model", "kind", "name"], &["value"]);
    tags.iter().try_for_each(|(name, value)| {
        check_pair(OP, "tag", name, value)?;
        transaction.execute(&sql, params![id, "tag", name, value]).map(|_| ())
    })
}

pub(super) fn check(transaction: &Transaction, id: &str) -> Result<()> {
    let sql = "SELECT EXISTS (SELECT 1 FROM logged_models WHERE logged_model = ?1 AND deleted = 0)";
    let there = transaction.value(sql, params![id])?;
    if there { Ok(()) } else { Err(unknown(id)) }
}

pub(super) fn unknown(id: &str) -> Error {
    Error::plan(OP, format!("logged model with ID '{id}' not found"))
}
