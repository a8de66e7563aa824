//! Files of runs and models: where they are, whatever they are called.

use std::path::{Path, PathBuf};

use gradframe_ml_core::Result;

use super::cannot_read;

/// All files below a directory, each with its path from there, which may be no text, in order. Links to directories are not followed, so
/// that there is an end. Errors: `External` naming what cannot be read.
pub fn files(directory: &Path) -> Result<Vec<(PathBuf, PathBuf)>> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(before) = open.pop() {
        let next = directory.join(&before);
        for entry in std::fs::read_dir(&next).map_err(|error| cannot_read(&next, error))? {
            let entry = entry.map_err(|error| cannot_read(&next, error))?;
            let (path, place) = (before.join(entry.file_name()), entry.path());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(path);
            } else if place.is_file() {
                found.push((path, place));
            }
        }
    }
    found.sort();
    Ok(found)
}
