//! A file that appears whole or not at all.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use gradframe::{Error, Result};

/// A file written beside its place: renamed when it is whole, deleted when dropped before (an error, Ctrl-C).
pub struct PartialFile {
    place: PathBuf,
    partial: PathBuf,
}

impl PartialFile {
    /// Starts a file for `place`. Errors: `External` if its directory does not take files.
    pub fn create(place: &Path) -> Result<(Self, File)> {
        let this = PartialFile { place: place.to_path_buf(), partial: beside(place) };
        match File::create(&this.partial) {
            Ok(file) => Ok((this, file)),
            Err(error) => Err(cannot_write(place, &error)),
        }
    }

    /// Puts the file in its place, over whatever was there. Errors: `External`.
    pub fn commit(self) -> Result<()> {
        std::fs::rename(&self.partial, &self.place).map_err(|error| cannot_write(&self.place, &error))
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        // After a commit there is nothing left to delete.
        let _ = std::fs::remove_file(&self.partial);
    }
}

/// `out.csv` -> `out.csv.1234.partial`: the process's number keeps two writers of one file apart.
fn beside(place: &Path) -> PathBuf {
    let mut name = place.file_name().map_or_else(OsString::new, OsString::from);
    name.push(format!(".{}.partial", std::process::id()));
    place.with_file_name(name)
}

fn cannot_write(place: &Path, error: &io::Error) -> Error {
    Error::external("gradframe sql", format!("cannot write `{}`: {error}", place.display()))
}
