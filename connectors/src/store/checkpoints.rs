//! The last checkpoint of each run that has not finished: `runs/<run>/checkpoint.safetensors`, replaced by a rename, so
//! that a process killed while it writes leaves the one before. Of a shared store it is also sent to the server.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::Checkpoint;
use parking_lot::Mutex;

use super::errors::{make_directory, sync_directory, write_error};
use super::model_files::write_durably;
use super::run_id::is_run_id;
use super::server_checkpoints::ServerCheckpoints;
use super::{random_name, weights};

const FILE: &str = "checkpoint.safetensors";

/// Checkpoints by run.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    /// Where runs have directories; None in memory, where `kept` is all there is.
    runs: Option<PathBuf>,
    kept: Mutex<HashMap<String, Checkpoint>>,
    /// Where those of a shared store are, beside their files.
    server: Option<Arc<ServerCheckpoints>>,
}

impl Checkpoints {
    /// Those under this directory, which need not exist yet.
    pub fn new(runs: Option<PathBuf>) -> Self {
        Checkpoints { runs, kept: Mutex::default(), server: None }
    }

    /// Those of a shared store, with files under this directory.
    pub fn of_server(runs: PathBuf, server: ServerCheckpoints) -> Self {
        Checkpoints { server: Some(Arc::new(server)), ..Self::new(Some(runs)) }
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
        make_directory("checkpoint", &directory)?;
        let written =
            write_durably(&aside, &bytes).and_then(|()| fs::rename(&aside, &target)).and_then(|()| sync_directory(&directory));
        written.map_err(|error| {
            let _ = fs::remove_file(&aside); // what could not be written whole is of no use
            write_error("checkpoint", &target, error)
        })?;
        if let Some(server) = &self.server {
            server.send_aside(run, move || read_file(&target));
        }
        Ok(())
    }

    /// Before a run is said to be interrupted: what this machine has of it goes to the server, whence it can go on.
    /// Errors: `External` if the server is away.
    pub fn hand_over(&self, run: &str) -> Result<()> {
        let (Some(server), Some(directory)) = (&self.server, self.directory(run)) else { return Ok(()) };
        let Some(bytes) = read_file(&directory.join(FILE))? else { return Ok(()) };
        server.send(run, &bytes)?;
        // From now on the server's is the one that counts: the run may go on anywhere.
        remove_directory(&directory);
        Ok(())
    }

    /// The run's last checkpoint. Errors: `Execution` naming the file if it is damaged.
    pub fn load(&self, run: &str) -> Result<Option<Checkpoint>> {
        let Some(directory) = self.directory(run) else { return Ok(self.kept.lock().get(run).cloned()) };
        let path = directory.join(FILE);
        // A file is here as long as the run is: it is handed over when that ends.
        let own = read_file(&path)?;
        let fetch = || self.server.as_ref().map_or(Ok(None), |server| server.fetch(run));
        let Some(bytes) = own.map_or_else(fetch, |bytes| Ok(Some(bytes)))? else { return Ok(None) };
        let decoded = weights::decode(&bytes).and_then(|tensors| Ok((tensors, weights::notes(&bytes)?)));
        let (tensors, notes) = decoded.map_err(|error| damaged(&path, &error.detail().what).because(error))?;
        Ok(Some(Checkpoint { tensors, notes: notes.into_iter().collect() }))
    }

    /// Forgets a run's checkpoint, if it has one.
    pub fn remove(&self, run: &str) {
        let Some(directory) = self.directory(run) else {
            self.kept.lock().remove(run);
            return;
        };
        if let Some(Err(error)) = self.server.as_ref().map(|server| server.remove(run)) {
            tracing::warn!(%error, run, "cannot remove a checkpoint");
        }
        remove_directory(&directory);
    }

    /// None of what is no run's name: it might lead elsewhere.
    fn directory(&self, run: &str) -> Option<PathBuf> {
        self.runs.as_ref().filter(|_| is_run_id(run)).map(|runs| runs.join(run))
    }
}

fn damaged(path: &Path, what: &str) -> Error {
    Error::execution("checkpoint", format!("cannot read `{}`: {what}", path.display()))
}

fn read_file(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(damaged(path, &error.to_string()).because(error)),
    }
}

fn remove_directory(directory: &Path) {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(%error, directory = %directory.display(), "cannot remove a checkpoint");
        }
        _ => {}
    }
}
