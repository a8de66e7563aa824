//! The estimator's requests, answered until it is done.

use std::time::Instant;

use gradframe_ml_core::Result;
use gradframe_ml_learn::{FORMAT_VERSION, Fitted, Model, ModelSpec, Request, Step, TrainingSummary};
use gradframe_plan::ops::train::TrainJob;

use super::encode::EncodedRows;
use super::fold::{flops, fold, working_bytes};
use super::metrics::TrainMetrics;
use super::task::Stop;
use crate::memory::Memory;

/// A finished fit.
#[derive(Debug)]
pub(super) struct Fit {
    pub fitted: Fitted,
    pub epochs: u64,
}

/// Fits the job's estimator to the rows; `work` accounts for what a step takes.
/// `on_step` hears of each epoch with the seconds since the fit began.
/// Errors: the estimator's; `Cancelled`; `Resources`; those of `on_step`.
pub(super) fn fit(
    rows: &EncodedRows,
    job: &TrainJob,
    metrics: &TrainMetrics,
    work: &Memory,
    stop: &Stop,
    mut on_step: impl FnMut(&Step, f64) -> Result<()>,
) -> Result<Fit> {
    let started = Instant::now();
    let mut training = job.estimator.begin(&rows.layout, &job.options, job.seed)?;
    let (mut answer, mut epochs) = (None, 0);
    loop {
        stop.check()?;
        let (step, request) = training.next(answer)?;
        if let Some(step) = step {
            epochs = step.epoch;
            metrics.steps.add(1);
            on_step(&step, started.elapsed().as_secs_f64())?;
        }
        match request {
            Request::Done(fitted) => return Ok(Fit { fitted, epochs }),
            Request::Fold(request) => {
                metrics.flops.add(flops(&request, rows.layout.rows)? as usize);
                work.grow(working_bytes(&request, rows.layout.rows)?.saturating_sub(work.bytes()), "a step of the fit")?;
                metrics.peak_memory.set_max(rows.memory.bytes() + work.bytes());
                answer = Some(fold(&request, &rows.train, stop)?);
            }
        }
    }
}

/// The model of a finished fit.
pub(super) fn model(fit: Fit, rows: &EncodedRows, job: &TrainJob, run: &str, reproducible: bool) -> Model {
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
        training,
    };
    Model { spec, weights: fitted.weights }
}
