//! The directory of a session's temporary files, and the limit on what they take.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::error::Result;
use datafusion::execution::memory_pool::human_readable_size;
use datafusion::execution::spill_file::{SpillFile, TempFileFactory};
use gradframe_ml_core::Error;
use gradframe_plan::error::to_datafusion;

use super::file::UnnamedFile;
use super::part::Whole;
use super::repartition::IN_PARTS;

/// The operator named in errors.
const OP: &str = "spill";

/// Where a session's temporary files are made. Cheap to clone; clones share what is used.
#[derive(Debug, Clone)]
pub struct SpillSpace {
    directory: Arc<Path>,
    limit_bytes: u64,
    used_bytes: Arc<AtomicU64>,
    /// That of files of a batch.
    whole: Arc<Whole>,
}

impl SpillSpace {
    /// A space in this directory, which is looked at when a first file is made. Files take at most `limit_bytes`
    /// together.
    pub fn new(directory: impl Into<PathBuf>, limit_bytes: u64) -> Self {
        SpillSpace { directory: directory.into().into(), limit_bytes, used_bytes: Arc::default(), whole: Arc::default() }
    }

    /// Bytes of the files that exist.
    pub fn used_bytes(&self) -> u64 {
        self.used_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Takes `bytes` of the limit. Errors: `Resources` if they are not there; nothing is taken then.
    pub(super) fn take(&self, bytes: u64) -> gradframe_ml_core::Result<()> {
        let used = self.used_bytes.fetch_add(bytes, Ordering::Relaxed);
        if used.saturating_add(bytes) <= self.limit_bytes {
            return Ok(());
        }
        self.give_back(bytes);
        let what = format!(
            "writing {} more to `{}` would pass the disk limit of {}, of which {} are in use",
            size(bytes),
            self.directory.display(),
            size(self.limit_bytes),
            size(used),
        );
        Err(Error::resources(OP, what).hint("raise the disk limit or the memory limit, or select fewer rows or columns"))
    }

    pub(super) fn give_back(&self, bytes: u64) {
        self.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// The operating system's refusal to write `bytes` more, as ours.
    pub(super) fn cannot_write(&self, bytes: u64, error: io::Error) -> Error {
        let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        let why: &dyn Display = if full { &"no space is left on its disk" } else { &error };
        let (directory, used) = (self.directory.display(), size(self.used_bytes()));
        let what = format!("can't write {} more to `{directory}`, where this session has {used}: {why}", size(bytes));
        Error::resources(OP, what).hint(HINT).because(error)
    }

    fn cannot_create(&self, error: io::Error) -> Error {
        let what = format!("can't make a temporary file in `{}`: {error}", self.directory.display());
        Error::resources(OP, what).hint(HINT).because(error)
    }
}

const HINT: &str = "name a directory with room as the session's temporary directory, or raise the memory limit";

fn size(bytes: u64) -> String {
    human_readable_size(usize::try_from(bytes).unwrap_or(usize::MAX))
}

impl TempFileFactory for SpillSpace {
    fn create_temp_file(&self, description: &str) -> Result<Arc<dyn SpillFile>> {
        let file: io::Result<Arc<dyn SpillFile>> = match description {
            IN_PARTS => self.whole.part(self).map(|part| Arc::new(part) as _),
            _ => UnnamedFile::create(self.clone()).map(|file| Arc::new(file) as _),
        };
        file.map_err(|error| to_datafusion(self.cannot_create(error)))
    }
}
