//! Python functions over the values of a column, as expressions.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::compute::concat;
use arrow::datatypes::Field;
use gradframe::{ColumnFunction, Error, Sees, from_datafusion, map_column as map, own_type};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3_arrow::{PyArray, PyDataType};

use crate::expr::{PyExpr, column};
use crate::interop::{chunks_from, exports};
use crate::map::{function_name, raised};
use crate::series::PySeries;

/// An expression that calls `function` with a Series of the column's values: with all rows, or with some after another. With
/// `each` errors say that it takes them one by one.
#[pyfunction]
#[pyo3(signature = (expr, function, *, return_dtype, all_rows, each))]
pub fn map_column(
    expr: &Bound<'_, PyAny>,
    function: Py<PyAny>,
    return_dtype: Option<PyDataType>,
    all_rows: bool,
    each: bool,
) -> PyResult<PyExpr> {
    let op = if each { "map_elements" } else { "map_batches" };
    let function = Arc::new(PyColumnFunction { op, name: function_name(&function), function });
    let sees = if all_rows { Sees::All } else { Sees::Some };
    Ok(map(column(expr)?, function, return_dtype.map(|own| own_type(&own.into_inner())), sees).into())
}

/// A Python callable over a column.
struct PyColumnFunction {
    /// The operation's name in errors.
    op: &'static str,
    name: String,
    function: Py<PyAny>,
}

impl PyColumnFunction {
    fn call(&self, py: Python<'_>, values: ArrayRef) -> PyResult<ArrayRef> {
        let field = Field::new("", values.data_type().clone(), true);
        let given = self.function.bind(py).call1((PySeries::new(field, values),))?;
        if !exports(&given)? && given.extract::<PyArray>().is_err() {
            let kind = given.get_type().qualname()?;
            return Err(PyTypeError::new_err(format!("{}: `{}` gave {kind}, expected a Series or an array", self.op, self.name)));
        }
        let (field, chunks) = chunks_from(&given)?;
        let chunks: Vec<&dyn Array> = chunks.iter().map(AsRef::as_ref).collect();
        match chunks.as_slice() {
            [] => Ok(arrow::array::new_empty_array(field.data_type())),
            many => concat(many).map_err(|error| {
                let error = from_datafusion(error.into());
                PyTypeError::new_err(error.to_string())
            }),
        }
    }
}

impl ColumnFunction for PyColumnFunction {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn op(&self) -> &'static str {
        self.op
    }

    fn map(&self, values: ArrayRef) -> Result<ArrayRef, Error> {
        Python::attach(|py| self.call(py, values).map_err(|exception| raised(py, self.op, &self.name, exception)))
    }
}
