//! The tables of a store in PostgreSQL: those of the embedded store's layouts, in a schema `gradframe`, and what else is needed
//! where there is no directory that all machines see.

use std::time::Duration;

use gradframe_ml_core::{Error, Result};

use super::super::layouts::{self, LAYOUTS};
use super::super::now_us;
use super::wire::Wire;

const HAS_LAYOUT: &str = "SELECT to_regclass('gradframe.layout') IS NOT NULL";
const LAYOUT: &str = "SELECT max(layout) FROM gradframe.layout";

/// What is on a server alone, by the layout that brings it.
const SHARED: [(usize, &str); 2] = [(layouts::FIRST_SHARED, SHARED_6), (7, SHARED_7)];

/// Pieces of segments that are still being written somewhere; contents of artifacts in pieces of a megabyte; files of models.
const SHARED_6: &str = "
CREATE TABLE pieces (
    segment TEXT NOT NULL,
    at INTEGER NOT NULL,
    run TEXT NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
    data BLOB NOT NULL,
    PRIMARY KEY (segment, at)
) STRICT;
CREATE INDEX pieces_of_run ON pieces (run);

CREATE TABLE objects (
    hash TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL
) STRICT;

CREATE TABLE object_pieces (
    hash TEXT NOT NULL,
    part INTEGER NOT NULL,
    data BLOB NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (hash, part)
) STRICT;
ALTER TABLE object_pieces ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE TABLE model_files (
    model TEXT NOT NULL,
    version INTEGER NOT NULL,
    path TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (model, version, path),
    FOREIGN KEY (model, version) REFERENCES models (model, version) ON DELETE CASCADE ON UPDATE CASCADE
) STRICT;
CREATE INDEX model_files_of_hash ON model_files (hash);
";

/// The last checkpoint of each interrupted run, in pieces of a megabyte.
const SHARED_7: &str = "
CREATE TABLE checkpoints (
    run TEXT PRIMARY KEY REFERENCES runs (run) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT;

CREATE TABLE checkpoint_pieces (
    run TEXT NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    part INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (run, number, part)
) STRICT;
ALTER TABLE checkpoint_pieces ALTER COLUMN data SET STORAGE EXTERNAL;
";

/// Settings of a new connection.
pub(super) fn prepare(wire: &mut Wire, busy_timeout: Duration) -> Result<()> {
    let wait_ms = busy_timeout.as_millis().max(1);
    let settings = format!(
        "SET search_path = gradframe; SET lock_timeout = {wait_ms}; SET client_min_messages = error; \
         SET standard_conforming_strings = on; SET bytea_output = hex"
    );
    wire.simple(&settings).map(|_| ())
}

/// Whether the database has a store of this layout. Errors: `Execution` for one of a newer or an older build.
pub(super) fn is_there(wire: &mut Wire) -> Result<bool> {
    if wire.has_layout {
        return Ok(true);
    }
    if wire.simple(HAS_LAYOUT)?.value.as_deref() != Some("t") {
        return Ok(false);
    }
    let found = wire.simple(LAYOUT)?.value.and_then(|layout| layout.parse::<usize>().ok()).unwrap_or(usize::MAX);
    if found > LAYOUTS {
        let what = format!("the store has layout {found}, this build reads up to {LAYOUTS}");
        return Err(Error::execution("store", what).hint("a newer gradframe wrote it: upgrade, or name another database"));
    }
    wire.has_layout = found == LAYOUTS;
    Ok(wire.has_layout)
}

/// Makes the tables, or brings them to this layout, once, whichever process comes first.
pub(super) fn ensure(wire: &mut Wire, write_lock: i64) -> Result<()> {
    if is_there(wire)? {
        return Ok(());
    }
    wire.simple(&format!("BEGIN; SELECT pg_advisory_xact_lock({write_lock})"))?;
    let made = make(wire).and_then(|()| wire.simple("COMMIT"));
    if made.is_err() {
        let _ = wire.simple("ROLLBACK");
    }
    made?;
    wire.has_layout = true;
    Ok(())
}

fn make(wire: &mut Wire) -> Result<()> {
    // Looked at again: another process may have done it while this one waited for the lock.
    if is_there(wire)? {
        return Ok(());
    }
    if wire.simple("SELECT to_regnamespace('gradframe') IS NOT NULL")?.value.as_deref() != Some("t") {
        wire.simple("CREATE SCHEMA gradframe")?;
    }
    if wire.simple(HAS_LAYOUT)?.value.as_deref() != Some("t") {
        wire.simple("CREATE TABLE layout (layout BIGINT PRIMARY KEY)")?;
    }
    let found = wire.simple(LAYOUT)?.value.and_then(|layout| layout.parse().ok()).unwrap_or(0);
    if found > 0 {
        back_up(wire, found)?;
    }
    for layout in found..LAYOUTS {
        wire.simple(&translated(layouts::TABLES[layout]))?;
        if layout + 1 == layouts::HAS_DEFAULT_EXPERIMENT {
            wire.simple(&format!("INSERT INTO experiments (id, experiment, created) VALUES (0, 'Default', {})", now_us()))?;
        }
        for (_, tables) in SHARED.iter().filter(|(brings, _)| *brings == layout + 1) {
            wire.simple(&translated(tables))?;
        }
        wire.simple(&format!("INSERT INTO layout VALUES ({})", layout + 1))?;
    }
    Ok(())
}

/// Copies the tables into a schema named for their layout, but for contents, which no layout changes.
fn back_up(wire: &mut Wire, layout: usize) -> Result<()> {
    let schema = format!("gradframe_layout_{layout}");
    let tables = "SELECT string_agg(tablename, ',') FROM pg_tables WHERE schemaname = 'gradframe' AND tablename NOT IN ('object_pieces', 'checkpoint_pieces')";
    let tables = wire.simple(tables)?.value.unwrap_or_default();
    wire.simple(&format!("CREATE SCHEMA {schema}"))?;
    for table in tables.split(',').filter(|table| !table.is_empty()) {
        wire.simple(&format!("CREATE TABLE {schema}.{table} AS TABLE gradframe.{table}"))?;
    }
    Ok(())
}

/// A layout's statements in PostgreSQL's words. Texts sort by their bytes, as they do in SQLite and in Arrow.
fn translated(layout: &str) -> String {
    let words = [
        ("CREATE TABLE chunks (", "CREATE TABLE chunks (rowid INTEGER GENERATED ALWAYS AS IDENTITY,"),
        (" id INTEGER PRIMARY KEY", " id INTEGER GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"),
        (") STRICT, WITHOUT ROWID;", ");"),
        (") STRICT;", ");"),
        (" TEXT", " TEXT COLLATE \"C\""),
        (" INTEGER", " BIGINT"),
        (" REAL", " DOUBLE PRECISION"),
        (" BLOB", " BYTEA"),
    ];
    words.iter().fold(layout.to_owned(), |text, (ours, theirs)| text.replace(ours, theirs))
}
