//! The collected frame: batches in memory, shared with whoever asks for them.

use arrow::array::{Array, ArrayRef};
use arrow::compute::concat;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use gradframe::{Error, Session};
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use pyo3_arrow::input::AnyRecordBatch;
use std::sync::Arc;

use crate::display;
use crate::errors::OrRaise;
use crate::interop;
use crate::lazyframe::{PyLazyFrame, count};
use crate::series::PySeries;

/// Rows shown by `repr`.
const SHOWN_ROWS: usize = 10;

/// Rows in memory. Everything that a LazyFrame does, done at once.
#[pyclass(name = "PyDataFrame", module = "gradframe", frozen, from_py_object)]
#[derive(Clone)]
pub struct PyDataFrame {
    session: Session,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl PyDataFrame {
    /// A frame over batches of this schema.
    pub fn new(session: Session, schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        PyDataFrame { session, schema, batches }
    }

    /// One column as one array; without copying where there is one batch.
    fn column(&self, index: usize) -> PyResult<ArrayRef> {
        let chunks: Vec<&dyn Array> = self.batches.iter().map(|b| b.column(index).as_ref()).collect();
        match chunks.as_slice() {
            [] => Ok(arrow::array::new_empty_array(self.schema.field(index).data_type())),
            [_] => Ok(self.batches[0].column(index).clone()),
            many => concat(many).map_err(|e| Error::execution("dataframe", e.to_string())).or_raise(),
        }
    }

    fn head_batches(&self, rows: usize) -> Vec<RecordBatch> {
        let mut left = rows;
        let mut shown = vec![];
        for batch in &self.batches {
            let taken = left.min(batch.num_rows());
            shown.push(batch.slice(0, taken));
            left -= taken;
        }
        shown
    }

    /// Tells of rows that are not shown.
    fn more(&self, newline: &str) -> String {
        match self.height().saturating_sub(SHOWN_ROWS) {
            0 => String::new(),
            more => format!("{newline}... {more} more rows"),
        }
    }

    fn table<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("pyarrow")?.getattr("table")?.call1((slf,))
    }
}

#[pymethods]
impl PyDataFrame {
    /// Column names.
    #[getter]
    fn columns(&self) -> Vec<String> {
        self.schema.fields().iter().map(|f| f.name().clone()).collect()
    }

    /// `(rows, columns)`.
    #[getter]
    fn shape(&self) -> (usize, usize) {
        (self.height(), self.width())
    }

    /// Number of rows.
    #[getter]
    fn height(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// Number of columns.
    #[getter]
    fn width(&self) -> usize {
        self.schema.fields().len()
    }

    /// The schema as a `pyarrow.Schema`.
    #[getter]
    fn schema<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("pyarrow")?.getattr("schema")?.call1((pyo3_arrow::PySchema::new(self.schema.clone()),))
    }

    fn __len__(&self) -> usize {
        self.height()
    }

    /// Whether there is a column of this name.
    fn __contains__(&self, name: &str) -> bool {
        self.schema.index_of(name).is_ok()
    }

    /// One column.
    fn __getitem__(&self, name: &str) -> PyResult<PySeries> {
        let index = self
            .schema
            .index_of(name)
            .map_err(|_| PyKeyError::new_err(format!("no column `{name}`; there are {}", self.columns().join(", "))))?;
        Ok(PySeries::new(self.schema.field(index).clone(), self.column(index)?))
    }

    /// A frame of the same session over other rows: anything with `__arrow_c_stream__` or `__arrow_c_array__`.
    fn beside(&self, data: AnyRecordBatch) -> PyResult<Self> {
        let (schema, batches) = interop::batches_from(data)?;
        Ok(PyDataFrame::new(self.session.clone(), schema, batches))
    }

