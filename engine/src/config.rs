//! What a session is made with, and where the defaults come from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gradframe_exec::progress::Progress;

use crate::run::Code;
use crate::{Result, Session};

/// The share of the machine's memory that queries may use unless told otherwise.
const MEMORY_SHARE: f64 = 0.7;
/// Taken for the machine's memory where it can't be found out.
const MEMORY_FALLBACK_BYTES: u64 = 8 << 30;
/// Spill files may take this much unless told otherwise.
const DISK_LIMIT_BYTES: u64 = 100 << 30;

/// Settings of a session; see [`Session::builder`].
#[derive(Debug, Clone)]
pub struct SessionBuilder {
    pub(crate) home: Home,
    pub(crate) store: Option<String>,
    pub(crate) memory_limit_bytes: Option<u64>,
    pub(crate) disk_limit_bytes: u64,
    pub(crate) temp_directory: Option<PathBuf>,
    pub(crate) threads: Option<usize>,
    pub(crate) seed: u64,
    pub(crate) batch_size_rows: Option<usize>,
    pub(crate) progress: Option<Arc<dyn Progress>>,
    pub(crate) code: Code,
}

/// Where tables, models and runs are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Home {
    /// As [`default_home`] finds it.
    Default,
    /// This directory.
    At(PathBuf),
    /// Nowhere: gone with the session.
    InMemory,
}

impl SessionBuilder {
    pub(crate) fn new() -> Self {
        Self {
            home: Home::Default,
            store: None,
            memory_limit_bytes: None,
            disk_limit_bytes: DISK_LIMIT_BYTES,
            temp_directory: None,
            threads: None,
            seed: 0,
            batch_size_rows: None,
            progress: None,
            code: Code::default(),
        }
    }

    /// The directory that keeps tables, models and runs. Default: `GRADFRAME_HOME`, else the nearest `.gradframe` above
    /// the working directory, else `./.gradframe`, which the first write makes.
    pub fn home(mut self, path: impl Into<PathBuf>) -> Self {
        self.home = Home::At(path.into());
        self
    }

    /// The database that keeps runs, models and artifacts, shared by machines: `postgresql://user:password@host/database`. Tables
    /// and views stay in the home. Default: `GRADFRAME_STORE`, unless a home is named; without it all is in the home.
    pub fn store(mut self, address: impl Into<String>) -> Self {
        self.store = Some(address.into());
        self
    }

    /// Keeps tables, models and runs nowhere: they are gone with the session.
    pub fn in_memory(mut self) -> Self {
        self.home = Home::InMemory;
        self
    }

    /// The memory that all running queries share; beyond it they spill or end with a `Resources` error.
    /// Default: 70 % of the machine's, or of the container's.
    pub fn memory_limit_bytes(mut self, bytes: u64) -> Self {
        self.memory_limit_bytes = Some(bytes);
        self
    }

    /// The disk space that spilled data may take; beyond it a query ends with a `Resources` error. Default: 100 GiB.
    pub fn disk_limit_bytes(mut self, bytes: u64) -> Self {
        self.disk_limit_bytes = bytes;
        self
    }

    /// The directory for what does not fit in memory. Its files have no names and are gone when a query ends, however it
    /// does. Default: the system's, which `TMPDIR` changes.
    pub fn temp_directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.temp_directory = Some(path.into());
        self
    }

    /// The number of partitions of a plan and of worker threads. Default: as many as there are processors.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads.max(1));
        self
    }

    /// The seed of trainings that name none. Default 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Rows in a batch between operators. Default 8192, or fewer where memory is short.
    pub fn batch_size_rows(mut self, rows: usize) -> Self {
        self.batch_size_rows = Some(rows.max(1));
        self
    }

    /// Whom to tell how far scans and trainings are.
    pub fn progress(mut self, progress: Arc<dyn Progress>) -> Self {
        self.progress = Some(progress);
        self
    }

    /// A directory in the repository of the code whose state is kept with the session's trainings: git's commit, and what was changed
    /// since. It is asked for now and then, a minute apart at the most. Default: the working directory.
    pub fn code(mut self, directory: impl Into<PathBuf>) -> Self {
        self.code = Code::At(directory.into());
        self
    }

    /// Trainings do not look at the state of the code.
    pub fn without_code(mut self) -> Self {
        self.code = Code::Unknown;
        self
    }

    /// The session. Errors: `External` if the home can't be read, `Execution` if its store is damaged.
    pub fn build(self) -> Result<Session> {
        Session::from_builder(self)
    }

    /// The address of the shared store, if there is to be one. Who names a home means what is there.
    pub(crate) fn store_or_default(&self) -> Option<String> {
        let of_environment = || std::env::var("GRADFRAME_STORE").ok().filter(|address| !address.is_empty());
        match self.home {
            Home::InMemory => None,
            Home::At(_) => self.store.clone(),
            Home::Default => self.store.clone().or_else(of_environment),
        }
    }

    pub(crate) fn threads_or_default(&self) -> usize {
        self.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
    }

    pub(crate) fn temp_directory_or_default(&self) -> PathBuf {
        self.temp_directory.clone().unwrap_or_else(std::env::temp_dir)
    }

    pub(crate) fn memory_limit_or_default(&self) -> usize {
        let machine = || machine_memory_bytes().unwrap_or(MEMORY_FALLBACK_BYTES);
        let bytes = self.memory_limit_bytes.unwrap_or_else(|| (machine() as f64 * MEMORY_SHARE) as u64);
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }
}

/// `GRADFRAME_HOME`, else the nearest `.gradframe` in the working directory or above it, else `./.gradframe`.
pub fn default_home() -> PathBuf {
    if let Some(home) = std::env::var_os("GRADFRAME_HOME").filter(|home| !home.is_empty()) {
        return PathBuf::from(home);
    }
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    nearest_home(&here).unwrap_or_else(|| here.join(".gradframe"))
}

fn nearest_home(from: &Path) -> Option<PathBuf> {
    from.ancestors().map(|directory| directory.join(".gradframe")).find(|home| home.is_dir())
}

/// The machine's memory in bytes, or the container's where that is less; None where neither is told (no `/proc`).
fn machine_memory_bytes() -> Option<u64> {
    meminfo_total_bytes().into_iter().chain(container_memory_bytes()).min()
}

/// From now on arrays that the machine cannot hold are errors.
pub fn limit_arrays_to_memory() {
    let bytes = machine_memory_bytes().map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    bytes.into_iter().for_each(gradframe_ml_array::limit_memory);
}

fn meminfo_total_bytes() -> Option<u64> {
    let meminfo = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// The limit of control groups version 2, else of version 1. "max" and absurdly large numbers mean none.
fn container_memory_bytes() -> Option<u64> {
    let files = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    files.iter().find_map(|file| std::fs::read_to_string(file).ok()?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_home_above_is_found() {
        let root = tempfile::tempdir().unwrap();
        let below = root.path().join("a/b");
        std::fs::create_dir_all(&below).unwrap();
        std::fs::create_dir(root.path().join("a/.gradframe")).unwrap();
        assert_eq!(nearest_home(&below), Some(root.path().join("a/.gradframe")));
    }

    #[test]
    fn the_memory_limit_is_a_share_of_a_real_machine() {
        let bytes = SessionBuilder::new().memory_limit_or_default();
        assert!(bytes > 64 << 20, "{bytes}");
    }
}
