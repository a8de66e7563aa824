//! Traced functions: called with stand-ins, closed, transformed, applied.

use gradframe::array::{Array, ArrayType, Traced, Tracing};
use pyo3::prelude::*;
use pyo3::types::{PyAny, PyList};

use super::PyArray;
use crate::errors::OrRaise;
use parking_lot::Mutex;

/// A function that is being traced.
#[pyclass(name = "PyTracing", module = "gradframe._gradframe", frozen)]
pub struct PyTracing(Mutex<Option<Tracing>>);

#[pymethods]
impl PyTracing {
    /// Stand-ins of the types of these arrays, without the axes that are given.
    #[new]
    #[pyo3(signature = (name, arrays, without=None))]
    fn new(name: &str, arrays: &Bound<'_, PyList>, without: Option<Vec<Option<usize>>>) -> PyResult<Self> {
        let mut types = types_of(arrays)?;
        for (ty, axis) in types.iter_mut().zip(without.into_iter().flatten()) {
            if let Some(axis) = axis {
                ty.shape.remove(axis);
            }
        }
        let weak: Vec<bool> = arrays_of(arrays)?.iter().map(Array::is_weak).collect();
        Ok(PyTracing(Mutex::new(Some(Tracing::begin_with(name, &types, &weak)))))
    }

    /// What to call the function with.
    fn arguments(&self) -> Vec<PyArray> {
        self.0.lock().iter().flat_map(|tracing| tracing.arguments.iter().cloned().map(PyArray)).collect()
    }

    /// The function that was recorded; numbers are constants of it if `fixed`.
    fn close(&self, results: &Bound<'_, PyList>, fixed: bool) -> PyResult<PyTraced> {
        let results = arrays_of(results)?;
        self.taken().and_then(|tracing| tracing.close(&results, fixed)).map(PyTraced).or_raise()
    }

    /// The same, of a function that nobody takes a derivative of.
    fn close_at_last(&self, results: &Bound<'_, PyList>) -> PyResult<PyTraced> {
        let results = arrays_of(results)?;
        self.taken().and_then(|tracing| tracing.close_at_last(&results)).map(PyTraced).or_raise()
    }
}

impl PyTracing {
    fn taken(&self) -> gradframe::Result<Tracing> {
        self.0.lock().take().ok_or_else(|| gradframe::Error::internal("trace", "it was closed before"))
    }
}

/// A traced function.
#[pyclass(name = "PyTraced", module = "gradframe._gradframe", frozen)]
pub struct PyTraced(pub Traced);

#[pymethods]
impl PyTraced {
    /// Whether it uses values of another function that is being traced.
    #[getter]
    fn captures_stand_ins(&self) -> bool {
        self.0.captures_stand_ins()
    }

    /// The function of its results and of the gradients with respect to these arguments.
    fn value_and_grad(&self, wrt: Vec<usize>) -> PyResult<Self> {
        self.0.value_and_grad(&wrt).map(PyTraced).or_raise()
    }

    /// The function of its results and of their tangents, from the tangents of these arguments.
    fn jvp(&self, wrt: Vec<usize>) -> PyResult<Self> {
        self.0.jvp(&wrt).map(PyTraced).or_raise()
    }

    /// The function of its results and of the cotangents of these arguments, from those of its results.
    fn vjp(&self, wrt: Vec<usize>) -> PyResult<Self> {
        self.0.vjp(&wrt).map(PyTraced).or_raise()
    }

    /// The function of the derivatives of its results with respect to this argument.
    fn jacobian(&self, wrt: usize) -> PyResult<Self> {
        self.0.jacobian(wrt).map(PyTraced).or_raise()
    }

    /// The function over a further axis of the arguments, `size` long; None where an argument has none.
    fn vmap(&self, in_axes: Vec<Option<usize>>, size: usize) -> PyResult<Self> {
        self.0.vmap(&in_axes, size).map(PyTraced).or_raise()
    }

    /// The same function, whose values are computed again for its gradient instead of being kept.
    fn checkpoint(&self) -> PyResult<Self> {
        self.0.checkpoint().map(PyTraced).or_raise()
    }

    /// The same function, with this rule as its gradient.
    fn with_gradient(&self, rule: &PyTraced) -> PyResult<Self> {
        self.0.with_gradient(&rule.0).map(PyTraced).or_raise()
    }

    /// Its results for these arguments, recorded.
    fn apply<'py>(&self, py: Python<'py>, arrays: &Bound<'py, PyList>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let results = self.0.apply(&arrays_of(arrays)?).or_raise()?;
        results.into_iter().map(|a| Ok(Bound::new(py, PyArray(a))?.into_any())).collect()
    }
}

pub fn arrays_of(arrays: &Bound<'_, PyList>) -> PyResult<Vec<Array>> {
    arrays.iter().map(|a| Ok(a.cast::<PyArray>()?.get().0.clone())).collect()
}

fn types_of(arrays: &Bound<'_, PyList>) -> PyResult<Vec<ArrayType>> {
    arrays.iter().map(|a| Ok(a.cast::<PyArray>()?.get().0.ty().clone())).collect()
}
