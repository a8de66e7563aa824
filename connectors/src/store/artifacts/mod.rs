//! Artifacts: files that runs keep, under names of their own. Equal content is one object, however many names it has.
//!
//! - [`paths`]: names that are no way out of the run; [`objects`]: contents by their hash;
//! - [`rows`]: which run has what under which name.

pub(super) mod objects;
mod paths;
pub(super) mod rows;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use gradframe_ml_core::{Error, Result};

use super::Store;

pub use paths::check_path;
pub(super) use paths::is_in_the_way;

impl Store {
    /// The file that holds an artifact, not to be changed. Errors: `Plan` for an unknown run or artifact, with the nearest.
    pub fn artifact(&self, run: &str, path: &str) -> Result<PathBuf> {
        check_path(path)?;
        let hash = self.database.read(|transaction| rows::hash(transaction, run, path))?.flatten();
        match hash {
            Some(hash) => self.objects.path(&hash),
            None => Err(self.unknown_artifact(run, path)?),
        }
    }

    fn unknown_artifact(&self, run: &str, path: &str) -> Result<Error> {
        self.run_start(run)?;
        let names = self.database.read(|transaction| rows::names(transaction, run))?.unwrap_or_default();
        let hint = match names.as_slice() {
            [] => "the run has none".to_owned(),
            names => gradframe_plan::names::suggest(path, names.iter().map(String::as_str)),
        };
        Ok(Error::plan("artifact", format!("run `{run}` has no artifact `{path}`")).hint(hint))
    }

    /// Removes an artifact of a run, or all below a directory of them; of an empty path, all. Gives how many there were; their
    /// contents go with [`Store::remove_unused_objects`]. Errors: `Plan` for an unknown run, and a path that is none.
    pub fn remove_artifacts(&self, run: &str, path: &str) -> Result<usize> {
        check_directory(path)?;
        self.run_start(run)?;
        self.database.write(|transaction| rows::remove(transaction, run, path))
    }

    /// Removes contents that no run and no model has any more; gives how many, and their bytes. What is being written just
    /// now stays. Errors: `Execution` where a damaged file of a run that waits for its store may name some.
    pub fn remove_unused_objects(&self) -> Result<(u64, u64)> {
        self.clean_once();
        let _locked = self.outbox.as_ref().and_then(|outbox| outbox.lock_contents());
        self.database.write(|transaction| {
            let mut used = rows::all_hashes(transaction)?;
            if let Some(outbox) = &self.outbox {
                used.extend(outbox.contents()?);
            }
            self.objects.remove_but(transaction, &used)
        })
    }
}

/// As [`check_path`]; an empty one is the directory of all.
pub(super) fn check_directory(path: &str) -> Result<()> {
    if path.is_empty() { Ok(()) } else { check_path(path) }
}

/// A file below a directory, with its path from there.
pub type Below = (String, PathBuf);

/// Files below a directory, each with its path from there, sorted. Links to directories are not followed, so that there is
/// an end. Errors: `External` naming what cannot be read.
pub fn files_below(directory: &Path) -> Result<Vec<Below>> {
    all_below(directory).map(|(files, _)| files)
}

/// The same, and what is no file there: pipes, sockets, devices, links that lead nowhere.
pub fn all_below(directory: &Path) -> Result<(Vec<Below>, Vec<Below>)> {
    let (mut found, mut others) = (Vec::new(), Vec::new());
    let mut open = vec![(String::new(), directory.to_path_buf())];
    while let Some((before, next)) = open.pop() {
        let entries = std::fs::read_dir(&next).map_err(|error| cannot_read(&next, error))?;
        for entry in entries {
            let entry = entry.map_err(|error| cannot_read(&next, error))?;
            let name = entry.file_name().into_string().map_err(|name| not_text(&next.join(name)))?;
            let (path, place) = (format!("{before}{name}"), entry.path());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push((format!("{path}/"), place));
            } else if place.is_file() {
                found.push((path, place));
            } else if !place.is_dir() {
                others.push((path, place));
            }
        }
    }
    found.sort();
    others.sort();
    Ok((found, others))
}

/// Opens a file to keep. Errors: `Plan` for what is a pipe, a socket or a device, which may have no end, and whose reading may wait for
/// ever; `External` for what cannot be read.
pub fn open_file(path: &Path) -> Result<File> {
    let kind = std::fs::metadata(path).map_err(|error| cannot_read(path, error))?.file_type();
    if !kind.is_file() {
        let what = format!("`{}` is {}, and only files and directories are kept", path.display(), kind_of(kind));
        return Err(Error::plan("artifact", what).hint("write what comes out of it into a file, and log that"));
    }
    File::open(path).map_err(|error| cannot_read(path, error))
}

#[cfg(unix)]
fn kind_of(kind: std::fs::FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match kind {
        _ if kind.is_dir() => "a directory",
        _ if kind.is_fifo() => "a named pipe",
        _ if kind.is_socket() => "a socket",
        _ => "a device",
    }
}

#[cfg(not(unix))]
fn kind_of(kind: std::fs::FileType) -> &'static str {
    if kind.is_dir() { "a directory" } else { "no file" }
}

/// Opens a file to keep. Errors: `External` naming it.
pub(super) fn open(path: &Path) -> Result<impl Read + use<>> {
    File::open(path).map_err(|error| cannot_read(path, error))
}

fn cannot_read(path: &Path, error: std::io::Error) -> Error {
    Error::external("artifact", format!("cannot read `{}`: {error}", path.display())).because(error)
}

fn not_text(path: &Path) -> Error {
    Error::external("artifact", format!("the name of `{}` is not UTF-8", path.display()))
}
