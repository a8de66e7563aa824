//! Python's numbers and arguments as the engine's, and back.

use gradframe::array::{Arg, Array, Element, Number, Operand};
use gradframe::{Error, Result};
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyComplex, PyFloat, PyInt, PyList, PyString, PyTuple};

use super::PyArray;
use crate::errors::OrRaise;

/// The element type of this name.
pub fn element(name: &str) -> Result<Element> {
    Element::named(name).ok_or_else(|| Error::dtype("dtype", format!("arrays have no element type `{name}`")))
}

/// An array over a buffer; copied only where its elements are not aligned.
pub fn array_of(buffer: arrow::buffer::Buffer, dtype: &str, shape: &[usize]) -> Result<Array> {
    Array::from_buffer(element(dtype)?, shape, buffer)
}

/// An operand: an array, or a Python number, whose type is weak.
pub fn operand(op: &str, value: &Bound<'_, PyAny>) -> PyResult<Operand> {
    if let Ok(array) = value.cast::<PyArray>() {
        return Ok(Operand::Array(array.get().0.clone()));
    }
    if let Ok(inner) = value.getattr(pyo3::intern!(value.py(), "_array"))
        && let Ok(array) = inner.cast::<PyArray>()
    {
        return Ok(Operand::Array(array.get().0.clone()));
    }
    number(value).map(Operand::Number).map_err(|error| match error.is_instance_of::<PyOverflowError>(value.py()) {
        true => error,
        false => {
            let kind = value.get_type().qualname().map(|name| name.to_string()).unwrap_or_default();
            PyTypeError::new_err(format!("{op}: expected an array or a number, got {kind}; hint: convert it with asarray"))
        }
    })
}

/// A Python number.
pub fn number(value: &Bound<'_, PyAny>) -> PyResult<Number> {
    if let Ok(b) = value.cast::<PyBool>() {
        return Ok(Number::Bool(b.is_true()));
    }
    if value.cast::<PyFloat>().is_ok() {
        return Ok(Number::Float(value.extract()?));
    }
    if value.cast::<PyInt>().is_ok() {
        let n = value.extract::<i128>();
        return n.map(Number::Int).map_err(|_| PyOverflowError::new_err(format!("the integer {value} fits no integer type")));
    }
    if let Ok(z) = value.cast::<PyComplex>() {
        use pyo3::types::PyComplexMethods;
        return Ok(Number::Complex(z.real(), z.imag()));
    }
    Err(PyTypeError::new_err(format!("expected a number, got {}", value.get_type())))
}

/// An argument that is part of the structure.
pub fn arg(op: &str, value: &Bound<'_, PyAny>) -> PyResult<Arg> {
    if value.is_none() {
        return Ok(Arg::None);
    }
    if let Ok(b) = value.cast::<PyBool>() {
        return Ok(Arg::Bool(b.is_true()));
    }
    if value.cast::<PyInt>().is_ok() {
        return integer(op, value).map(Arg::Int);
    }
    if value.cast::<PyFloat>().is_ok() {
        return Ok(Arg::Float(value.extract::<f64>()?.to_bits()));
    }
    if let Ok(text) = value.cast::<PyString>() {
        let text = text.to_cow()?;
        return Ok(Element::named(&text).map_or_else(|| Arg::Text(text.as_ref().into()), Arg::Element));
    }
    if value.cast::<PyTuple>().is_ok() || value.cast::<PyList>().is_ok() {
        let ints = value.try_iter()?.map(|i| integer(op, &i?)).collect::<PyResult<_>>()?;
        return Ok(Arg::Ints(ints));
    }
    integer(op, value).map(Arg::Int)
}

/// An integer, or what stands for one (a NumPy integer).
fn integer(op: &str, value: &Bound<'_, PyAny>) -> PyResult<i64> {
    let kind = || value.get_type().qualname().map(|name| name.to_string()).unwrap_or_default();
    let index = value.call_method0("__index__");
    let index = index.map_err(|_| PyTypeError::new_err(format!("{op}: expected an integer, got {}", kind())))?;
    index.extract::<i64>().map_err(|_| PyOverflowError::new_err(format!("{op}: {index} does not fit 64 bits")))
}

/// The single element as a Python number. Errors: `Shape` if there is not exactly one.
pub fn item(py: Python<'_>, element: Element, value: &gradframe::ml::graph::Tensor) -> PyResult<Py<PyAny>> {
    let count = value.len() / if element.is_complex() { 2 } else { 1 };
    if count != 1 {
        let error = Error::shape("item", format!("expected a single element, got {count}"));
        return Err::<Py<PyAny>, _>(error.hint("tolist gives all; index picks one")).or_raise();
    }
    let floats = value.to_f64();
    match element {
        Element::Complex(_) => Ok(PyComplex::from_doubles(py, floats[0], floats[1]).into_any().unbind()),
        e if e == Element::BOOL => Ok(PyBool::new(py, floats[0] != 0.0).to_owned().into_any().unbind()),
        e if e.is_float() => Ok(PyFloat::new(py, floats[0]).into_any().unbind()),
        e if e.name() == "uint64" => Ok(value.values::<u64>().or_raise()?[0].into_pyobject(py)?.into_any().unbind()),
        _ => {
            let wide = value.cast(Element::INT.part()).or_raise()?;
            Ok(wide.values::<i64>().or_raise()?[0].into_pyobject(py)?.into_any().unbind())
        }
    }
}
