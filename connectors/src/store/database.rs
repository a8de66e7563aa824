//! The connection to `store.db`: opened when first used, made only by a write.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gradframe_ml_core::{Error, Result};
use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use super::schema;

/// How long one process waits for another's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long to wait between tries where SQLite itself does not wait (changing to WAL mode).
const RETRY_PAUSE: Duration = Duration::from_millis(5);

/// One process's connection to the store, used by one thread at a time.
#[derive(Debug)]
pub(super) struct Database {
    home: Option<PathBuf>,
    open: Mutex<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    connection: Connection,
    /// SQLite connections must not cross a fork: Python's `multiprocessing` may do just that.
    process_id: u32,
}

impl Database {
    /// The database in a directory that need not exist yet.
    pub(super) fn in_directory(home: PathBuf) -> Self {
        Database { home: Some(home), open: Mutex::new(None) }
    }

    /// A database without a file.
    pub(super) fn in_memory() -> Result<Self> {
        let mut connection = Connection::open_in_memory().map_err(store_error)?;
        prepare(&mut connection)?;
        Ok(Database { home: None, open: Mutex::new(Some(Open::here(connection))) })
    }

    /// The directory, unless in memory.
    pub(super) fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// Runs `read` on the store, or gives None if there is no store yet. One call sees one state of the store.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Transaction) -> Result<T>) -> Result<Option<T>> {
        let mut open = self.open.lock();
        if !self.connect(&mut open, false)? {
            return Ok(None);
        }
        let transaction = begin(&mut open, TransactionBehavior::Deferred)?;
        read(&transaction).map(Some)
    }

    /// Runs `write` in one transaction that no other process interleaves with; on disk when this returns, with all
    /// that was written before. If `write` fails, nothing is changed.
    pub(super) fn write<T>(&self, write: impl FnOnce(&Transaction) -> Result<T>) -> Result<T> {
        self.write_with("FULL", write)
    }

    /// The same, but what is written survives only the end of the process, not a power cut, until the next `write`:
    /// a training logs every epoch, and waiting for the disk takes longer than many an epoch.
    pub(super) fn append<T>(&self, write: impl FnOnce(&Transaction) -> Result<T>) -> Result<T> {
        self.write_with("NORMAL", write)
    }

    fn write_with<T>(&self, synchronous: &str, write: impl FnOnce(&Transaction) -> Result<T>) -> Result<T> {
        let mut open = self.open.lock();
        self.connect(&mut open, true)?;
        if let Some(open) = open.as_ref() {
            // In WAL mode FULL waits for the disk at each commit.
            open.connection.pragma_update(None, "synchronous", synchronous).map_err(store_error)?;
        }
        let transaction = begin(&mut open, TransactionBehavior::Immediate)?;
        let value = write(&transaction)?;
        transaction.commit().map_err(store_error)?;
        Ok(value)
    }

    /// True if there is a connection now. Makes the file if `create`.
    fn connect(&self, open: &mut Option<Open>, create: bool) -> Result<bool> {
        forget_if_forked(open);
        if open.is_some() {
            return Ok(true);
        }
        let home = self.home.as_ref().ok_or_else(|| Error::external("store", "a store in memory does not survive a fork"))?;
        let path = home.join("store.db");
        if create {
            std::fs::create_dir_all(home).map_err(|e| {
                Error::external("store", format!("cannot make the directory `{}`: {e}", home.display())).because(e)
            })?;
        } else if !path.exists() {
            return Ok(false);
        }
        *open = Some(Open::here(open_file(&path)?));
        Ok(true)
    }
}

impl Open {
    fn here(connection: Connection) -> Self {
        Open { connection, process_id: std::process::id() }
    }
}

/// Drops a parent process's connection without closing it: closing would release the parent's locks.
fn forget_if_forked(open: &mut Option<Open>) {
    if open.as_ref().is_some_and(|o| o.process_id != std::process::id()) {
        std::mem::forget(open.take());
    }
}

fn begin(open: &mut Option<Open>, behavior: TransactionBehavior) -> Result<Transaction<'_>> {
    let open = open.as_mut().ok_or_else(|| Error::internal("store", "used before it was opened"))?;
    open.connection.transaction_with_behavior(behavior).map_err(store_error)
}

fn open_file(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags).map_err(store_error).and_then(|mut connection| {
        prepare(&mut connection)?;
        Ok(connection)
    });
    opened.map_err(|e| name_file(e, path))
}

/// Settings of every connection, and the present layout.
fn prepare(connection: &mut Connection) -> Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT).map_err(store_error)?;
    use_write_ahead_log(connection)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(store_error)?;
    schema::migrate(connection)
}

/// WAL lets readers go on while another process writes. SQLite does not wait for others here, so we do.
fn use_write_ahead_log(connection: &Connection) -> Result<()> {
    let start = Instant::now();
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())) {
            Err(e) if is_busy(&e) && start.elapsed() < BUSY_TIMEOUT => std::thread::sleep(RETRY_PAUSE),
            done => return done.map_err(store_error),
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn name_file(error: Error, path: &Path) -> Error {
    let path = path.display().to_string();
    if error.detail().what.contains(&path) {
        return error;
    }
    let what = format!("`{path}`: {}", error.detail().what);
    match error {
        Error::Execution(_) => Error::execution("store", what).because(error),
        _ => Error::external("store", what).because(error),
    }
}

/// An SQLite error, by whose fault it is: `Execution` for a corrupt file, `Resources` for a full disk, else `External`.
pub(super) fn store_error(error: rusqlite::Error) -> Error {
    let make = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Error::execution,
        Some(ErrorCode::DiskFull) => Error::resources,
        _ => Error::external,
    };
    make("store".to_string(), error.to_string()).because(error)
}
