//! Runs as TensorBoard's event files, and event files as runs.

use std::path::{Path, PathBuf};

use gradframe_connectors::tensorboard;

use crate::{Result, Session};

impl Session {
    /// Writes a run as an event file in a directory of its own below `directory`, for `tensorboard --logdir`: scalars (in 32 bits,
    /// as TensorBoard keeps them), histograms, images, texts, and parameters as hyper-parameters. Gives the file. Of a run
    /// that goes on it is what there is so far; written again, the file is replaced. [`Session::import_runs`] is the way back.
    ///
    /// Errors: `Plan` for an unknown run; `External` or `Resources` for what cannot be written. Nothing is left then.
    pub fn export_tensorboard(&self, run: &str, directory: &Path) -> Result<PathBuf> {
        tensorboard::export(self.public().store(), run, directory)
    }

    /// The event files at and below a path as runs; gives their names.
    pub(crate) fn import_tensorboard(&self, path: &Path) -> Result<Vec<String>> {
        tensorboard::import(self.public().store(), path)
    }
}
