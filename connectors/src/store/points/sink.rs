//! The end of a segment that this process appends to.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use gradframe_ml_core::Result;

use super::super::errors::{sync_directory, write_error};
use super::segments::Bytes;

/// A segment that this process writes.
#[derive(Debug)]
pub(super) struct Sink {
    pub name: String,
    to: To,
}

#[derive(Debug)]
enum To {
    File {
        file: File,
        directory: PathBuf,
        /// Whether the file's name is durable.
        named: bool,
    },
    Memory(Bytes),
}

impl Sink {
    /// A new file in this directory, locked. Errors: `External` naming it.
    pub fn in_file(directory: PathBuf, name: String) -> Result<Self> {
        let path = directory.join(&name);
        let file = File::options().create_new(true).append(true).open(&path).map_err(|error| write_error("run", &path, error))?;
        if let Err(error) = file.try_lock() {
            // Then it counts as complete when its run has ended, which is so unless a forked child still writes to it.
            tracing::debug!(%error, "segments are not locked here");
        }
        Ok(Sink { name, to: To::File { file, directory, named: false } })
    }

    pub fn in_memory(name: String, bytes: Bytes) -> Self {
        Sink { name, to: To::Memory(bytes) }
    }

    /// Adds a record. What an error leaves of it is no record, and nothing may be added after it.
    pub fn write(&mut self, record: &[u8]) -> Result<()> {
        match &mut self.to {
            To::File { file, directory, .. } => {
                file.write_all(record).map_err(|error| write_error("run", &directory.join(&self.name), error))
            }
            To::Memory(bytes) => {
                bytes.lock().extend_from_slice(record);
                Ok(())
            }
        }
    }

    /// Makes what was written durable. Errors: `External` naming the file.
    pub fn sync(&mut self) -> Result<()> {
        let To::File { file, directory, named } = &mut self.to else { return Ok(()) };
        let synced = file.sync_data().and_then(|()| if *named { Ok(()) } else { sync_directory(directory) });
        synced.map_err(|error| write_error("run", &directory.join(&self.name), error))?;
        *named = true;
        Ok(())
    }

    #[cfg(test)]
    pub fn copy_of_file(&self) -> Option<File> {
        match &self.to {
            To::File { file, .. } => file.try_clone().ok(),
            To::Memory(_) => None,
        }
    }

    /// Lets others know that nothing more is written.
    pub fn unlock(&self) {
        if let To::File { file, .. } = &self.to
            && let Err(error) = file.unlock()
        {
            tracing::debug!(%error, "a segment is not unlocked before its file is closed");
        }
    }

    /// False if the file has been deleted, the whole store perhaps.
    pub fn is_there(&self) -> bool {
        match &self.to {
            To::File { file, .. } => has_name(file),
            To::Memory(_) => true,
        }
    }
}

#[cfg(unix)]
fn has_name(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.metadata().is_ok_and(|file| file.nlink() > 0)
}

/// Windows keeps the names of open files.
#[cfg(not(unix))]
fn has_name(_file: &File) -> bool {
    true
}
