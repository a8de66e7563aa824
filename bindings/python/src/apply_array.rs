//! Python functions of arrays over columns, traced into the plan.

use std::sync::Arc;

use gradframe::array::{Element, RowFunction};
use gradframe::ml::graph::DType;
use gradframe::{ArrayFunction, Error, TracedArrays, apply_array as applied};
use pyo3::prelude::*;

use crate::array::module::PyRowFunction;
use crate::expr::{PyExpr, column};
use crate::map::raised;

/// The operator's name in errors.
const OP: &str = "apply_array";

/// An expression of what a function of arrays makes of columns. `trace` is called with the columns' types, as names and sizes,
/// when the plan is made, and gives the function as it was traced.
#[pyfunction]
pub fn apply_array(columns: Vec<Bound<'_, PyAny>>, name: String, trace: Py<PyAny>) -> PyResult<PyExpr> {
    let columns = columns.iter().map(column).collect::<PyResult<Vec<_>>>()?;
    Ok(applied(columns, Arc::new(PyArrayFunction { name, trace })).into())
}

struct PyArrayFunction {
    name: String,
    trace: Py<PyAny>,
}

impl PyArrayFunction {
    fn call(&self, py: Python<'_>, types: &[(DType, Vec<usize>)]) -> PyResult<TracedArrays> {
        let types: Vec<_> = types.iter().map(|(dtype, sizes)| (Element::Real(*dtype).name(), sizes.clone())).collect();
        let given = self.trace.bind(py).call1((types,))?;
        let RowFunction { function, captures, .. } = given.cast::<PyRowFunction>()?.get().function.clone();
        Ok(TracedArrays { function, captures })
    }
}

impl ArrayFunction for PyArrayFunction {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn trace(&self, types: &[(DType, Vec<usize>)]) -> Result<TracedArrays, Error> {
        Python::attach(|py| self.call(py, types).map_err(|exception| raised(py, OP, &self.name, exception)))
    }
}
