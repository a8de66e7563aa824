//! One column of a collected frame.

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::Field;
use gradframe::Error;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyTuple};
use pyo3_arrow::PyArray;
use pyo3_arrow::ffi::to_array_pycapsules;
use std::sync::Arc;

use crate::errors::OrRaise;

/// One column: a name and values of one type.
#[pyclass(name = "PySeries", module = "gradframe", frozen)]
pub struct PySeries {
    field: Field,
    values: ArrayRef,
}

impl PySeries {
    /// The column of this field.
    pub fn new(field: Field, values: ArrayRef) -> Self {
        PySeries { field, values }
    }

    fn arrow<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let array = PyArray::try_new(self.values.clone(), Arc::new(self.field.clone()));
        let array = array.map_err(|error| Error::internal("series", error.to_string())).or_raise()?;
        py.import("pyarrow")?.getattr("array")?.call1((array,))
    }

    /// As a NumPy array: a view of the same memory for numbers without nulls, else a copy.
    pub fn numpy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let kwargs = PyDict::new(py);
        kwargs.set_item("zero_copy_only", false)?;
        self.arrow(py)?.call_method("to_numpy", (), Some(&kwargs))
    }
}

/// What `__array__` owes NumPy: another dtype on request, a copy on demand.
pub fn as_array<'py>(
    array: Bound<'py, PyAny>,
    dtype: Option<&Bound<'py, PyAny>>,
    copy: Option<bool>,
) -> PyResult<Bound<'py, PyAny>> {
    let array = match dtype {
        Some(dtype) => array.call_method1("astype", (dtype,))?,
        None => array,
    };
    if copy == Some(true) { array.call_method0("copy") } else { Ok(array) }
}

#[pymethods]
impl PySeries {
    /// The column's name.
    #[getter]
    fn name(&self) -> &str {
        self.field.name()
    }

    /// The type as a `pyarrow.DataType`.
    #[getter]
    fn dtype<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.arrow(py)?.getattr("type")
    }

    fn __len__(&self) -> usize {
        self.values.len()
    }

    /// How many values are null.
    fn null_count(&self) -> usize {
        self.values.null_count()
    }

    /// The values as Python objects; a null is None.
    fn to_list<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.arrow(py)?.call_method0("to_pylist")
    }

    /// The values as a NumPy array: the same memory for numbers without nulls, else a copy.
    fn to_numpy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.numpy(py)
    }

    /// The values as a `pyarrow.Array` over the same memory.
    fn to_arrow<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.arrow(py)
    }

    fn __getitem__<'py>(&self, py: Python<'py>, index: isize) -> PyResult<Bound<'py, PyAny>> {
        self.arrow(py)?.get_item(index)?.call_method0("as_py")
    }

    #[pyo3(signature = (dtype=None, copy=None))]
    fn __array__<'py>(
        &self,
        py: Python<'py>,
        dtype: Option<&Bound<'py, PyAny>>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        as_array(self.numpy(py)?, dtype, copy)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        Ok(to_array_pycapsules(py, Arc::new(self.field.clone()), &self.values, requested_schema)?)
    }

    fn __repr__(&self) -> PyResult<String> {
        let shown = self.values.slice(0, self.values.len().min(10));
        let column = arrow::util::pretty::pretty_format_columns(self.field.name(), &[shown]);
        let table = column.map_err(|e| Error::execution("repr", e.to_string())).or_raise()?;
        Ok(format!("Series: '{}' [{}], {} values\n{table}", self.field.name(), self.field.data_type(), self.values.len()))
    }
}
