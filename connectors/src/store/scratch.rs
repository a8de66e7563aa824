//! Directories for what is only passed through: an archive on its way in or out.

use std::io;

use gradframe_ml_core::{Error, Result};
use tempfile::{Builder, TempDir};

use super::Store;
use super::model_files::unfinished_prefix;

/// Where they are in a store.
pub(super) const SCRATCH: &str = "scratch";

impl Store {
    /// A directory that goes when it is dropped, or, where its process is killed, with the next write to the store. Of a store in memory,
    /// and of one that may not be written, it is among the system's temporary files. Errors: `External` if it cannot be made.
    pub fn scratch(&self) -> Result<TempDir> {
        let made = self.scratch_at_home().or_else(|_| Builder::new().prefix("gradframe-archive-").tempdir());
        made.map_err(|error| Error::external("archive", format!("cannot make a temporary directory: {error}")).because(error))
    }

    fn scratch_at_home(&self) -> io::Result<TempDir> {
        let home = self.database.home().ok_or(io::ErrorKind::Unsupported)?.join(SCRATCH);
        std::fs::create_dir_all(&home)?;
        Builder::new().prefix(&unfinished_prefix(&self.database.owner())).tempdir_in(home)
    }
}
