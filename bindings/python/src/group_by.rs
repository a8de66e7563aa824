//! Frames divided into groups.

use gradframe::GroupBy;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::OrRaise;
use crate::expr::columns;
use crate::lazyframe::{PyLazyFrame, with_named};

/// A frame divided into groups.
#[pyclass(name = "PyLazyGroupBy", module = "gradframe", frozen)]
pub struct PyGroupBy(pub GroupBy);

#[pymethods]
impl PyGroupBy {
    /// One row a group: the keys, then the aggregates.
    #[pyo3(signature = (*aggs, **named_aggs))]
    fn agg(&self, aggs: Vec<Bound<'_, PyAny>>, named_aggs: Option<&Bound<'_, PyDict>>) -> PyResult<PyLazyFrame> {
        self.0.agg(with_named(columns(&aggs)?, named_aggs)?).or_raise().map(PyLazyFrame)
    }

    /// Only the groups of which all of these are true.
    #[pyo3(signature = (*predicates))]
    fn having(&self, predicates: Vec<Bound<'_, PyAny>>) -> PyResult<Self> {
        Ok(PyGroupBy(columns(&predicates)?.into_iter().fold(self.0.clone(), GroupBy::having)))
    }

    /// One row a group: the keys and the number of rows, `len`.
    fn len(&self) -> PyResult<PyLazyFrame> {
        self.0.len().or_raise().map(PyLazyFrame)
    }
}
