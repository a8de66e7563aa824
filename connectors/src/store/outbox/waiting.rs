//! The directory of a machine's files for a shared store, and what their names say.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use gradframe_ml_core::Result;

use super::super::errors::make_directory;
use super::super::random_name;

/// Ends the names of files of runs that the store does not know of.
const BEGUN: &str = ".begun";
/// Ends the names of files of runs that it knows.
const LATER: &str = ".later";
/// Locked, by many, by who puts a content into its place that no file names yet; alone, by who removes contents that none names.
const CONTENTS_LOCK: &str = ".contents";

/// The directory.
#[derive(Debug, Clone)]
pub(in super::super) struct Waiting(PathBuf);

impl Waiting {
    pub fn new(spool: &Path) -> Self {
        Waiting(spool.join("outbox"))
    }

    /// Whether a run is not known to be in the store yet. To be asked after the store, or while its write lock is held.
    pub fn holds(&self, run: &str) -> bool {
        self.path(&begun(run)).exists()
    }

    /// Names of files, those of runs that the store does not know before all others.
    pub(super) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.retain(|name| run_of(name).is_some());
        names.sort_by_cached_key(|name| (is_later(name), name.clone()));
        names
    }

    /// The newest run of those that the store does not know.
    pub(super) fn newest_begun(&self) -> Option<String> {
        self.names().iter().filter_map(|name| name.strip_suffix(BEGUN)).next_back().map(str::to_owned)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Makes the directory. Errors: `External`, `Resources` if it cannot be.
    pub(super) fn make(&self) -> Result<()> {
        make_directory("run", &self.0)
    }

    /// None where there is none to be had: nothing has waited here, or the file system knows no locks.
    pub(super) fn contents_lock(&self, lock: impl FnOnce(&File) -> std::io::Result<()>) -> Option<File> {
        let opened = File::options().create(true).truncate(false).write(true).open(self.0.join(CONTENTS_LOCK));
        let locked = opened.and_then(|file| lock(&file).map(|()| file));
        locked.inspect_err(|error| tracing::debug!(%error, "contents are not locked here")).ok()
    }
}

/// The file of a run that the store does not know.
pub(super) fn begun(run: &str) -> String {
    format!("{run}{BEGUN}")
}

/// A new file of a run that it knows, which may have several one after another.
pub(super) fn later(run: &str) -> String {
    format!("{run}.{}{LATER}", random_name())
}

/// Whether the store knows the run of the file that is called so.
pub(super) fn is_later(name: &str) -> bool {
    name.ends_with(LATER)
}

/// The run of the file that is called so; None of what is no file of a run.
pub(super) fn run_of(name: &str) -> Option<&str> {
    match name.strip_suffix(LATER) {
        Some(rest) => rest.split_once('.').map(|(run, _)| run),
        None => name.strip_suffix(BEGUN),
    }
}
