//! Where the files of versions are that clients of MLflow have registered, and what those places keep from being removed.
//!
//! A source may name another version or a logged model (`models:/fare/3`, `models:/m-...`). As MLflow's own store does, we look up
//! where its files are when the version is made and keep that beside the source: what the source names may be renamed or deleted later.

use gradframe_ml_core::{Error, Result};

use super::Store;
use super::logged_models::LoggedModel;
use super::sql::{Transaction, params};

const MODELS: &str = "models:/";
/// Copies of copies that are followed.
const COPIES_MAX: usize = 100;

/// Of a row `m` of models: that its run is this one of `runs`, or that its files are below it.
pub(super) const COMES_FROM_RUN: &str =
    "(m.run = runs.run OR coalesce(m.storage, m.source) LIKE '%/' || runs.run || '/artifacts%'
                                          OR coalesce(m.storage, m.source) LIKE 'runs:/' || runs.run || '/%')";

/// Of a row `m` of models: that it is this one of `logged_models`, or that its files are.
pub(super) const COMES_FROM_LOGGED: &str = "(m.logged_model = logged_models.logged_model
    OR coalesce(m.storage, m.source) LIKE '%/models/' || logged_models.logged_model || '/artifacts%')";

/// Of two rows of models: that `c` is a copy of `m`, which was trained here.
pub(super) const IS_COPY: &str = "c.storage = 'mlflow-artifacts:/registry/' || m.model || '/' || m.version";

impl Store {
    /// Where the files of a version are that was trained here.
    pub fn place_of_trained(model: &str, version: u64) -> String {
        format!("mlflow-artifacts:/registry/{model}/{version}")
    }

    /// Where the files are that a source names; None if it names a version or a logged model that there is not.
    pub fn place_of(&self, source: &str) -> Result<Option<String>> {
        Ok(self.database.read(|transaction| place_of(transaction, source))?.flatten())
    }
}

impl LoggedModel {
    /// Where its files are.
    pub fn place(&self) -> String {
        place_of_logged(self.experiment, &self.id)
    }
}

fn place_of_logged(experiment: i64, id: &str) -> String {
    format!("mlflow-artifacts:/{experiment}/models/{id}/artifacts")
}

/// As [`Store::place_of`].
pub(super) fn place_of(transaction: &Transaction, source: &str) -> Result<Option<String>> {
    let mut place = source.to_owned();
    for _ in 0..COPIES_MAX {
        let Some(named) = place.strip_prefix(MODELS) else { return Ok(Some(place)) };
        let next = match named.rsplit_once('/') {
            Some((model, version)) => of_version(transaction, model, version)?,
            None => of_logged(transaction, named)?,
        };
        match next {
            Some(next) => place = next,
            None => return Ok(None),
        }
    }
    Ok(None)
}

fn of_version(transaction: &Transaction, model: &str, version: &str) -> Result<Option<String>> {
    let Ok(version) = version.parse::<u64>() else { return Ok(None) };
    let sql = "SELECT coalesce(storage, source) FROM models WHERE model = ?1 AND version = ?2";
    let found: Option<Option<String>> = transaction.first(sql, params![model, version as i64], |row| row.get(0))?;
    Ok(found.map(|place| place.unwrap_or_else(|| Store::place_of_trained(model, version))))
}

/// One that is deleted has its files as long as a version points to them.
fn of_logged(transaction: &Transaction, id: &str) -> Result<Option<String>> {
    let sql = "SELECT experiment_id FROM logged_models WHERE logged_model = ?1";
    let experiment: Option<i64> = transaction.first(sql, params![id], |row| row.get(0))?;
    Ok(experiment.map(|experiment| place_of_logged(experiment, id)))
}

/// A version of a model that comes from a run, as `model@version`.
pub(super) fn version_from_run(transaction: &Transaction, run: &str) -> Result<Option<String>> {
    let sql =
        format!("SELECT m.model || '@' || m.version FROM models AS m, runs WHERE runs.run = ?1 AND {COMES_FROM_RUN} LIMIT 1");
    transaction.first(&sql, params![run], |row| row.get(0))
}

/// Errors: `Plan` if a copy of this version, or of one of the model, has the files of the one that was trained here and stays behind.
pub(super) fn check_no_copies(transaction: &Transaction, model: &str, version: Option<u64>) -> Result<()> {
    let stays = if version.is_some() { "(c.model <> m.model OR c.version <> m.version)" } else { "c.model <> m.model" };
    let sql = format!(
        "SELECT c.model || '@' || c.version, m.version FROM models AS m, models AS c WHERE m.model = ?1 AND (m.version = ?2 OR ?2 = 0)
         AND m.source IS NULL AND {IS_COPY} AND {stays} ORDER BY 1 LIMIT 1"
    );
    // Versions count from 1.
    let values = params![model, version.unwrap_or_default() as i64];
    let found = transaction.first(&sql, values, |row| Ok((row.get::<String>(0)?, row.get::<i64>(1)?)))?;
    let Some((copy, version)) = found else { return Ok(()) };
    let what =
        format!("model `{model}@{version}` stays: `{copy}`, registered by a client of MLflow, is a copy and has its files here");
    Err(Error::plan("model registry", what).hint("remove the copy first"))
}
