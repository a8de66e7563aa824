//! Which run has what under which name.

use std::collections::HashSet;

use gradframe_ml_core::{Error, Result};
use gradframe_plan::services::NewArtifact;

use super::super::sql::{Row, ToValue, Transaction, params, put};
use super::super::tracking::ArtifactRecord;

/// The tables of files under names, each with the column that says whose they are.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Files {
    Runs,
    LoggedModels,
    Traces,
}

impl Files {
    fn table_and_owner(self) -> (&'static str, &'static str) {
        match self {
            Files::Runs => ("artifacts", "run"),
            Files::LoggedModels => ("logged_model_files", "logged_model"),
            Files::Traces => ("trace_files", "trace"),
        }
    }

    /// Errors: `Plan` for a name that would make a file of a directory, or a directory of a file: nobody could fetch both.
    pub fn check_free(self, transaction: &Transaction, owner: &str, path: &str) -> Result<()> {
        let (table, column) = self.table_and_owner();
        let is_file = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE {column} = ?1 AND path = ?2)");
        for (end, _) in path.match_indices('/') {
            if transaction.value(&is_file, params![owner, &path[..end]])? {
                return Err(in_the_way(path, &path[..end]));
            }
        }
        // What is below comes between these, as `0` is the next character after `/`.
        let below = format!("SELECT path FROM {table} WHERE {column} = ?1 AND path > ?2 AND path < ?3 ORDER BY path LIMIT 1");
        let found: Option<String> =
            transaction.first(&below, params![owner, format!("{path}/"), format!("{path}0")], |row| row.get(0))?;
        found.map_or(Ok(()), |other| Err(in_the_way(path, &other)))
    }
}

/// One of two names would be a file and a directory.
pub(in super::super) fn in_the_way(path: &str, other: &str) -> Error {
    let why = match other.len() < path.len() {
        true => format!("`{other}` is a file already, and no directory"),
        false => format!("it is a directory already, of `{other}`"),
    };
    Error::plan("artifact", format!("`{path}` cannot be kept: {why}")).hint("choose another name, or remove the other one before")
}

/// Adds an artifact with the length and hash of its content, in place of one of that name. Errors: `Plan` for a name with which a file
/// would be a directory.
pub(in super::super) fn insert(
    transaction: &Transaction,
    run: &str,
    artifact: &NewArtifact<'_>,
    content: (u64, &str),
    created_us: i64,
) -> Result<()> {
    Files::Runs.check_free(transaction, run, artifact.path)?;
    insert_checked(transaction, run, artifact, content, created_us)
}

/// The same of one whose name was looked at when it was logged.
pub(in super::super) fn insert_checked(
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
