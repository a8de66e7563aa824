//! Where rows are to be written.

use std::fs;
use std::path::{Path, PathBuf};

use gradframe_ml_core::{Error, Result};

use super::OP;
use super::format::FileKind;
use super::staging::Staging;
use super::through::{self, Special};

/// What is done about files that are there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnExisting {
    Refuse,
    /// All of them go.
    Replace,
    /// A directory gets more files.
    Append,
}

impl OnExisting {
    /// As plans show it.
    pub(super) fn name(self) -> &'static str {
        match self {
            OnExisting::Refuse => "create",
            OnExisting::Replace => "overwrite",
            OnExisting::Append => "append",
        }
    }
}

/// A file or directory on disk.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// Absolute, symbolic links followed.
    pub(super) path: PathBuf,
    /// Several files, named by their writers.
    pub(super) is_directory: bool,
    pub(super) on_existing: OnExisting,
}

impl Target {
    /// The target that a user has written; None for a URL of an object store. A directory is written if there are
    /// partitions, if the path ends with `/`, and if its name has no ending and is no pipe's or device's.
    /// Errors: `Plan` for a path that names nothing.
    pub(super) fn find(
        written: &str,
        partitioned: bool,
        single_file: Option<bool>,
        on_existing: OnExisting,
    ) -> Result<Option<Self>> {
        let plain = written.strip_prefix("file://").unwrap_or(written);
        if plain.contains("://") {
            return Ok(None);
        }
        let path = std::path::absolute(plain).map_err(|e| Error::plan(OP, format!("`{written}` is no path: {e}")).because(e))?;
        if path.file_name().is_none() || plain.ends_with("..") {
            return Err(Error::plan(OP, format!("`{written}` names no file")));
        }
        let by_form = plain.ends_with('/') || path.extension().is_none() && Special::at(&path).is_none();
        let is_directory = partitioned || single_file.map_or(by_form, |single_file| !single_file);
        // What a link leads to is written, and the link stays; what is open is written where it is open.
        let path = if through::descriptor(&path).is_some() { path } else { path.canonicalize().unwrap_or(path) };
        Ok(Some(Target { path, is_directory, on_existing }))
    }

    /// A new place beside it. Of what is no file, among the system's temporary files: beside a device nobody expects any.
    pub(super) fn staging(&self) -> Staging {
        match (Special::at(&self.path), self.path.file_name()) {
            (Some(_), Some(name)) => Staging::beside(&std::env::temp_dir().join(name), self.is_directory),
            _ => Staging::beside(&self.path, self.is_directory),
        }
    }

    /// Errors: `Plan` if something is there that may not be replaced, that no COPY would have made, or that takes no bytes.
    pub(super) fn check(&self) -> Result<()> {
        if let Some(special) = Special::at(&self.path) {
            return special.check(self);
        }
        let Ok(metadata) = fs::symlink_metadata(&self.path) else { return Ok(()) };
        match self.on_existing {
            OnExisting::Refuse if metadata.is_dir() && is_empty(&self.path) => Ok(()),
            OnExisting::Refuse => Err(self.taken()),
            OnExisting::Append if metadata.is_dir() && self.is_directory => Ok(()),
            OnExisting::Append => {
                let error = Error::plan(OP, format!("cannot append to `{}`: it is no directory of files", self.path.display()));
                Err(error.hint("APPEND adds files to a directory; OVERWRITE takes the place of a file"))
            }
            OnExisting::Replace => self.check_contents(metadata.is_dir()),
        }
    }

    /// The error of a target that is there.
    pub(super) fn taken(&self) -> Error {
        let hint =
            if self.is_directory { "OVERWRITE takes its place, APPEND adds files to it" } else { "OVERWRITE takes its place" };
        Error::plan(OP, format!("`{}` already exists", self.path.display())).hint(hint)
    }

    /// OVERWRITE deletes a directory: one with anything but data in it was not meant.
    fn check_contents(&self, is_directory: bool) -> Result<()> {
        match is_directory.then(|| other_than_data(&self.path)).flatten() {
            None => Ok(()),
            Some(other) => {
                let what = format!("will not overwrite `{}`: it holds `{}`", self.path.display(), other.display());
                Err(Error::plan(OP, what)
                    .hint("OVERWRITE deletes directories of data files alone; delete it yourself if you mean it"))
            }
        }
    }
}

fn is_empty(directory: &Path) -> bool {
    fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_none())
}

/// The first file below a directory that is neither data nor a note of a writer (`_SUCCESS`, `.part-0.crc`).
fn other_than_data(directory: &Path) -> Option<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Some(directory.to_path_buf()) };
    entries.flatten().map(|entry| entry.path()).find_map(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_directory = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir());
        let is_partition = name.contains('=');
        let is_note = name.starts_with('_') || name.starts_with('.') && name.ends_with(".crc");
        match is_directory {
            true if is_partition || Staging::is_one(&name) => other_than_data(&path),
            true => Some(path),
            false if Special::at(&path).is_some() => Some(path),
            false if FileKind::is_data(&name) || is_note => None,
            false => Some(path),
        }
    })
}