    /// These columns, in this order; nothing is copied.
    fn pick(&self, indices: Vec<usize>) -> PyResult<Self> {
        let failed = |error: arrow::error::ArrowError| Error::internal("dataframe", error.to_string());
        let schema = Arc::new(self.schema.project(&indices).map_err(failed).or_raise()?);
        let batches = self.batches.iter().map(|batch| batch.project(&indices).map_err(failed));
        let batches = batches.collect::<gradframe::Result<Vec<_>>>().or_raise()?;
        Ok(PyDataFrame::new(self.session.clone(), schema, batches))
    }

    /// Bytes of memory that the rows hold.
    fn estimated_size(&self) -> usize {
        self.batches.iter().map(RecordBatch::get_array_memory_size).sum()
    }

    /// In how many pieces the rows lie.
    fn n_chunks(&self) -> usize {
        self.batches.len().max(1)
    }

    /// The same rows as the start of a query; nothing is copied.
    pub fn lazy(&self) -> PyResult<PyLazyFrame> {
        self.session.from_batches(self.schema.clone(), self.batches.clone()).or_raise().map(PyLazyFrame)
    }

    /// At most the first `n` rows; nothing is copied.
    #[pyo3(signature = (n=5))]
    fn head(&self, n: i64) -> PyResult<Self> {
        Ok(PyDataFrame { batches: self.head_batches(count("head", n)?), ..self.clone() })
    }

    /// A `pyarrow.Table` over the same memory.
    fn to_arrow<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::table(slf)
    }

    /// A `polars.DataFrame`.
    fn to_polars<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("polars")?.getattr("DataFrame")?.call1((slf,))
    }

    /// A `pandas.DataFrame`.
    fn to_pandas<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::table(slf)?.call_method0("to_pandas")
    }

    /// A NumPy array of shape (rows, columns); a null in a number is NaN.
    fn to_numpy<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let frame = slf.get();
        let columns = (0..frame.width())
            .map(|i| PySeries::new(frame.schema.field(i).clone(), frame.column(i)?).numpy(slf.py()))
            .collect::<PyResult<Vec<_>>>()?;
        let numpy = slf.py().import("numpy")?;
        if columns.is_empty() {
            return numpy.call_method1("empty", ((frame.height(), 0),));
        }
        numpy.call_method1("column_stack", (columns,))
    }

    /// `{column: [values]}`.
    fn to_dict<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::table(slf)?.call_method0("to_pydict")
    }

    /// One dictionary a row.
    fn to_dicts<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::table(slf)?.call_method0("to_pylist")
    }

    /// One tuple a row.
    fn rows<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let columns = Self::table(slf)?.getattr("columns")?;
        let lists = columns.try_iter()?.map(|c| c?.call_method0("to_pylist")).collect::<PyResult<Vec<_>>>()?;
        let builtins = py.import("builtins")?;
        let zipped = builtins.getattr("zip")?.call1(pyo3::types::PyTuple::new(py, lists)?)?;
        builtins.getattr("list")?.call1((zipped,))
    }

    #[pyo3(signature = (dtype=None, copy=None))]
    fn __array__<'py>(
        slf: &Bound<'py, Self>,
        dtype: Option<&Bound<'py, PyAny>>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        crate::series::as_array(Self::to_numpy(slf)?, dtype, copy)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        interop::stream_capsule(py, &self.schema, self.batches.clone(), requested_schema)
    }

    fn __repr__(&self) -> PyResult<String> {
        let (rows, columns) = self.shape();
        let table = display::text(&self.schema, &self.head_batches(SHOWN_ROWS)).or_raise()?;
        Ok(format!("shape: ({rows}, {columns})\n{table}{}", self.more("\n")))
    }

    /// What a notebook shows.
    fn _repr_html_(&self) -> PyResult<String> {
        let (rows, columns) = self.shape();
        let table = display::html(&self.schema, &self.head_batches(SHOWN_ROWS)).or_raise()?;
        Ok(format!("<small>shape: ({rows}, {columns})</small>\n{table}{}", self.more("<br>")))
    }
}
