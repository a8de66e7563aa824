//! A file that a process keeps locked for as long as it lives: `processes/<random>.lock`.
//!
//! The system frees the lock when the process ends, however it ends. So a lock that can be had is a process that is gone,
//! without a guess about time, and across containers that share a directory.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::random_name;

/// Ends the names of the files.
pub(super) const LOCK_SUFFIX: &str = ".lock";
/// A file that is swept away between its making and its locking is made again; more than once is no accident.
const TRIES: usize = 8;

/// Where the files of a store lie.
pub(super) fn locks_directory(home: &Path) -> PathBuf {
    home.join("processes")
}

/// The lock of this process, held until dropped.
#[derive(Debug)]
pub(super) struct Lease {
    path: PathBuf,
    /// Open is locked. A forked child shares the lock, and must not take the file away.
    _locked: File,
    process_id: u32,
}

/// What a look at a lock tells of its process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LockState {
    /// It has ended.
    Free,
    /// It is there, or a child that it has forked.
    Held,
    /// There is no such file, or the file system knows no locks.
    Unknown,
}

impl Lease {
    /// Makes and locks a file of this process's own. Errors: the file system's, `Unsupported` among them.
    pub(super) fn take(locks: &Path) -> io::Result<Self> {
        let mut tries = 0..TRIES;
        loop {
            match Self::try_take(locks)? {
                Some(lease) => return Ok(lease),
                None if tries.next().is_none() => return Err(io::Error::other("the lock is taken away as often as it is made")),
                None => {}
            }
        }
    }

    /// None if another process took the file for abandoned before it was locked.
    fn try_take(locks: &Path) -> io::Result<Option<Self>> {
        fs::create_dir_all(locks)?;
        let path = locks.join(format!("{}{LOCK_SUFFIX}", random_name()));
        let file = File::create_new(&path)?;
        match file.try_lock() {
            Ok(()) if path.exists() => Ok(Some(Lease { path, _locked: file, process_id: std::process::id() })),
            Ok(()) | Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => {
                fs::remove_file(&path)?;
                Err(error)
            }
        }
    }

    /// The file's name, by which others find it.
    pub(super) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// False in a child that was forked from the process that took it.
    pub(super) fn is_of_this_process(&self) -> bool {
        self.process_id == std::process::id()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.is_of_this_process() {
            // Gone with its process either way: who finds the file finds its lock free.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether the process that made the lock of this name holds it.
pub(super) fn lock_state(locks: &Path, name: &str) -> LockState {
    if !name.ends_with(LOCK_SUFFIX) || name.contains(['/', '\\']) {
        return LockState::Unknown;
    }
    let Ok(file) = File::open(locks.join(name)) else { return LockState::Unknown };
    // Shared, so that those who look do not see each other.
    match file.try_lock_shared() {
        Ok(()) => LockState::Free,
        Err(TryLockError::WouldBlock) => LockState::Held,
        Err(TryLockError::Error(_)) => LockState::Unknown,
    }
}

/// The files of processes that are gone. To be removed only when all that is theirs has been seen to: they tell that it
/// is theirs.
pub(super) fn free_locks(locks: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(locks) else { return vec![] };
    let free = |entry: &fs::DirEntry| lock_state(locks, &entry.file_name().to_string_lossy()) == LockState::Free;
    entries.flatten().filter(free).map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_until_it_is_dropped() {
        let locks = tempfile::tempdir().unwrap();
        let lease = Lease::take(locks.path()).unwrap();
        let name = lease.name();
        assert_eq!(lock_state(locks.path(), &name), LockState::Held);
        assert_eq!(free_locks(locks.path()), Vec::<PathBuf>::new());
        drop(lease);
        assert_eq!(lock_state(locks.path(), &name), LockState::Unknown);
    }

    #[test]
    fn a_file_that_nobody_holds_is_free() {
        let locks = tempfile::tempdir().unwrap();
        let dead = locks.path().join("dead.lock");
        fs::write(&dead, "").unwrap();
        assert_eq!(lock_state(locks.path(), "dead.lock"), LockState::Free);
        assert_eq!(free_locks(locks.path()), [dead]);
    }

    #[test]
    fn a_name_is_never_a_path() {
        assert_eq!(lock_state(Path::new("/"), "../etc/x.lock"), LockState::Unknown);
    }
}
