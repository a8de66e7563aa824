//! Models made on frames, and used over them.

use gradframe::FitOptions;
use gradframe::expr::Expr;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::OrRaise;
use crate::estimators::estimator_of;
use crate::expr::columns;
use crate::lazyframe::{PyLazyFrame, with_named};
use crate::model::{PyModel, model_ref};
use crate::progress::Artist;
use crate::wait::wait_and_draw;

/// Adds the functions.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(fit, module)?)?;
    module.add_function(wrap_pyfunction!(predict, module)?)?;
    module.add_function(wrap_pyfunction!(evaluate, module)?)?;
    module.add_function(wrap_pyfunction!(transform, module)?)
}

/// Trains on a frame's rows; see `LazyFrame.fit`.
#[pyfunction]
#[pyo3(signature = (frame, estimator, target, *, name=None, split=None, eval_fraction=None, split_by=None, sample_weight=None, transform=None, resume=None, reproducible=true, run=None))]
#[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
fn fit(
    py: Python<'_>,
    frame: PyLazyFrame,
    estimator: &Bound<'_, PyAny>,
    target: String,
    name: Option<String>,
    split: Option<String>,
    eval_fraction: Option<f64>,
    split_by: Option<String>,
    sample_weight: Option<String>,
    transform: Option<&Bound<'_, PyAny>>,
    resume: Option<String>,
    reproducible: bool,
    run: Option<String>,
) -> PyResult<PyModel> {
    let mut options = FitOptions::new(target);
    options = if let Some(run) = run { options.in_run(run) } else { options };
    options = if let Some(run) = resume { options.resume(run) } else { options };
    options = if let Some(name) = name { options.name(name) } else { options };
    options = if let Some(fraction) = eval_fraction { options.option("data_split_eval_fraction", fraction) } else { options };
    for (option, value) in [("data_split_method", split), ("data_split_col", split_by), ("sample_weight_col", sample_weight)] {
        options = if let Some(value) = value { options.option(option, value) } else { options };
    }
    options = if reproducible { options } else { options.reproducible(false) };
    if let Some(transform) = transform {
        options = options.transform(transform_exprs(transform)?);
    }
    let (estimator, session) = (estimator_of(estimator)?, frame.0.session().clone());
    let artist = session.shows_progress().then(|| Artist::new(None));
    let fitted = wait_and_draw(py, artist, async move { frame.0.fit_with(estimator, options).await })?;
    Ok(PyModel::fitted(session, &fitted))
}

/// All columns, then what a model predicts; see `LazyFrame.predict`.
#[pyfunction]
#[pyo3(signature = (frame, model, *, threshold=None))]
fn predict(frame: PyLazyFrame, model: &Bound<'_, PyAny>, threshold: Option<f64>) -> PyResult<PyLazyFrame> {
    let options = gradframe::PredictOptions { threshold };
    frame.0.predict_with(model_ref(model)?, options).or_raise().map(PyLazyFrame)
}

/// One row of the model's errors on these rows; see `LazyFrame.evaluate`.
#[pyfunction]
#[pyo3(signature = (frame, model, *, threshold=None))]
fn evaluate(frame: PyLazyFrame, model: &Bound<'_, PyAny>, threshold: Option<f64>) -> PyResult<PyLazyFrame> {
    let options = gradframe::PredictOptions { threshold };
    frame.0.evaluate_with(model_ref(model)?, options).or_raise().map(PyLazyFrame)
}

/// The columns that the model's transform makes of these rows; see `LazyFrame.transform`.
#[pyfunction]
fn transform(frame: PyLazyFrame, model: &Bound<'_, PyAny>) -> PyResult<PyLazyFrame> {
    frame.0.transform(model_ref(model)?).or_raise().map(PyLazyFrame)
}

/// Columns as a list, or as a dictionary by name.
fn transform_exprs(transform: &Bound<'_, PyAny>) -> PyResult<Vec<Expr>> {
    match transform.cast::<PyDict>() {
        Ok(named) => with_named(vec![], Some(named)),
        Err(_) => columns(std::slice::from_ref(transform)),
    }
}
