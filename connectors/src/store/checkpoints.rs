//! The last checkpoint of each run that has not finished: `runs/<run>/checkpoint.safetensors`, replaced by a rename, so
//! that a process killed while it writes leaves the one before.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::Checkpoint;
use parking_lot::Mutex;

use super::errors::{sync_directory, write_error};
use super::model_files::write_durably;
use super::{random_name, weights};

const FILE: &str = "checkpoint.safetensors";

/// Checkpoints by run.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    /// Where runs have directories; None in memory, where `kept` is all there is.
    runs: Option<PathBuf>,
    kept: Mutex<HashMap<String, Checkpoint>>,
}

impl Checkpoints {
    /// Those under this directory, which need not exist yet.
    pub fn new(runs: Option<PathBuf>) -> Self {
        Checkpoints { runs, kept: Mutex::default() }
    }

    /// Keeps a checkpoint, instead of the run's last one. It survives a power cut when this returns.
    /// Errors: `Resources` if the disk is full, `External` if it cannot be written; the last one is then still there.
    pub fn save(&self, run: &str, checkpoint: &Checkpoint) -> Result<()> {
        let Some(directory) = self.directory(run) else {
            self.kept.lock().insert(run.to_owned(), checkpoint.clone());
            return Ok(());
        };
        let bytes = weights::encode(&checkpoint.tensors, Some(checkpoint.notes.clone().into_iter().collect()))?;
        let (target, aside) = (directory.join(FILE), directory.join(random_name()));
        let written = fs::create_dir_all(&directory)
            .and_then(|()| write_durably(&aside, &bytes))
            .and_then(|()| fs::rename(&aside, &target))
            .and_then(|()| sync_directory(&directory));
        written.map_err(|error| {
            let _ = fs::remove_file(&aside); // what could not be written whole is of no use
            write_error("checkpoint", &target, error)
        })
    }

    /// The run's last checkpoint. Errors: `Execution` naming the file if it is damaged.
    pub fn load(&self, run: &str) -> Result<Option<Checkpoint>> {
        let Some(directory) = self.directory(run) else { return Ok(self.kept.lock().get(run).cloned()) };
        let path = directory.join(FILE);
        let damaged = |what: String| Error::execution("checkpoint", format!("cannot read `{}`: {what}", path.display()));
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(damaged(error.to_string()).because(error)),
        };
        let decoded = weights::decode(&bytes).and_then(|tensors| Ok((tensors, weights::notes(&bytes)?)));
        let (tensors, notes) = decoded.map_err(|error| damaged(error.detail().what.clone()).because(error))?;
        Ok(Some(Checkpoint { tensors, notes: notes.into_iter().collect() }))
    }

    /// Forgets a run's checkpoint, if it has one.
    pub fn remove(&self, run: &str) {
        let Some(directory) = self.directory(run) else {
            self.kept.lock().remove(run);
            return;
        };
        match fs::remove_dir_all(&directory) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%error, directory = %directory.display(), "cannot remove a checkpoint");
            }
            _ => {}
        }
    }

    fn directory(&self, run: &str) -> Option<PathBuf> {
        self.runs.as_ref().map(|runs| runs.join(run))
    }
}
