//! One column of a collected frame.

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema};
use gradframe::Error;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyTuple};
use pyo3_arrow::PyArray;
use pyo3_arrow::ffi::to_schema_pycapsule;
use std::sync::Arc;

use crate::dataframe::in_known_zones;
use crate::display::{self, type_name};
use crate::errors::OrRaise;
use crate::interop;

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

    /// As a NumPy array: a view of the same memory for numbers without nulls, else a copy, or an error if `zero_copy_only`.
    pub fn numpy<'py>(&self, py: Python<'py>, zero_copy_only: bool) -> PyResult<Bound<'py, PyAny>> {
        let kwargs = PyDict::new(py);
        kwargs.set_item("zero_copy_only", zero_copy_only)?;
        let array = self.arrow(py)?.call_method("to_numpy", (), Some(&kwargs));
        array.map_err(|error| if zero_copy_only { self.needs_copy() } else { error })
    }

    fn needs_copy(&self) -> PyErr {
        let nulls = self.values.null_count();
        let why = if nulls > 0 { format!("it has {nulls} nulls") } else { format!("its type is {}", type_name(&self.field)) };
        let what = format!("to_numpy: column `{}` cannot be shared without copying: {why}", self.field.name());
        PyValueError::new_err(what)
    }
}

/// What `__array__` owes NumPy: another dtype on request, a copy on demand, and an error for one that is not allowed.
/// `make` gives the array, without copying if it is told so.
pub fn as_array<'py>(
    make: impl FnOnce(bool) -> PyResult<Bound<'py, PyAny>>,
    dtype: Option<&Bound<'py, PyAny>>,
    copy: Option<bool>,
) -> PyResult<Bound<'py, PyAny>> {
    let array = make(copy == Some(false))?;
    let array = match dtype {
        Some(dtype) if !same_type(&array, dtype)? => {
            if copy == Some(false) {
                let what = format!("__array__: values of type {} cannot be {dtype} without copying", array.getattr("dtype")?);
                return Err(PyValueError::new_err(what));
            }
            return array.call_method1("astype", (dtype,));
        }
        _ => array,
    };
    if copy == Some(true) { array.call_method0("copy") } else { Ok(array) }
}

fn same_type(array: &Bound<'_, PyAny>, dtype: &Bound<'_, PyAny>) -> PyResult<bool> {
    let wanted = array.py().import("numpy")?.getattr("dtype")?.call1((dtype,))?;
    array.getattr("dtype")?.eq(wanted)
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
        in_known_zones(&self.arrow(py)?)?.call_method0("to_pylist")
    }

    /// The values as a NumPy array: the same memory, read only, for numbers without nulls; else a copy, or an error if
    /// `zero_copy_only`. With `writable` a copy in any case.
    #[pyo3(signature = (*, zero_copy_only=false, writable=false))]
    fn to_numpy<'py>(&self, py: Python<'py>, zero_copy_only: bool, writable: bool) -> PyResult<Bound<'py, PyAny>> {
        let array = self.numpy(py, zero_copy_only)?;
        if writable && !array.getattr("flags")?.getattr("writeable")?.is_truthy()? {
            array.call_method0("copy")
        } else {
            Ok(array)
        }
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
        as_array(|zero_copy_only| self.numpy(py, zero_copy_only), dtype, copy)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        interop::column_capsules(py, Arc::new(self.field.clone()), &self.values, requested_schema)
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        Ok(to_schema_pycapsule(py, &self.field)?)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let schema = Arc::new(Schema::new(vec![self.field.clone()]));
        let options = RecordBatchOptions::new().with_row_count(Some(self.values.len()));
        let rows = RecordBatch::try_new_with_options(schema.clone(), vec![Arc::clone(&self.values)], &options);
        let rows = rows.map_err(|e| Error::internal("repr", e.to_string())).or_raise()?;
        let table = display::text(&schema, &display::shown(py, &[rows])?, display::width(py)?).or_raise()?;
        Ok(format!("shape: ({},)\n{}", self.values.len(), table.trim_end()))
    }
}
