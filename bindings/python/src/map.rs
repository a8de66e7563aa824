//! Python functions over batches, as steps of a plan.

use std::fmt;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use gradframe::{Error, MapFunction, MapOptions, Session, SharedCause, own_schema};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3_arrow::{PyRecordBatch, PySchema};

use crate::dataframe::PyDataFrame;
use crate::errors::OrRaise;
use crate::interop;
use crate::lazyframe::PyLazyFrame;

/// The operator's name in errors.
const OP: &str = "map_batches";

/// A step that calls `function` for batches of the frame: with a `pyarrow.RecordBatch` if `arrow`, else with a DataFrame.
/// It gives anything that Arrow reads. The interpreter's lock is held while it runs, and not otherwise.
#[pyfunction]
#[pyo3(signature = (frame, function, *, arrow, schema, streamable, batch_size, predicate_pushdown, projection_pushdown, slice_pushdown))]
#[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
pub fn map_batches(
    frame: PyLazyFrame,
    function: Py<PyAny>,
    arrow: bool,
    schema: Option<PySchema>,
    streamable: bool,
    batch_size: Option<usize>,
    predicate_pushdown: bool,
    projection_pushdown: bool,
    slice_pushdown: bool,
) -> PyResult<PyLazyFrame> {
    let session = frame.0.session().clone();
    let function = PyMapFunction { name: function_name(&function), function, session, arrow };
    let schema = schema.map(|schema| own_schema(&schema.into_inner()));
    let batch_rows = batch_size;
    let options = MapOptions { schema, streamable, batch_rows, predicate_pushdown, projection_pushdown, slice_pushdown };
    frame.0.map_batches(function, options).or_raise().map(PyLazyFrame)
}

/// As tracebacks call it.
pub fn function_name(function: &Py<PyAny>) -> String {
    Python::attach(|py| {
        let name = function.getattr(py, "__qualname__").or_else(|_| function.getattr(py, "__name__"));
        name.and_then(|name| name.extract::<String>(py)).unwrap_or_else(|_| "function".to_owned())
    })
}

/// What a Python function raised, as an error that keeps the exception with its traceback.
pub fn raised(py: Python<'_>, op: &str, function: &str, exception: PyErr) -> Error {
    let kind = exception.get_type(py).qualname().map_or_else(|_| "an exception".to_owned(), |name| name.to_string());
    let what = format!("`{function}` raised {kind}: {}", exception.value(py));
    Error::execution(op, what).because(SharedCause(Arc::new(exception)))
}

/// A Python callable over batches.
struct PyMapFunction {
    name: String,
    function: Py<PyAny>,
    session: Session,
    arrow: bool,
}

impl PyMapFunction {
    fn call(&self, py: Python<'_>, rows: RecordBatch) -> PyResult<Vec<RecordBatch>> {
        let given = if self.arrow {
            self.function.bind(py).call1((PyRecordBatch::new(rows).into_pyarrow(py)?,))?
        } else {
            let frame = PyDataFrame::new(self.session.clone(), rows.schema(), vec![rows]);
            self.function.bind(py).call1((frame,))?
        };
        if !interop::exports(&given)? {
            let kind = given.get_type().qualname()?;
            let what = format!("{OP}: `{}` gave {kind}, expected a DataFrame, a pyarrow.RecordBatch or the like", self.name);
            return Err(PyTypeError::new_err(what));
        }
        let (schema, batches, _) = interop::batches_from(given.extract()?)?;
        Ok(if batches.is_empty() { vec![RecordBatch::new_empty(schema)] } else { batches })
    }
}

impl MapFunction for PyMapFunction {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn map(&self, rows: RecordBatch) -> gradframe::Result<Vec<RecordBatch>> {
        Python::attach(|py| self.call(py, rows).map_err(|exception| raised(py, OP, &self.name, exception)))
    }
}

impl fmt::Debug for PyMapFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PyMapFunction").field("name", &self.name).finish_non_exhaustive()
    }
}
