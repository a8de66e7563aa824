//! Estimators of `gradframe.ml` as the engine's.

use gradframe::Error;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyList, PyTuple, PyType};

use crate::array::module::PyModuleEstimator;
use crate::errors::OrRaise;
use crate::expr::scalar;

/// A Python estimator (anything with `model_type` or a traced module, and `options()`) as the engine's.
pub fn estimator_of(estimator: &Bound<'_, PyAny>) -> PyResult<gradframe::ml::Estimator> {
    if let Ok(traced) = estimator.getattr("_traced")
        && let Ok(traced) = traced.cast::<PyModuleEstimator>()
    {
        return with_options(traced.get().0.clone(), estimator);
    }
    let Ok(model_type) = estimator.getattr("model_type") else {
        return Err(PyTypeError::new_err("fit: expected an estimator such as gf.ml.LinearRegression()"));
    };
    if estimator.is_instance_of::<PyType>() {
        let name = estimator.getattr("__name__")?;
        return Err(PyTypeError::new_err(format!("fit: expected an estimator, got its class; write gf.ml.{name}()")));
    }
    with_options(gradframe::ml::Estimator::new(model_type.extract::<String>()?), estimator)
}

fn with_options(mut made: gradframe::ml::Estimator, estimator: &Bound<'_, PyAny>) -> PyResult<gradframe::ml::Estimator> {
    let options = estimator.call_method0("options")?;
    for (name, value) in options.cast::<PyDict>()? {
        let name: String = name.extract()?;
        made = if name == "seed" { made.seed(seed_of(&value)?) } else { with_option(made, name, &value)? };
    }
    Ok(made)
}

fn seed_of(value: &Bound<'_, PyAny>) -> PyResult<u64> {
    if let Ok(seed) = value.extract() {
        return Ok(seed);
    }
    Err(Error::plan("fit", format!("seed: expected a whole number from 0 to {}, got {}", u64::MAX, value.repr()?))).or_raise()
}

/// A number, text or boolean; a list of them; or classes with their weights as a dictionary.
fn with_option(
    estimator: gradframe::ml::Estimator,
    name: String,
    value: &Bound<'_, PyAny>,
) -> PyResult<gradframe::ml::Estimator> {
    if let Ok(weights) = value.cast::<PyDict>() {
        let pair = |(class, weight): (Bound<'_, PyAny>, Bound<'_, PyAny>)| Ok((class_text(&class)?, weight.extract::<f64>()?));
        let weights = weights.iter().map(pair).collect::<PyResult<Vec<(String, f64)>>>()?;
        return Ok(estimator.class_weights(weights.iter().map(|(class, weight)| (class.as_str(), *weight))));
    }
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        let values = value.try_iter()?.map(|item| scalar(&item?)).collect::<PyResult<Vec<_>>>()?;
        return Ok(estimator.list_option(name, values));
    }
    Ok(estimator.option(name, scalar(value)?))
}

/// A class as models print it: Python's `True` is `true`.
fn class_text(class: &Bound<'_, PyAny>) -> PyResult<String> {
    let text = class.str()?.to_string();
    Ok(if class.is_instance_of::<PyBool>() { text.to_lowercase() } else { text })
}
