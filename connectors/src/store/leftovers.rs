//! What processes leave that end half-way: found by their mark, and removed once their process is surely gone.
//!
//! A directory that is being written names its writer: `models/<name>/.writing-<random>/writer`, the same file in a version
//! whose row is not durable yet, and `tables/.writer-<directory>.<random>` beside a table's rows. What names nobody is left alone.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use gradframe_ml_core::Result;

use super::database::Database;
use super::lease::{LockState, free_locks, lock_state, locks_directory};
use super::model_files::{UNFINISHED_PREFIX, WRITER, confirm, discard, lock_of_unfinished, remove_all};
use super::names::directory_name;
use super::points::fold;
use super::scratch::SCRATCH;
use super::sql::{Transaction, params};
use super::table_marks::{DOOMED_TABLE_PREFIX, marked_directory};
use super::{Store, runs};

/// Something that names its writer.
#[derive(Debug)]
enum Leftover {
    /// Files of a model that has no version yet, or of an archive on its way.
    Unfinished { mark: PathBuf, directory: PathBuf },
    /// A version that has a row or has not.
    Version { mark: PathBuf, directory: PathBuf, model_directory: String, version: String },
    /// A content or a mark that has no place yet.
    File { file: PathBuf },
    /// A table that has an entry or has not.
    Table { mark: PathBuf, directory: PathBuf },
}

impl Store {
    /// Looks for leftovers once for each store that is written to.
    pub(super) fn clean_once(&self) {
        if !self.cleaned.swap(true, Ordering::Relaxed) {
            self.clean();
        }
    }

    /// Marks runs of processes that are gone as failed, and removes what they left. What cannot be done now is left for
    /// the next time.
    pub(super) fn clean(&self) {
        self.clean_place(&self.database);
        // Tables of a shared store's user are in a directory of their own.
        if !Arc::ptr_eq(&self.database, &self.catalog) {
            self.clean_place(&self.catalog);
        }
    }

    fn clean_place(&self, database: &Arc<Database>) {
        let Some(home) = database.home() else { return };
        // Before all else: whose lock is free now has ended, and leaves no more than what is found from here on.
        let locks = free_locks(&locks_directory(home));
        let is_of_runs = Arc::ptr_eq(database, &self.database);
        // A run has to be there before its process counts as ended; as long as one is not, the locks stay to tell so later.
        let sent = if is_of_runs { self.send_waiting() } else { Ok(true) };
        let runs = if is_of_runs { self.clean_runs() } else { Ok(()) };
        match runs.and_then(|()| clean_files(database, home)).and(sent) {
            Ok(true) => locks.iter().for_each(|lock| drop(fs::remove_file(lock))),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "cannot clear away what ended processes have left"),
        }
    }

    fn clean_runs(&self) -> Result<()> {
        let runs = self.database.read(|transaction| runs::abandoned(transaction, &self.database))?;
        let points = self.database.read(|transaction| fold::is_left_over(transaction, &self.segments))?;
        if runs.as_ref().is_none_or(Vec::is_empty) && points != Some(true) {
            return Ok(());
        }
        runs.iter().flatten().try_for_each(|(run, _)| self.checkpoints.hand_over(run))?;
        let (ended, folded) = self.database.write(|transaction| {
            let (ended, folded) = runs::end_abandoned(transaction, &self.database, &self.segments, &self.ends)?;
            Ok((ended, folded.and(fold::fold_left_over(transaction, &self.segments)?)))
        })?;
        folded.remove_from(&self.segments);
        ended.iter().for_each(|run| self.ends.forget(run));
        Ok(())
    }
}

fn clean_files(database: &Database, home: &Path) -> Result<()> {
    let leftovers = leftovers(database, home);
    if leftovers.is_empty() { Ok(()) } else { database.write(|transaction| remove(transaction, &leftovers)) }
}

fn leftovers(database: &Database, home: &Path) -> Vec<Leftover> {
    let mut found = versions(&home.join("models"));
    found.extend(tables(&home.join("tables")));
    found
        .extend(unfinished(home.join(SCRATCH)).map(|directory| Leftover::Unfinished { mark: directory.join(WRITER), directory }));
    let files = ["objects", "tables"].into_iter().flat_map(|below| unfinished(home.join(below)));
    found.extend(files.map(|file| Leftover::File { file }));
    found.retain(|leftover| match leftover.mark().map(fs::read_to_string) {
        Some(Ok(owner)) if !owner.is_empty() => database.is_gone(&owner),
        _ => leftover.has_free_lock(&locks_directory(home)),
    });
    found
}

