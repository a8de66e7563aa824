//! The database of a store as one process sees it: the embedded one, or PostgreSQL; and what this process answers for in it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use gradframe_ml_core::{Error, Result};
use parking_lot::Mutex;

use super::embedded::Embedded;
use super::lease::{Lease, locks_directory};
use super::postgres::{Address, Shared};
use super::process;
use super::sql::Transaction;

/// One process's connection to the store, used by one thread at a time.
#[derive(Debug)]
pub(super) struct Database {
    /// Where this process keeps the lock that tells that it lives.
    home: Option<PathBuf>,
    kept: Kept,
    /// Taken with the first thing that this process has to answer for.
    lease: Mutex<Option<Lease>>,
}

/// How long a server that is away is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// As long as for anything that is busy.
    Full,
    /// While it may just be starting again: what is said is kept on this machine else, or done another time.
    Brief,
    /// Not at all.
    None,
}

#[derive(Debug)]
enum Kept {
    Embedded(Embedded),
    Shared(Shared),
}

impl Database {
    /// The database in a directory that need not exist yet.
    pub(super) fn in_directory(home: PathBuf, busy_timeout: Duration) -> Self {
        let kept = Kept::Embedded(Embedded::in_directory(home.clone(), busy_timeout));
        Database { home: Some(home), kept, lease: Mutex::default() }
    }

    /// A database without a file.
    pub(super) fn in_memory() -> Result<Self> {
        Ok(Database { home: None, kept: Kept::Embedded(Embedded::in_memory()?), lease: Mutex::default() })
    }

    /// A database of a server, whose clients on this machine keep what is on its way there in the directory.
    pub(super) fn on_server(address: Address, spool: PathBuf, busy_timeout: Duration) -> Self {
        Database { home: Some(spool), kept: Kept::Shared(Shared::new(address, busy_timeout)), lease: Mutex::default() }
    }

    /// The directory of what is this machine's own, unless in memory.
    pub(super) fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// True of PostgreSQL.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self.kept, Kept::Shared(_))
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

    /// True only if the owner of something in this store is surely gone. Of a process of another machine, or one that keeps
    /// its lock in another directory, a shared store cannot tell: names of machines are no names there.
    pub(super) fn is_gone(&self, owner: &str) -> bool {
        let locks = self.home.as_deref().map(locks_directory).unwrap_or_default();
        if self.is_shared() { process::has_freed_its_lock(owner, &locks) } else { process::is_gone(owner, &locks) }
    }

    /// True of a directory without a store: of one that was there, since it was deleted.
    pub(super) fn is_missing(&self) -> bool {
        !self.is_shared() && self.home.as_ref().is_some_and(|home| !home.join("store.db").exists())
    }

    /// Runs `read` on the store, or gives None if there is no store yet. One call sees one state of the store. It may be run again,
    /// as if it had not been run, where a server went away in between.
    pub(super) fn read<T>(&self, read: impl FnMut(&Transaction<'_>) -> Result<T>) -> Result<Option<T>> {
        self.read_with(Patience::Full, read)
    }

    /// The same with so much patience.
    pub(super) fn read_with<T>(&self, patience: Patience, read: impl FnMut(&Transaction<'_>) -> Result<T>) -> Result<Option<T>> {
        match &self.kept {
            Kept::Embedded(embedded) => embedded.read(read),
            Kept::Shared(shared) => shared.read(patience, read),
        }
    }

    /// The same for what can be run once only: it fails where a server went away in between.
    pub(super) fn read_once<T>(&self, read: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<Option<T>> {
        match &self.kept {
            Kept::Embedded(embedded) => embedded.read(read),
            Kept::Shared(shared) => shared.read_once(read),
        }
    }

    /// Runs `write` in one transaction that no other process interleaves with; on disk when this returns, with all
    /// that was written before. If `write` fails, nothing is changed. It may be run again, as if it had not been run, where
    /// a server went away in between.
    /// Errors: those of `write`; `External` while another process keeps the store locked, after some waiting, or if it
    /// may not be written; `Resources` if the disk is full.
    pub(super) fn write<T>(&self, write: impl FnMut(&Transaction<'_>) -> Result<T>) -> Result<T> {
        self.write_with(Patience::Full, write)
    }

    /// The same with so much patience.
    pub(super) fn write_with<T>(&self, patience: Patience, write: impl FnMut(&Transaction<'_>) -> Result<T>) -> Result<T> {
        match &self.kept {
            Kept::Embedded(embedded) => embedded.write(write),
            Kept::Shared(shared) => shared.write(patience, write),
        }
    }

    /// The same for what can be run once only: of an embedded store, which never has to run it again.
    pub(super) fn write_once<T>(&self, write: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        match &self.kept {
            Kept::Embedded(embedded) => embedded.write(write),
            Kept::Shared(_) => Err(Error::internal("store", "what runs once only is not for a server")),
        }
    }

    /// The same, at once or not at all: for what is done again later.
    pub(super) fn write_now<T>(&self, write: impl FnMut(&Transaction<'_>) -> Result<T>) -> Result<T> {
        self.write_with(Patience::None, write)
    }
}
