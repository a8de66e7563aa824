//! Accounts of a frame: what its plan is, and what running it takes.

use gradframe::{Copied, Explanation};
use pyo3::prelude::*;

use crate::dataframe::PyDataFrame;
use crate::errors::OrRaise;
use crate::interop;
use crate::lazyframe::PyLazyFrame;
use crate::session::PySession;
use crate::wait::wait;

/// The rows, and a table of the operators that made them.
#[pyfunction]
pub fn profile(py: Python<'_>, frame: PyLazyFrame) -> PyResult<(PyDataFrame, PyDataFrame)> {
    let (schema, session) = (frame.0.schema(), frame.0.session().clone());
    let profile = wait(py, async move { frame.0.profile().await })?;
    let rows = PyDataFrame::new(session.clone(), schema, profile.rows);
    Ok((rows, PyDataFrame::new(session, profile.operators.schema(), vec![profile.operators])))
}

/// The plan as text in one of the formats of `LazyFrame.explain`.
#[pyfunction]
pub fn explain(py: Python<'_>, frame: PyLazyFrame, format: &str, optimized: bool) -> PyResult<String> {
    let format = format.parse::<Explanation>().or_raise()?;
    if !optimized {
        return frame.0.explain_as_written(format).or_raise();
    }
    wait(py, async move { frame.0.explain_as(format).await })
}

/// The plan as SQL, and the frames that its names stand for.
#[pyfunction]
pub fn to_sql(frame: PyLazyFrame) -> PyResult<(String, Vec<(String, PyLazyFrame)>)> {
    let (text, frames) = frame.0.to_sql_with_frames().or_raise()?;
    Ok((text, frames.into_iter().map(|(name, frame)| (name, PyLazyFrame(frame))).collect()))
}

/// A lazy frame over anything with `__arrow_c_stream__` or `__arrow_c_array__`, some of whose columns were copied on the way:
/// `(column, bytes, why)`.
#[pyfunction]
pub fn from_copied_arrow(session: &PySession, data: interop::Given, copies: Vec<(String, u64, String)>) -> PyResult<PyDataFrame> {
    let (schema, batches, own) = interop::batches_from(data)?;
    let copied = |(column, bytes, why)| Copied { column, bytes, why };
    let copies = copies.into_iter().map(copied).chain(own).collect();
    Ok(PyDataFrame::with_copies(session.engine().clone(), schema, batches, copies))
}