impl Leftover {
    /// The file that names the writer, of what has one.
    fn mark(&self) -> Option<&Path> {
        match self {
            Leftover::Unfinished { mark, .. } | Leftover::Version { mark, .. } | Leftover::Table { mark, .. } => Some(mark),
            Leftover::File { .. } => None,
        }
    }

    /// What has no mark yet, or no more, may have its owner's lock in its name.
    fn has_free_lock(&self, locks: &Path) -> bool {
        let (Leftover::Unfinished { directory: path, .. } | Leftover::File { file: path }) = self else { return false };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        lock_of_unfinished(&name).is_some_and(|lock| lock_state(locks, &lock) == LockState::Free)
    }
}

/// All directories in the directories of models.
fn versions(models: &Path) -> Vec<Leftover> {
    let mut found = Vec::new();
    for model_directory in names_in(models) {
        for version in names_in(&models.join(&model_directory)) {
            let directory = models.join(&model_directory).join(&version);
            let mark = directory.join(WRITER);
            found.push(match version.starts_with(UNFINISHED_PREFIX) {
                true => Leftover::Unfinished { mark, directory },
                false => Leftover::Version { mark, directory, model_directory: model_directory.clone(), version },
            });
        }
    }
    found
}

/// All directories of tables that have a mark.
fn tables(tables: &Path) -> impl Iterator<Item = Leftover> {
    names_in(tables).filter_map(|mark| {
        let directory = tables.join(marked_directory(&mark)?);
        Some(Leftover::Table { mark: tables.join(mark), directory })
    })
}

/// All that is being written in a directory.
fn unfinished(directory: PathBuf) -> impl Iterator<Item = PathBuf> {
    let unfinished = names_in(&directory).filter(|name| name.starts_with(UNFINISHED_PREFIX));
    unfinished.map(move |name| directory.join(name))
}

/// Under the store's write lock, so that no row comes while it is looked for.
fn remove(transaction: &Transaction, leftovers: &[Leftover]) -> Result<()> {
    let versions = committed_versions(transaction)?;
    let entries = entries(transaction)?;
    for leftover in leftovers {
        let removed = match leftover {
            Leftover::Unfinished { directory, .. } => remove_all(directory),
            Leftover::File { file } => fs::remove_file(file),
            Leftover::Version { directory, model_directory, version, .. } => {
                let committed = versions.contains(&(model_directory.clone(), version.clone()));
                if committed { confirm(directory) } else { discard(directory) }
            }
            Leftover::Table { mark, directory } => remove_table(mark, directory, &entries),
        };
        if let Err(error) = removed {
            tracing::warn!(%error, ?leftover, "cannot remove what an ended process has left");
        }
    }
    Ok(())
}

/// The mark goes last: without it nobody would come back for the directory.
fn remove_table(mark: &Path, directory: &Path, entries: &[String]) -> std::io::Result<()> {
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    if !entries.iter().any(|sql| sql.contains(&format!("tables/{name}/"))) {
        remove_all(directory)?;
    }
    remove_all(&directory.with_file_name(format!("{DOOMED_TABLE_PREFIX}{name}")))?;
    fs::remove_file(mark)
}

/// Directories of models and names of their versions that have a row.
fn committed_versions(transaction: &Transaction) -> Result<HashSet<(String, String)>> {
    let found = transaction.rows("SELECT model, version FROM models", params![], |row| {
        Ok((directory_name(&row.get::<String>(0)?)?, row.get::<i64>(1)?.to_string()))
    })?;
    Ok(found.into_iter().collect())
}

fn entries(transaction: &Transaction) -> Result<Vec<String>> {
    transaction.rows("SELECT sql FROM entries", params![], |row| row.get(0))
}

fn names_in(directory: &Path) -> impl Iterator<Item = String> + use<> {
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.file_name().to_string_lossy().into_owned())
}
