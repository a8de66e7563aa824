//! An event file that is being written: it has its name, and its place, when it is whole.

use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use gradframe_ml_core::{Error, Result};
use tempfile::NamedTempFile;

use super::event::Event;
use super::{OP, encode, records};

/// A file aside, which a TensorBoard that watches the directory does not see. Dropped, it leaves nothing.
#[derive(Debug)]
pub(super) struct EventFile {
    aside: BufWriter<NamedTempFile>,
    path: PathBuf,
}

impl EventFile {
    /// A file that will be at `path`. Its directory is made. Errors: `External`, or `Resources` if the disk is full.
    pub fn create(path: PathBuf, wall_time: f64) -> Result<Self> {
        let directory = path.parent().unwrap_or(Path::new("."));
        let made = std::fs::create_dir_all(directory)
            .and_then(|()| tempfile::Builder::new().prefix(".gradframe-").tempfile_in(directory))
            .map_err(|error| cannot_write(&path, error))?;
        let mut file = EventFile { aside: BufWriter::new(made), path };
        file.push(&encode::version(wall_time))?;
        Ok(file)
    }

    /// Adds an event. Errors: as for [`EventFile::create`].
    pub fn write(&mut self, event: &Event) -> Result<()> {
        self.push(&encode::event(event))
    }

    /// Puts the file in its place, instead of one that is there, and gives the place.
    pub fn finish(self) -> Result<PathBuf> {
        let EventFile { aside, path } = self;
        let done = aside.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| {
            readable(file.as_file())?;
            file.as_file().sync_all()?;
            file.persist(&path).map(|_| ()).map_err(|error| error.error)
        });
        done.map(|()| path.clone()).map_err(|error| cannot_write(&path, error))
    }

    fn push(&mut self, message: &[u8]) -> Result<()> {
        records::write(&mut self.aside, message).map_err(|error| cannot_write(&self.path, error))
    }
}

/// Temporary files are for their user alone; this one is for whoever may look into the directory.
#[cfg(unix)]
fn readable(file: &std::fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_file: &std::fs::File) -> io::Result<()> {
    Ok(())
}

fn cannot_write(path: &Path, error: io::Error) -> Error {
    let what = format!("cannot write `{}`: {error}", path.display());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::resources(OP, what).because(error),
        _ => Error::external(OP, what).because(error),
    }
}
