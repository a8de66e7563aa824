//! The database of a store as one process sees it: opened when first used, made only by a write.

use std::path::{Path, PathBuf};
use std::time::Duration;

use gradframe_ml_core::{Error, Result};
use parking_lot::Mutex;
use rusqlite::{Transaction, TransactionBehavior};

use super::connection::{self, Open};
use super::errors::{make_directory, name_file, read_only, store_error};
use super::lease::{Lease, locks_directory};
use super::process;

/// One process's connection to the store, used by one thread at a time.
#[derive(Debug)]
pub(super) struct Database {
    home: Option<PathBuf>,
    busy_timeout: Duration,
    open: Mutex<Option<Open>>,
    /// Taken with the first thing that this process has to answer for.
    lease: Mutex<Option<Lease>>,
}

impl Database {
    /// The database in a directory that need not exist yet.
    pub(super) fn in_directory(home: PathBuf, busy_timeout: Duration) -> Self {
        Database { home: Some(home), busy_timeout, open: Mutex::default(), lease: Mutex::default() }
    }

    /// A database without a file.
    pub(super) fn in_memory() -> Result<Self> {
        let open = Mutex::new(Some(connection::in_memory()?));
        Ok(Database { home: None, busy_timeout: Duration::ZERO, open, lease: Mutex::default() })
    }

    /// The directory, unless in memory.
    pub(super) fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// This process, as text by which others can tell whether it has ended. Written beside what must not outlive it.
    pub(super) fn owner(&self) -> String {
        let mut lease = self.lease.lock();
        if let Some(of_parent) = lease.take_if(|lease| !lease.is_of_this_process()) {
            // Closing the file would not free the parent's lock, and dropping leaves its file alone.
            drop(of_parent);
        }
        if let (None, Some(home)) = (lease.as_ref(), &self.home) {
            *lease = Lease::take(&locks_directory(home))
                .inspect_err(|error| tracing::debug!(%error, "no lock tells whether this process is alive"))
                .ok();
        }
        process::this_process(lease.as_ref().map(Lease::name).as_deref())
    }

    /// True only if the owner of something in this store is surely gone.
    pub(super) fn is_gone(&self, owner: &str) -> bool {
        process::is_gone(owner, &self.home.as_deref().map(locks_directory).unwrap_or_default())
    }

    /// Runs `read` on the store, or gives None if there is no store yet. One call sees one state of the store.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Transaction) -> Result<T>) -> Result<Option<T>> {
        let mut open = self.open.lock();
        let value = self.connect_to_read(&mut open).and_then(|connected| {
            if !connected {
                return Ok(None);
            }
            read(&begin(&mut open, TransactionBehavior::Deferred)?).map(Some)
        });
        value.map_err(|error| self.name(error))
    }

    /// Runs `write` in one transaction that no other process interleaves with; on disk when this returns, with all
    /// that was written before. If `write` fails, nothing is changed.
    /// Errors: those of `write`; `External` while another process keeps the store locked, after some waiting, or if it
    /// may not be written; `Resources` if the disk is full.
    pub(super) fn write<T>(&self, write: impl FnOnce(&Transaction) -> Result<T>) -> Result<T> {
        let mut open = self.open.lock();
        let written = self.connect_to_write(&mut open).and_then(|()| transact(&mut open, write));
        written.map_err(|error| self.name(error))
    }

    /// The same, beside another store's file, whose tables are in schema `other` meanwhile. Only this store is written to.
    pub(super) fn write_beside<T>(&self, other: &Path, write: impl FnOnce(&Transaction) -> Result<T>) -> Result<T> {
        let mut open = self.open.lock();
        let written = self.connect_to_write(&mut open).and_then(|()| {
            attach(&mut open, other)?;
            let written = transact(&mut open, write);
            detach(&mut open);
            written
        });
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

fn attach(open: &mut Option<Open>, other: &Path) -> Result<()> {
    let open = open.as_ref().ok_or_else(|| Error::internal("store", "used before it was opened"))?;
    let attached = open.connection.execute("ATTACH DATABASE ?1 AS other", [other.to_string_lossy()]);
    attached.map(|_| ()).map_err(store_error)
}

fn detach(open: &mut Option<Open>) {
    let Some(connected) = open.as_ref() else { return };
    if let Err(error) = connected.connection.execute_batch("DETACH DATABASE other") {
        tracing::warn!(%error, "a database stays attached; the store is opened again");
        *open = None;
    }
}

fn begin(open: &mut Option<Open>, behavior: TransactionBehavior) -> Result<Transaction<'_>> {
    let open = open.as_mut().ok_or_else(|| Error::internal("store", "used before it was opened"))?;
    open.connection.transaction_with_behavior(behavior).map_err(store_error)
}

fn transact<T>(open: &mut Option<Open>, write: impl FnOnce(&Transaction) -> Result<T>) -> Result<T> {
    let transaction = begin(open, TransactionBehavior::Immediate)?;
    let value = write(&transaction)?;
    transaction.commit().map_err(store_error)?;
    Ok(value)
}
