//! How a `store.db` of an older layout becomes one of the present layout, and what is done with one of a newer build.

use std::path::{Path, PathBuf};

use gradframe_ml_core::{Error, Result};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::errors::{store_error, sync_directory, write_error};
use super::layouts::MIGRATIONS;

/// A file's layout beside the one that this build reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    Present,
    /// 0 is a file without tables, or one that is no store.
    Older(usize),
}

/// The file's layout. Errors: `Execution` if the file is from a newer build or not a store at all.
pub(super) fn layout(connection: &Connection) -> Result<Layout> {
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(store_error)?;
    match usize::try_from(found) {
        Ok(found) if found == MIGRATIONS.len() => Ok(Layout::Present),
        Ok(found) if found < MIGRATIONS.len() => Ok(Layout::Older(found)),
        _ => {
            let path = connection.path().unwrap_or("store.db");
            let what = format!("`{path}` has layout {found}, this build reads up to {}", MIGRATIONS.len());
            Err(Error::execution("store", what)
                .hint("a newer gradframe wrote it: upgrade, or set GRADFRAME_HOME to another directory"))
        }
    }
}

/// Brings the file to the present layout, once, whichever process comes first. An older file is copied before to
/// `store.db.layout-1`, named for its layout. Errors: as [`layout`]; those of the copy, after which nothing is changed.
pub(super) fn migrate(connection: &mut Connection) -> Result<()> {
    if layout(connection)? == Layout::Present {
        return Ok(());
    }
    let path = connection.path().map(PathBuf::from).unwrap_or_default();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(store_error)?;
    // Read again: another process may have migrated while this one waited for the lock.
    let Layout::Older(found) = layout(&transaction)? else { return Ok(()) };
    match found {
        0 => refuse_others(&transaction)?,
        found => back_up(&path, found)?,
    }
    for step in MIGRATIONS.iter().skip(found) {
        step(&transaction)?;
    }
    transaction.pragma_update(None, "user_version", MIGRATIONS.len() as i64).map_err(store_error)?;
    transaction.commit().map_err(store_error)
}

/// Errors: `Execution` for a file without a layout that has tables: another program's.
fn refuse_others(transaction: &Connection) -> Result<()> {
    let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0)).map_err(store_error)?;
    if tables == 0 {
        return Ok(());
    }
    Err(Error::execution("store", "it is another program's database, and no store of gradframe"))
}

/// Copies the file while the caller holds its write lock, through a connection of its own, which sees what is committed.
fn back_up(path: &Path, layout: usize) -> Result<()> {
    let mut target = path.as_os_str().to_owned();
    target.push(format!(".layout-{layout}"));
    let target = PathBuf::from(target);
    let partial = target.with_extension(format!("layout-{layout}.{}.partial", std::process::id()));
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(store_error)?;
    // Left by a process of this number that ended half-way.
    let _ = std::fs::remove_file(&partial);
    let copied = copy_into(&connection, &partial).and_then(|()| {
        let kept = std::fs::File::open(&partial).and_then(|file| file.sync_all());
        let kept = kept.and_then(|()| std::fs::rename(&partial, &target));
        kept.and_then(|()| target.parent().map_or(Ok(()), sync_directory)).map_err(|error| write_error("store", &target, error))
    });
    if copied.is_err() {
        let _ = std::fs::remove_file(&partial);
    }
    copied
}

/// A whole copy of what the connection sees, at a place where there is nothing yet.
pub(super) fn copy_into(connection: &Connection, target: &Path) -> Result<()> {
    connection.execute("VACUUM INTO ?1", [target.to_string_lossy()]).map(|_| ()).map_err(store_error)
}
