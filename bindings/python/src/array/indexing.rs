//! Parts of arrays by what stands between Python's brackets.

use gradframe::array::{Array, Index};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyEllipsis, PySlice, PyTuple};

use super::PyArray;
use crate::errors::OrRaise;

/// The part of an array at an index: integers, slices, None, Ellipsis, arrays of integers or of truth values, in a tuple.
#[pyfunction]
pub fn array_index(py: Python<'_>, array: &PyArray, index: &Bound<'_, PyTuple>) -> PyResult<PyArray> {
    let entries = index.iter().map(|entry| one(&entry)).collect::<PyResult<Vec<Index>>>()?;
    py.detach(|| array.0.index(&entries)).map(PyArray).or_raise()
}

/// The places of the elements that are not zero, an array an axis.
#[pyfunction]
pub fn array_nonzero(py: Python<'_>, array: &PyArray) -> PyResult<Vec<PyArray>> {
    let places: Vec<Array> = py.detach(|| array.0.nonzero()).or_raise()?;
    Ok(places.into_iter().map(PyArray).collect())
}

/// The distinct values, the first place of each, where each element's value is among them, and how often each is there.
#[pyfunction]
pub fn array_unique(py: Python<'_>, array: &PyArray) -> PyResult<Vec<PyArray>> {
    let found = py.detach(|| array.0.unique()).or_raise()?;
    Ok(found.into_iter().map(PyArray).collect())
}

fn one(entry: &Bound<'_, PyAny>) -> PyResult<Index> {
    if entry.is_none() {
        return Ok(Index::New);
    }
    if entry.cast::<PyEllipsis>().is_ok() {
        return Ok(Index::Rest);
    }
    if let Ok(array) = entry.cast::<PyArray>() {
        return Ok(Index::Array(array.get().0.clone()));
    }
    if let Ok(slice) = entry.cast::<PySlice>() {
        let part = |name: &str| -> PyResult<Option<i64>> {
            let value = slice.getattr(name)?;
            if value.is_none() { Ok(None) } else { integer(&value).map(Some) }
        };
        return Ok(Index::Slice { start: part("start")?, stop: part("stop")?, step: part("step")? });
    }
    integer(entry).map(Index::At)
}

fn integer(value: &Bound<'_, PyAny>) -> PyResult<i64> {
    let index = value.call_method0("__index__").map_err(|_| {
        let kind = value.get_type().qualname().map(|name| name.to_string()).unwrap_or_default();
        PyTypeError::new_err(format!(
            "index: expected integers, slices, None, ..., or arrays of integers or truth values, got {kind}"
        ))
    })?;
    index.extract()
}
