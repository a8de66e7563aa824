//! The file of one run: a checked record a change (see `framed`), in JSON, durable when the call that made it returns.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use gradframe_ml_core::{Error, Result};
use parking_lot::Mutex;

use super::super::artifacts::{is_in_the_way, rows};
use super::super::errors::{make_directory, sync_directory, write_error};
use super::super::{framed, run_rows};
use super::Change;

const OP: &str = "run";
/// More often than by accident a new file is not taken away.
const TRIES: usize = 8;

/// A run's journal, in the process that writes it.
#[derive(Debug)]
pub(in super::super) struct Journal {
    run: String,
    path: PathBuf,
    /// A forked child does not write to its parent's file, which may be sent and gone.
    process_id: u32,
    /// None once it has been sent.
    state: Mutex<Option<State>>,
}

#[derive(Debug)]
struct State {
    /// Locked for as long as this process lives, or until it has been sent.
    file: File,
    changes: Vec<Change>,
    /// What the run's parameters are: they never change.
    params: BTreeMap<String, String>,
}

impl Journal {
    /// Begins a file with this change, of a run that has these parameters. Errors: those of [`Journal::keep`].
    pub(super) fn create(path: PathBuf, run: String, params: BTreeMap<String, String>, begin: &Change) -> Result<Self> {
        let directory = path.parent().unwrap_or(&path);
        make_directory(OP, directory)?;
        let failed = |error| write_error(OP, &path, error);
        let mut state = State { file: create_locked(&path).map_err(failed)?, changes: vec![], params };
        let checked = state.check_params(begin);
        let written = checked.and_then(|()| state.append(&path, begin)).and_then(|()| sync_directory(directory).map_err(failed));
        written.inspect_err(|_| remove(&path))?;
        state.learn(begin);
        Ok(Journal { run, path, process_id: std::process::id(), state: Mutex::new(Some(state)) })
    }

    pub fn run(&self) -> &str {
        &self.run
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// By which the store knows that it has been sent, as it does of segments.
    pub(super) fn name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// Whether what comes next belongs here, and not into the store.
    pub fn is_waiting(&self) -> bool {
        self.process_id == std::process::id() && self.state.lock().is_some()
    }

    /// Keeps a change, which survives a power cut when this returns; false if the store is to be told, which has the others.
    /// Errors: `Plan` for a parameter that has another value, an artifact with whose name a file would be a directory, and for what
    /// PostgreSQL does not take; those of the disk.
    pub fn keep(&self, change: &Change) -> Result<bool> {
        if self.process_id != std::process::id() {
            return Ok(false);
        }
        let mut state = self.state.lock();
        let Some(state) = state.as_mut() else { return Ok(false) };
        state.check_params(change)?;
        state.check_artifact(change)?;
        state.append(&self.path, change)?;
        state.learn(change);
        Ok(true)
    }

    /// What has been kept so far; None once it has been sent.
    pub(super) fn changes(&self) -> Option<Vec<Change>> {
        if self.is_waiting() { self.state.lock().as_ref().map(|state| state.changes.clone()) } else { None }
    }

    /// Gives all changes to `send`, and removes the file if that succeeds. Who keeps another one meanwhile waits. Nothing to do if it has
    /// been sent.
    pub(super) fn hand_over(&self, send: impl FnOnce(&[Change]) -> Result<()>) -> Result<()> {
        if self.process_id != std::process::id() {
            return Ok(());
        }
        let mut state = self.state.lock();
        let Some(waiting) = state.as_ref() else { return Ok(()) };
        send(&waiting.changes)?;
        remove(&self.path);
        *state = None;
        Ok(())
    }
}

impl State {
    fn check_params(&self, change: &Change) -> Result<()> {
        let Change::Params(params) = change else { return Ok(()) };
        let mut new: BTreeMap<&str, &str> = BTreeMap::new();
        for (name, value) in params {
            let before = self.params.get(name).map(String::as_str).or_else(|| new.insert(name, value));
            if before.is_some_and(|before| before != value) {
                return Err(run_rows::other_value(name, before.unwrap_or_default(), value));
            }
        }
        Ok(())
    }

    fn check_artifact(&self, change: &Change) -> Result<()> {
        let Some(new) = change.artifact() else { return Ok(()) };
        let mut kept = self.changes.iter().filter_map(Change::artifact);
        let other = kept.find(|other| is_in_the_way(&new.path, &other.path));
        other.map_or(Ok(()), |other| Err(rows::in_the_way(&new.path, &other.path)))
    }

    /// Writes a change down. What an error leaves of it is cut off again, so that others may follow.
    fn append(&mut self, path: &Path, change: &Change) -> Result<()> {
        let failed = |error| write_error(OP, path, error);
        let before = self.file.metadata().map_err(failed)?.len();
        let record = framed::frame(change.encode()?.as_bytes());
        let written = self.file.write_all(&record).and_then(|()| self.file.sync_data());
        if written.is_err() {
            let _ = self.file.set_len(before);
        }
        written.map_err(failed)?;
        self.changes.push(change.clone());
        Ok(())
    }

    fn learn(&mut self, change: &Change) {
        if let Change::Params(params) = change {
            self.params.extend(params.iter().cloned());
        }
    }
}

/// A new file that is locked. Who looks for files of ended processes may lock it before this does, and takes one without a beginning away.
fn create_locked(path: &Path) -> io::Result<File> {
    for _ in 0..TRIES {
        let file = File::options().create_new(true).append(true).open(path)?;
        if let Err(error) = file.lock() {
            tracing::debug!(%error, "journals are not locked here");
        }
        if path.exists() {
            return Ok(file);
        }
    }
    Err(io::Error::other("it is taken away as often as it is made"))
}

/// A hold on a file that an ended process has left; None if its process lives, or somebody else sends it.
pub(super) fn lock_left(path: &Path) -> Option<File> {
    let file = File::open(path).ok()?;
    match file.try_lock() {
        Err(fs::TryLockError::WouldBlock) => None,
        // Sent and removed by another before it was locked here.
        _ => path.exists().then_some(file),
    }
}

/// After it has been sent. One that stays is known to have been sent.
pub(super) fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(%error, path = %path.display(), "cannot remove what has been sent");
    }
}

/// Errors: `Plan` for a text that PostgreSQL keeps none of.
pub(super) fn check_text(json: &str) -> Result<()> {
    // Behind a backslash that stands for itself, these letters are letters.
    if json.replace("\\\\", "").contains("\\u0000") {
        return Err(Error::plan(OP, "a text holds a NUL character, which PostgreSQL keeps none of"));
    }
    Ok(())
}
