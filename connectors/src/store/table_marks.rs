//! Marks beside the directories of tables: which process answers for rows that have no entry yet, or have none any more.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use super::model_files::unfinished_name;
use super::random_name;

/// Begins the name of the file that names the writer of the table directory that follows.
pub const TABLE_WRITER_PREFIX: &str = ".writer-";

/// Begins the name of a table directory that is being deleted.
pub const DOOMED_TABLE_PREFIX: &str = ".doomed-";

/// Ends the directory's name in the name of a mark; no directory has it in its own.
const END: char = '.';

/// Makes `owner`, a process, answer for the rows in `directory` until the mark is dropped.
///
/// Each mark has a name of its own, so that two processes that answer for one directory don't take each other's, and comes into its
/// place whole. Errors: the system's.
pub fn mark_table(directory: &Path, owner: &str) -> io::Result<TempPath> {
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    let unfinished = directory.with_file_name(unfinished_name(owner));
    let mark = directory.with_file_name(format!("{TABLE_WRITER_PREFIX}{name}{END}{}", random_name()));
    fs::write(&unfinished, owner).and_then(|()| fs::rename(&unfinished, &mark)).inspect_err(|_| {
        // What stays is found by its name.
        let _ = fs::remove_file(&unfinished);
    })?;
    TempPath::try_from_path(mark)
}

/// A new, empty directory in `tables` for the rows of table `name`, and the mark of `owner` beside it, which comes first: the
/// directory is never without. Errors: the system's.
pub fn new_table_directory(tables: &Path, name: &str, owner: &str) -> io::Result<(PathBuf, TempPath)> {
    let readable: String = name.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect();
    let directory = tables.join(format!("{readable}-{}", random_name()));
    let mark = mark_table(&directory, owner)?;
    fs::create_dir(&directory)?;
    Ok((directory, mark))
}

/// The name of the directory that a mark of this name is for.
pub(super) fn marked_directory(mark: &str) -> Option<&str> {
    let name = mark.strip_prefix(TABLE_WRITER_PREFIX)?;
    Some(name.split_once(END).map_or(name, |(directory, _)| directory))
}
