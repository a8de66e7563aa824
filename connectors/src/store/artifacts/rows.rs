//! Which run has what under which name.

use std::collections::HashSet;

use gradframe_ml_core::Result;
use gradframe_plan::services::NewArtifact;

use super::super::sql::{Row, ToValue, Transaction, params, put};
use super::super::tracking::ArtifactRecord;

/// Adds an artifact with the length and hash of its content, in place of one of that name.
pub(in super::super) fn insert(
    transaction: &Transaction,
    run: &str,
    artifact: &NewArtifact<'_>,
    (bytes, hash): (u64, &str),
    created_us: i64,
) -> Result<()> {
    let NewArtifact { path, kind, step } = *artifact;
    let sql = put("artifacts", &["run", "path"], &["kind", "step", "bytes", "hash", "created"]);
    let values = params![run, path, kind, step, bytes as i64, hash, created_us];
    transaction.execute(&sql, values).map(|_| ())
}

/// The hash of an artifact's content.
pub(super) fn hash(transaction: &Transaction, run: &str, path: &str) -> Result<Option<String>> {
    let sql = "SELECT hash FROM artifacts WHERE run = ?1 AND path = ?2";
    transaction.first(sql, params![run, path], |row| row.get(0))
}

/// The hashes of a run's contents, those of its traces among them.
pub(in super::super) fn hashes(transaction: &Transaction, run: &str) -> Result<Vec<String>> {
    let sql = "SELECT hash FROM artifacts WHERE run = ?1
               UNION SELECT hash FROM trace_files WHERE trace IN (SELECT trace FROM traces WHERE run = ?1)";
    texts(transaction, sql, params![run])
}

/// Removes an artifact, or all below a directory; of an empty path, all. Gives how many there were.
pub(super) fn remove(transaction: &Transaction, run: &str, path: &str) -> Result<usize> {
    let sql = "DELETE FROM artifacts WHERE run = ?1 AND (path = ?2 OR substr(path, 1, length(?3)) = ?3)";
    transaction.execute(sql, params![run, path, below(path)])
}

/// How the paths of what is in a directory begin.
pub(in super::super) fn below(directory: &str) -> String {
    if directory.is_empty() { String::new() } else { format!("{directory}/") }
}

/// The names of a run's artifacts.
pub(super) fn names(transaction: &Transaction, run: &str) -> Result<Vec<String>> {
    texts(transaction, "SELECT path FROM artifacts WHERE run = ?1 ORDER BY path", params![run])
}

/// Paths and lengths of a run's artifacts.
pub(in super::super) fn records(transaction: &Transaction, run: &str) -> Result<Vec<ArtifactRecord>> {
    let sql = "SELECT path, bytes FROM artifacts WHERE run = ?1 ORDER BY path";
    let record = |row: &Row| Ok(ArtifactRecord { path: row.get(0)?, bytes: row.get::<i64>(1)? as u64 });
    transaction.rows(sql, params![run], record)
}

/// Hashes of all contents that something points to.
pub(super) fn all_hashes(transaction: &Transaction) -> Result<HashSet<String>> {
    let mut sql =
        "SELECT hash FROM artifacts UNION SELECT hash FROM logged_model_files UNION SELECT hash FROM trace_files".to_owned();
    if transaction.is_shared() {
        sql.push_str(" UNION SELECT hash FROM model_files");
    }
    Ok(texts(transaction, &sql, &[])?.into_iter().collect())
}

fn texts(transaction: &Transaction, sql: &str, values: &[&dyn ToValue]) -> Result<Vec<String>> {
    transaction.rows(sql, values, |row| row.get(0))
}
