//! The tables of `store.db`, and how an older layout becomes the present one.

use gradframe_ml_core::{Error, Result};
use rusqlite::{Connection, TransactionBehavior};

use super::database::store_error;

/// `migrations[i]` turns layout `i` into layout `i + 1`; SQLite's `user_version` says which one a file has.
/// Layouts are never edited once released: add a step.
const MIGRATIONS: [&str; 1] = [LAYOUT_1];

/// Metrics keep `value` for people who open the file with other tools (null where it is NaN), and `value_order`, the
/// exact bits as an integer that sorts as the floats do: that is what we read and compare.
const LAYOUT_1: &str = "
CREATE TABLE runs (
    run TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('running', 'finished', 'failed', 'cancelled')),
    started INTEGER NOT NULL,
    ended INTEGER,
    model TEXT,
    seed INTEGER NOT NULL,
    reproducible INTEGER NOT NULL,
    error TEXT,
    process TEXT NOT NULL
) STRICT;
CREATE INDEX runs_running ON runs (run) WHERE status = 'running';

CREATE TABLE params (
    run TEXT NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE metrics (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
    name TEXT NOT NULL,
    step INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    value REAL,
    value_order INTEGER NOT NULL,
    time INTEGER NOT NULL
) STRICT;
CREATE INDEX metrics_of_run ON metrics (run, epoch, id);

CREATE TABLE model_names (
    name TEXT PRIMARY KEY,
    last_version INTEGER NOT NULL
) STRICT;

CREATE TABLE models (
    model TEXT NOT NULL REFERENCES model_names (name),
    version INTEGER NOT NULL,
    model_type TEXT NOT NULL,
    label TEXT NOT NULL,
    features INTEGER NOT NULL,
    run TEXT NOT NULL,
    created INTEGER NOT NULL,
    weights_xxh3 TEXT NOT NULL,
    PRIMARY KEY (model, version)
) STRICT;

CREATE TABLE entries (
    name TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('table', 'view')),
    sql TEXT NOT NULL
) STRICT;
";

/// Brings the file to the present layout, once, whichever process comes first.
/// Errors: `Execution` if the file is from a newer build or not a store at all.
pub(super) fn migrate(connection: &mut Connection) -> Result<()> {
    if layout(connection)? == MIGRATIONS.len() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(store_error)?;
    // Read again: another process may have migrated while this one waited for the lock.
    let found = layout(&transaction)?;
    for step in MIGRATIONS.iter().skip(found) {
        transaction.execute_batch(step).map_err(store_error)?;
    }
    transaction.pragma_update(None, "user_version", MIGRATIONS.len() as i64).map_err(store_error)?;
    transaction.commit().map_err(store_error)
}

fn layout(connection: &Connection) -> Result<usize> {
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(store_error)?;
    match usize::try_from(found) {
        Ok(found) if found <= MIGRATIONS.len() => Ok(found),
        _ => {
            let what = format!("`{}` has layout {found}, this build reads up to {}", path(connection), MIGRATIONS.len());
            Err(Error::execution("store", what)
                .hint("a newer gradframe wrote it: upgrade, or set GRADFRAME_HOME to another directory"))
        }
    }
}

fn path(connection: &Connection) -> &str {
    connection.path().unwrap_or("store.db")
}
