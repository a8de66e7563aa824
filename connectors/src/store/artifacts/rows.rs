//! Which run has what under which name.

use std::collections::HashSet;

use gradframe_ml_core::Result;
use gradframe_plan::services::NewArtifact;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::super::errors::store_error;
use super::super::now_us;
use super::super::tracking::ArtifactRecord;
use super::objects::Staged;

/// Adds an artifact, in place of one of that name.
pub(in super::super) fn insert(transaction: &Transaction, run: &str, artifact: &NewArtifact<'_>, staged: &Staged) -> Result<()> {
    let NewArtifact { path, kind, step } = *artifact;
    let sql =
        "INSERT OR REPLACE INTO artifacts (run, path, kind, step, bytes, hash, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let values = params![run, path, kind, step, staged.bytes as i64, staged.hash, now_us()];
    transaction.prepare_cached(sql).and_then(|mut insert| insert.execute(values)).map(|_| ()).map_err(store_error)
}

/// The hash of an artifact's content.
pub(super) fn hash(transaction: &Transaction, run: &str, path: &str) -> Result<Option<String>> {
    let sql = "SELECT hash FROM artifacts WHERE run = ?1 AND path = ?2";
    transaction.query_row(sql, [run, path], |row| row.get(0)).optional().map_err(store_error)
}

/// The hashes of a run's contents.
pub(in super::super) fn hashes(transaction: &Transaction, run: &str) -> Result<Vec<String>> {
    texts(transaction, "SELECT DISTINCT hash FROM artifacts WHERE run = ?1", &[run])
}

/// The names of a run's artifacts.
pub(super) fn names(transaction: &Transaction, run: &str) -> Result<Vec<String>> {
    texts(transaction, "SELECT path FROM artifacts WHERE run = ?1 ORDER BY path", &[run])
}

/// Paths and lengths of a run's artifacts.
pub(in super::super) fn records(transaction: &Transaction, run: &str) -> Result<Vec<ArtifactRecord>> {
    let sql = "SELECT path, bytes FROM artifacts WHERE run = ?1 ORDER BY path";
    let mut statement = transaction.prepare_cached(sql).map_err(store_error)?;
    let record = |row: &Row| Ok(ArtifactRecord { path: row.get(0)?, bytes: row.get::<_, i64>(1)? as u64 });
    let rows = statement.query_map([run], record).map_err(store_error)?;
    rows.collect::<Result<_, _>>().map_err(store_error)
}

/// Hashes of all contents that something points to.
pub(super) fn all_hashes(transaction: &Transaction) -> Result<HashSet<String>> {
    let sql = "SELECT hash FROM artifacts UNION SELECT hash FROM logged_model_files";
    Ok(texts(transaction, sql, &[])?.into_iter().collect())
}

fn texts(transaction: &Transaction, sql: &str, values: &[&str]) -> Result<Vec<String>> {
    let mut statement = transaction.prepare(sql).map_err(store_error)?;
    let rows = statement.query_map(rusqlite::params_from_iter(values), |row| row.get(0)).map_err(store_error)?;
    rows.collect::<Result<Vec<_>, _>>().map_err(store_error)
}
