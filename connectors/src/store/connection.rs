//! Connections to `store.db`: for writing where the file may be written, else for reading it as it is.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gradframe_ml_core::{Error, Result};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tempfile::TempDir;

use super::errors::{is_no_access, store_error};
use super::schema::{self, Layout};

/// A connection remembers so many statements.
const STATEMENTS_MAX: usize = 128;

/// How long to wait between tries where SQLite itself does not wait (changing to WAL mode).
const RETRY_PAUSE: Duration = Duration::from_millis(5);

/// What a path has to hide in a `file:` address.
const ENCODED: &AsciiSet = &CONTROLS.add(b'%').add(b'?').add(b'#').add(b' ');

/// A connection and what it may do.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) connection: Connection,
    access: Access,
    /// SQLite connections must not cross a fork: Python's `multiprocessing` may do just that.
    process_id: u32,
    /// None in memory, and where files have no number.
    file: Option<FileNumber>,
}

#[derive(Debug)]
enum Access {
    Write,
    /// The file may not be written; others may do so.
    Read,
    /// The file as it was when it was opened, or a copy of it.
    Snapshot {
        _copy: Option<TempDir>,
    },
}

/// Device and number of a file.
type FileNumber = (u64, u64);

impl Open {
    pub(super) fn is_writable(&self) -> bool {
        matches!(self.access, Access::Write)
    }

    /// True if the next read has to open the file again.
    pub(super) fn is_snapshot(&self) -> bool {
        matches!(self.access, Access::Snapshot { .. })
    }

    pub(super) fn is_of_another_process(&self) -> bool {
        self.process_id != std::process::id()
    }

    /// False if the file at the path is another one than the one that was opened.
    pub(super) fn is_still_at(&self, path: &Path) -> bool {
        self.file.is_none() || self.file == file_number(path)
    }

    fn at(path: &Path, connection: Connection, access: Access) -> Self {
        Open { connection, access, process_id: std::process::id(), file: file_number(path) }
    }
}

/// A database without a file.
pub(super) fn in_memory() -> Result<Open> {
    let mut connection = Connection::open_in_memory().map_err(store_error)?;
    prepare(&mut connection, Duration::ZERO)?;
    Ok(Open { connection, access: Access::Write, process_id: std::process::id(), file: None })
}

/// The file, for writing if it may be written. Makes it if it is not there.
pub(super) fn to_write(path: &Path, busy_timeout: Duration) -> Result<Open> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(store_error)?;
    connection.busy_timeout(busy_timeout).map_err(store_error)?;
    refuse_newer(&connection, path)?;
    if connection.is_readonly("main").map_err(store_error)? {
        return Ok(Open::at(path, connection, Access::Read));
    }
    prepare(&mut connection, busy_timeout)?;
    Ok(Open::at(path, connection, Access::Write))
}

/// The file, for writing if it may be written, else for reading.
pub(super) fn to_read(path: &Path, busy_timeout: Duration) -> Result<Open> {
    match to_write(path, busy_timeout) {
        Ok(open) if open.is_writable() => Ok(open),
        Ok(open) => drop_and_read(open, path, busy_timeout),
        // If it cannot be read either, the first reason is the one to tell.
        Err(error) if is_no_access(&error) => read_only(path, busy_timeout).map_err(|_| error),
        Err(error) => Err(error),
    }
}

fn drop_and_read(open: Open, path: &Path, busy_timeout: Duration) -> Result<Open> {
    drop(open);
    read_only(path, busy_timeout)
}

/// A file that may not be written. Where not even the files beside it can be made, it is read as it is now: nobody
/// writes to it then.
fn read_only(path: &Path, busy_timeout: Duration) -> Result<Open> {
    let (connection, access) = match open_to_read(path, "mode=ro", busy_timeout) {
        Ok(connection) => (connection, Access::Read),
        Err(error) if !is_no_access(&error) || has_unmerged_log(path) => return Err(error),
        Err(_) => (open_to_read(path, "immutable=1", busy_timeout)?, Access::Snapshot { _copy: None }),
    };
    match schema::layout(&connection)? {
        Layout::Present => Ok(Open::at(path, connection, access)),
        Layout::Older(_) => migrated_copy(path, &connection),
    }
}

/// Errors: `Execution` for a file of a newer build.
fn open_to_read(path: &Path, mode: &str, busy_timeout: Duration) -> Result<Connection> {
    let path = path.to_string_lossy();
    let address = format!("file:{}?{mode}", utf8_percent_encode(&path, ENCODED));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(address, flags).map_err(store_error)?;
    connection.busy_timeout(busy_timeout).map_err(store_error)?;
    schema::layout(&connection)?;
    Ok(connection)
}

/// An older file that cannot be brought to the present layout where it is.
fn migrated_copy(path: &Path, connection: &Connection) -> Result<Open> {
    let no_copy = |error: std::io::Error| Error::external("store", format!("no room for a copy to read: {error}")).because(error);
    let directory = tempfile::tempdir().map_err(no_copy)?;
    let copy = directory.path().join("store.db");
    schema::copy_into(connection, &copy)?;
    let mut connection = Connection::open(&copy).map_err(store_error)?;
    prepare(&mut connection, Duration::ZERO)?;
    Ok(Open::at(path, connection, Access::Snapshot { _copy: Some(directory) }))
}

/// Looked at before anything else is done to the file: one of a newer build stays as it is, its log included.
fn refuse_newer(connection: &Connection, path: &Path) -> Result<()> {
    if has_unmerged_log(path) {
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(store_error)?;
    }
    schema::layout(connection)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map(|_| ()).map_err(store_error)
}

/// Settings of every connection that may write, and the present layout.
fn prepare(connection: &mut Connection, busy_timeout: Duration) -> Result<()> {
    use_write_ahead_log(connection, busy_timeout)?;
    // In WAL mode FULL waits for the disk at each commit.
    connection.pragma_update(None, "synchronous", "FULL").map_err(store_error)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(store_error)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    schema::migrate(connection)
}

/// WAL lets readers go on while another process writes. SQLite does not wait for others here, so we do.
fn use_write_ahead_log(connection: &Connection, busy_timeout: Duration) -> Result<()> {
    let start = Instant::now();
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())) {
            Err(e) if is_busy(&e) && start.elapsed() < busy_timeout => std::thread::sleep(RETRY_PAUSE),
            done => return done.map_err(store_error),
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// True if there is more in the log beside the file than in the file. Only looked at, never opened: closing a file that
/// SQLite has open would release its locks.
fn has_unmerged_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(PathBuf::from(log)).is_ok_and(|log| log.len() > 0)
}

#[cfg(unix)]
fn file_number(path: &Path) -> Option<FileNumber> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn file_number(_path: &Path) -> Option<FileNumber> {
    None
}
