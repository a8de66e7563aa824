//! A trained model.

use std::sync::Arc;

use gradframe::array::{Array, Element};
use gradframe::{DataFrame, FittedModel, ModelRef, NamedModel, Session};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::array::PyArray;
use crate::dataframe::PyDataFrame;
use crate::errors::OrRaise;
use crate::lazyframe::PyLazyFrame;
use crate::pretrained::PyPretrained;
use crate::wait::wait;

/// A trained model: its specification, weights and the account of its training.
#[pyclass(name = "PyModel", module = "gradframe", frozen, from_py_object)]
#[derive(Clone)]
pub struct PyModel {
    session: Session,
    model: Arc<NamedModel>,
}

impl PyModel {
    /// A model just trained.
    pub fn fitted(session: Session, fitted: &FittedModel) -> Self {
        PyModel { session, model: Arc::clone(fitted.model()) }
    }

    /// A stored model.
    pub fn stored(session: Session, model: Arc<NamedModel>) -> Self {
        PyModel { session, model }
    }

    fn collect(&self, py: Python<'_>, frame: gradframe::Result<DataFrame>) -> PyResult<PyDataFrame> {
        PyLazyFrame(frame.or_raise()?).collect(py)
    }
}

/// What `predict` takes: a model, or a stored model's name.
pub fn model_ref(model: &Bound<'_, PyAny>) -> PyResult<ModelRef> {
    if let Ok(model) = model.extract::<PyModel>() {
        return Ok(ModelRef::Model(model.model));
    }
    if let Ok(model) = model.extract::<PyPretrained>() {
        return Ok(ModelRef::Model(model.named()?));
    }
    match model.cast::<PyString>() {
        Ok(name) => Ok(ModelRef::Name(name.extract()?)),
        Err(_) => Err(PyTypeError::new_err("predict: expected a Model or the name of a stored one")),
    }
}

#[pymethods]
impl PyModel {
    /// The name under which it is stored; None if it was not given one.
    #[getter]
    fn name(&self) -> Option<&str> {
        (!self.model.name.is_empty()).then_some(self.model.name.as_str())
    }

    /// The model type, as in SQL.
    #[getter]
    fn model_type(&self) -> &str {
        &self.model.model.spec.model_type
    }

    /// The run that trained it, as in `gradframe.runs`.
    #[getter]
    fn run(&self) -> &str {
        &self.model.model.spec.training.run
    }

    /// The specification as a dictionary: label, features with their encoding, options, how training went.
    #[getter]
    fn spec<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let text = gradframe::ml::spec_json(&self.model.model).or_raise()?;
        py.import("json")?.call_method1("loads", (text,))
    }

    /// The weights: feature, category, class, weight (per unit of the raw column), standardized_weight.
    fn weights(&self, py: Python<'_>) -> PyResult<PyDataFrame> {
        self.collect(py, self.session.weights(&self.model))
    }

    /// The weights as arrays, by name.
    fn tensors(&self) -> PyResult<Vec<(String, PyArray)>> {
        let array = |(name, tensor): (&String, &gradframe::ml::graph::Tensor)| {
            let array = Array::from_tensor(Element::Real(tensor.dtype()), tensor.clone()).or_raise()?;
            Ok((name.clone(), PyArray(array)))
        };
        self.model.model.weights.iter().map(array).collect()
    }

    /// The training log: run, epoch, step, rows, loss, gradient_norm, seconds, eval_loss, learning_rate.
    fn training_info(&self, py: Python<'_>) -> PyResult<PyDataFrame> {
        self.collect(py, self.session.training_info(&self.model))
    }

    /// What training saw in the input columns: input, min, max, mean, median, stddev, category_count, null_count.
    fn feature_info(&self, py: Python<'_>) -> PyResult<PyDataFrame> {
        self.collect(py, self.session.feature_info(&self.model))
    }

    /// What training found on the rows that it kept back (`fit(..., split=...)`): one row of errors.
    fn evaluation(&self, py: Python<'_>) -> PyResult<PyDataFrame> {
        self.collect(py, self.session.evaluation(&self.model))
    }

    fn __repr__(&self) -> String {
        let spec = &self.model.model.spec;
        let name = if self.model.name.is_empty() { "unnamed" } else { &self.model.name };
        format!(
            "Model {name} ({}): {} from {} features, {} rows, {} epochs, loss {:.6}",
            spec.model_type,
            spec.label.name,
            spec.features.len(),
            spec.training.rows,
            spec.training.epochs,
            spec.training.loss
        )
    }
}

/// Runs a future that gives a stored model.
pub fn stored(py: Python<'_>, session: &Session, name: String) -> PyResult<PyModel> {
    let own = session.clone();
    let model = wait(py, async move { own.model(&name) })?;
    Ok(PyModel::stored(session.clone(), model))
}
