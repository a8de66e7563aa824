//! Values that are there already, a Series or an array of any library, as expressions.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::compute::concat;
use arrow::datatypes::FieldRef;
use gradframe::expr::{Expr, series_of};
use gradframe::{Error, from_datafusion};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use crate::errors::OrRaise;
use crate::interop::{chunks_from, exports};

/// The expression of a Series (of ours, Polars or pandas) or an array (of pyarrow or NumPy); None for anything else.
/// Errors: TypeError for a table, and for values that Arrow has no type for.
pub fn given(value: &Bound<'_, PyAny>) -> PyResult<Option<Expr>> {
    if !is_array(value)? {
        return Ok(None);
    }
    if value.hasattr("columns")? || value.hasattr("column_names")? {
        let kind = value.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "expected columns and expressions, got a {kind}; hint: frame.hstack adds columns"
        )));
    }
    let name = match value.getattr_opt("name")? {
        Some(name) => name.cast::<PyString>().map_or_else(|_| Ok(String::new()), |name| name.extract())?,
        None => String::new(),
    };
    let array = if exports(value)? { value.clone() } else { value.py().import("pyarrow")?.call_method1("array", (value,))? };
    let (field, values) = one_array(&array)?;
    let unnamed = if name.is_empty() { "literal" } else { name.as_str() };
    Ok(Some(series_of(Arc::new(field.as_ref().clone().with_name(unnamed)), values)))
}

/// A list of true and false as the values of a mask.
pub fn mask(flags: &Bound<'_, PyList>) -> PyResult<Expr> {
    let (field, values) = one_array(&flags.py().import("pyarrow")?.call_method1("array", (flags,))?)?;
    Ok(series_of(Arc::new(field.as_ref().clone().with_name("mask")), values))
}

fn is_array(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    if value.is_instance_of::<PyString>() || value.is_instance_of::<PyList>() || !value.hasattr("__len__")? {
        return Ok(false);
    }
    Ok(exports(value)? || value.hasattr("__array__")?)
}

/// All chunks as one array.
pub fn one_array(value: &Bound<'_, PyAny>) -> PyResult<(FieldRef, ArrayRef)> {
    let (field, chunks) = chunks_from(value)?;
    let chunks: Vec<&dyn Array> = chunks.iter().map(AsRef::as_ref).collect();
    let values = match chunks.as_slice() {
        [] => arrow::array::new_empty_array(field.data_type()),
        many => concat(many).map_err(|error| from_datafusion(error.into())).map_err(as_execution).or_raise()?,
    };
    Ok((field, values))
}

fn as_execution(error: Error) -> Error {
    Error::execution("series", error.to_string())
}
