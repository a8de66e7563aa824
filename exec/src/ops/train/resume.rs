//! Whether a checkpoint is of this training: the same model type, options, seed and rows.

use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::{Checkpoint, Layout};
use gradframe_plan::ops::train::TrainJob;
use xxhash_rust::xxh3::xxh3_128;

use super::OP;
use super::encode::EncodedRows;

/// The note that says what a checkpoint belongs to.
const FINGERPRINT: &str = "fingerprint";

/// A hash of what decides a training's bits: model type, options, seed, and the rows by their number and statistics.
pub(super) fn fingerprint(job: &TrainJob, rows: &EncodedRows) -> String {
    let Layout { rows: train, eval_rows, weighted, .. } = &rows.layout;
    let parts = (job.estimator.model_type(), &job.options, job.seed, train, eval_rows, weighted, &rows.features);
    format!("{:032x}", xxh3_128(format!("{parts:?}").as_bytes()))
}

/// Says in the checkpoint what it belongs to.
pub(super) fn mark(checkpoint: &mut Checkpoint, fingerprint: &str) {
    checkpoint.notes.insert(FINGERPRINT.into(), fingerprint.into());
}

/// Errors: `Execution` if the checkpoint is of other rows, options or another seed.
pub(super) fn check(checkpoint: &Checkpoint, fingerprint: &str, run: &str) -> Result<()> {
    if checkpoint.notes.get(FINGERPRINT).is_some_and(|own| own == fingerprint) {
        return Ok(());
    }
    let what = format!("run `{run}` cannot go on: its training had other rows, options or another seed");
    Err(Error::execution(OP, what).hint("the files may have changed since: train from the start"))
}
