//! The database of an embedded store: a file of SQLite, opened when first used, made only by a write.

use std::path::PathBuf;
use std::time::Duration;

use gradframe_ml_core::{Error, Result};
use parking_lot::Mutex;
use rusqlite::TransactionBehavior;

use super::connection::{self, Open};
use super::errors::{make_directory, name_file, read_only, store_error};
use super::lost::check_not_lost;
use super::sql::Transaction;

/// One process's connection to the store, used by one thread at a time.
#[derive(Debug)]
pub(super) struct Embedded {
    home: Option<PathBuf>,
    busy_timeout: Duration,
    open: Mutex<Option<Open>>,
}

impl Embedded {
    /// The database in a directory that need not exist yet.
    pub(super) fn in_directory(home: PathBuf, busy_timeout: Duration) -> Self {
        Embedded { home: Some(home), busy_timeout, open: Mutex::default() }
    }

    /// A database without a file.
    pub(super) fn in_memory() -> Result<Self> {
        let open = Mutex::new(Some(connection::in_memory()?));
        Ok(Embedded { home: None, busy_timeout: Duration::ZERO, open })
    }

    /// Runs `read` on the store, or gives None if there is no store yet. One call sees one state of the store.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<Option<T>> {
        let mut open = self.open.lock();
        let value = self.connect_to_read(&mut open).and_then(|connected| {
            if !connected {
                return Ok(None);
            }
            read(&Transaction::Sqlite(&begin(&mut open, TransactionBehavior::Deferred)?)).map(Some)
        });
        value.map_err(|error| self.name(error))
    }

    /// Runs `write` in one transaction, once.
    pub(super) fn write<T>(&self, write: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let mut open = self.open.lock();
        let written = self.connect_to_write(&mut open).and_then(|()| transact(&mut open, write));
        written.map_err(|error| self.name(error))
    }

    /// True if there is a connection now; false if there is no store.
    fn connect_to_read(&self, open: &mut Option<Open>) -> Result<bool> {
        self.let_go(open);
        if open.as_ref().is_some_and(|open| !open.is_snapshot()) {
            return Ok(true);
        }
        let path = self.path()?;
        *open = None;
        check_not_lost(&path)?;
        if path.exists() {
            *open = Some(connection::to_read(&path, self.busy_timeout)?);
        }
        Ok(open.is_some())
    }

    fn connect_to_write(&self, open: &mut Option<Open>) -> Result<()> {
        self.let_go(open);
        if open.as_ref().is_some_and(Open::is_writable) {
            return Ok(());
        }
        let path = self.path()?;
        *open = None;
        check_not_lost(&path)?;
        path.parent().map_or(Ok(()), |home| make_directory("store", home))?;
        let connected = connection::to_write(&path, self.busy_timeout)?;
        if !connected.is_writable() {
            return Err(read_only());
        }
        *open = Some(connected);
        Ok(())
    }

    /// Forgets a connection that came with a fork, or whose file has been deleted or replaced.
    fn let_go(&self, open: &mut Option<Open>) {
        let Some(connected) = open.as_ref() else { return };
        if connected.is_of_another_process() {
            // Not closed: closing would release the parent's locks.
            std::mem::forget(open.take());
        } else if self.path().is_ok_and(|path| !connected.is_still_at(&path)) {
            *open = None;
        }
    }

    fn path(&self) -> Result<PathBuf> {
        let home = self.home.as_ref().ok_or_else(|| Error::external("store", "a store in memory does not survive a fork"))?;
        Ok(home.join("store.db"))
    }

    fn name(&self, error: Error) -> Error {
        match self.path() {
            Ok(path) => name_file(error, &path),
            Err(_) => error,
        }
    }
}

fn begin(open: &mut Option<Open>, behavior: TransactionBehavior) -> Result<rusqlite::Transaction<'_>> {
    let open = open.as_mut().ok_or_else(|| Error::internal("store", "used before it was opened"))?;
    open.connection.transaction_with_behavior(behavior).map_err(store_error)
}

fn transact<T>(open: &mut Option<Open>, write: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
    let transaction = begin(open, TransactionBehavior::Immediate)?;
    let value = write(&Transaction::Sqlite(&transaction))?;
    transaction.commit().map_err(store_error)?;
    Ok(value)
}
