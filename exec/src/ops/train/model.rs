//! The model of a finished fit.

use gradframe_ml_core::Result;
use gradframe_ml_learn::{FORMAT_VERSION, Model, ModelSpec, TrainingSummary};
use gradframe_plan::ops::train::TrainJob;

use super::encode::EncodedRows;
use super::fit::Fit;

/// The model, as it is stored. Errors: none but `Internal`.
pub(super) fn model(fit: Fit, rows: &EncodedRows, job: &TrainJob, run: &str, reproducible: bool) -> Result<Model> {
    let Fit { fitted, epochs } = fit;
    let training = TrainingSummary {
        run: run.to_owned(),
        query: job.query.clone(),
        rows: rows.layout.rows,
        epochs,
        loss: fitted.loss,
        converged: fitted.converged,
        seed: job.seed,
        reproducible,
    };
    let spec = ModelSpec {
        format: FORMAT_VERSION,
        model_type: job.estimator.model_type().to_owned(),
        label: rows.layout.label.clone(),
        features: rows.features.clone(),
        options: job.options.clone(),
        transform: None,
        module: job.estimator.module()?,
        training,
        evaluation: None,
    };
    Ok(Model { spec, weights: fitted.weights })
}
