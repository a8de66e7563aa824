//! The collected frame: batches in memory, shared with whoever asks for them.

use arrow::array::{Array, ArrayRef};
use arrow::compute::concat;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use gradframe::{Error, Session};
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict};

use crate::display;
use crate::errors::OrRaise;
use crate::interop;
use crate::lazyframe::{PyGroupBy, PyLazyFrame, count};
use crate::model::PyModel;
use crate::series::PySeries;

/// Rows shown by `repr`.
const SHOWN_ROWS: usize = 10;

/// Rows in memory. Everything that a LazyFrame does, done at once.
#[pyclass(name = "DataFrame", module = "gradframe", frozen, from_py_object)]
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

    /// The same rows as the start of a query; nothing is copied.
    pub fn lazy(&self) -> PyResult<PyLazyFrame> {
        self.session.from_batches(self.schema.clone(), self.batches.clone()).or_raise().map(PyLazyFrame)
    }

    /// See `LazyFrame.select`.
    #[pyo3(signature = (*exprs, **named_exprs))]
    fn select(&self, py: Python<'_>, exprs: Vec<Bound<'_, PyAny>>, named_exprs: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        self.lazy()?.select(exprs, named_exprs)?.collect(py)
    }

    /// See `LazyFrame.filter`.
    #[pyo3(signature = (*predicates))]
    fn filter(&self, py: Python<'_>, predicates: Vec<Bound<'_, PyAny>>) -> PyResult<Self> {
        self.lazy()?.filter(predicates)?.collect(py)
    }

    /// See `LazyFrame.with_columns`.
    #[pyo3(signature = (*exprs, **named_exprs))]
    fn with_columns(
        &self,
        py: Python<'_>,
        exprs: Vec<Bound<'_, PyAny>>,
        named_exprs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        self.lazy()?.with_columns(exprs, named_exprs)?.collect(py)
    }

    /// Groups of rows with equal keys; `.agg(...)` of them is lazy: collect it.
    #[pyo3(signature = (*by))]
    fn group_by(&self, by: Vec<Bound<'_, PyAny>>) -> PyResult<PyGroupBy> {
        self.lazy()?.group_by(by)
    }

    /// See `LazyFrame.join`.
    #[pyo3(signature = (other, on=None, how="inner", *, left_on=None, right_on=None))]
    fn join(
        &self,
        py: Python<'_>,
        other: PyDataFrame,
        on: Option<&Bound<'_, PyAny>>,
        how: &str,
        left_on: Option<&Bound<'_, PyAny>>,
        right_on: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        self.lazy()?.join(other.lazy()?, on, how, left_on, right_on)?.collect(py)
    }

    /// See `LazyFrame.sort`.
    #[pyo3(signature = (by, *more_by, descending=None, nulls_last=None))]
    fn sort(
        &self,
        py: Python<'_>,
        by: Bound<'_, PyAny>,
        more_by: Vec<Bound<'_, PyAny>>,
        descending: Option<&Bound<'_, PyAny>>,
        nulls_last: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        self.lazy()?.sort(by, more_by, descending, nulls_last)?.collect(py)
    }

    /// At most the first `n` rows; nothing is copied.
    #[pyo3(signature = (n=5))]
    fn head(&self, n: i64) -> PyResult<Self> {
        Ok(PyDataFrame { batches: self.head_batches(count("head", n)?), ..self.clone() })
    }

    /// See `LazyFrame.slice`.
    #[pyo3(signature = (offset, length=None))]
    fn slice(&self, py: Python<'_>, offset: i64, length: Option<i64>) -> PyResult<Self> {
        self.lazy()?.slice(offset, length)?.collect(py)
    }

    /// See `LazyFrame.unique`.
    #[pyo3(signature = (subset=None))]
    fn unique(&self, py: Python<'_>, subset: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        self.lazy()?.unique(subset)?.collect(py)
    }

    /// See `LazyFrame.drop`.
    #[pyo3(signature = (*names))]
    fn drop(&self, py: Python<'_>, names: Vec<Bound<'_, PyAny>>) -> PyResult<Self> {
        self.lazy()?.drop(names)?.collect(py)
    }

    /// See `LazyFrame.rename`.
    fn rename(&self, py: Python<'_>, mapping: &Bound<'_, PyDict>) -> PyResult<Self> {
        self.lazy()?.rename(mapping)?.collect(py)
    }

    /// See `LazyFrame.fit`.
    #[pyo3(signature = (estimator, target, *, name=None, split=None, eval_fraction=None, split_by=None, sample_weight=None, transform=None))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn fit(
        &self,
        py: Python<'_>,
        estimator: &Bound<'_, PyAny>,
        target: String,
        name: Option<String>,
        split: Option<String>,
        eval_fraction: Option<f64>,
        split_by: Option<String>,
        sample_weight: Option<String>,
        transform: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<PyModel> {
        self.lazy()?.fit(py, estimator, target, name, split, eval_fraction, split_by, sample_weight, transform)
    }

    /// See `LazyFrame.predict`.
    #[pyo3(signature = (model, *, threshold=None))]
    fn predict(&self, py: Python<'_>, model: &Bound<'_, PyAny>, threshold: Option<f64>) -> PyResult<Self> {
        self.lazy()?.predict(model, threshold)?.collect(py)
    }

    /// See `LazyFrame.transform`.
    fn transform(&self, py: Python<'_>, model: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.lazy()?.transform(model)?.collect(py)
    }

    /// See `LazyFrame.evaluate`.
    #[pyo3(signature = (model, *, threshold=None))]
    fn evaluate(&self, py: Python<'_>, model: &Bound<'_, PyAny>, threshold: Option<f64>) -> PyResult<Self> {
        self.lazy()?.evaluate(model, threshold)?.collect(py)
    }

    /// See `LazyFrame.sink_parquet`.
    #[pyo3(signature = (path, *, compression=None, partition_by=None, overwrite=None))]
    fn write_parquet(
        &self,
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        compression: Option<String>,
        partition_by: Option<&Bound<'_, PyAny>>,
        overwrite: Option<bool>,
    ) -> PyResult<u64> {
        self.lazy()?.sink_parquet(py, path, compression, partition_by, overwrite)
    }

    /// See `LazyFrame.sink_csv`.
    #[pyo3(signature = (path, *, include_header=true, separator=",", null_value=None, compression=None, partition_by=None, overwrite=None))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn write_csv(
        &self,
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        include_header: bool,
        separator: &str,
        null_value: Option<String>,
        compression: Option<String>,
        partition_by: Option<&Bound<'_, PyAny>>,
        overwrite: Option<bool>,
    ) -> PyResult<u64> {
        self.lazy()?.sink_csv(py, path, include_header, separator, null_value, compression, partition_by, overwrite)
    }

    /// See `LazyFrame.sink_ndjson`.
    #[pyo3(signature = (path, *, compression=None, partition_by=None, overwrite=None))]
    fn write_ndjson(
        &self,
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        compression: Option<String>,
        partition_by: Option<&Bound<'_, PyAny>>,
        overwrite: Option<bool>,
    ) -> PyResult<u64> {
        self.lazy()?.sink_ndjson(py, path, compression, partition_by, overwrite)
    }

    /// See `LazyFrame.sink_ipc`.
    #[pyo3(signature = (path, *, compression=None, partition_by=None, overwrite=None))]
    fn write_ipc(
        &self,
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        compression: Option<String>,
        partition_by: Option<&Bound<'_, PyAny>>,
        overwrite: Option<bool>,
    ) -> PyResult<u64> {
        self.lazy()?.sink_ipc(py, path, compression, partition_by, overwrite)
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

    /// The single value of a frame with one row and one column.
    fn item<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        match slf.get().shape() {
            (1, 1) => Self::rows(slf)?.get_item(0)?.get_item(0),
            (rows, columns) => {
                Err(PyValueError::new_err(format!("item: expected one row and one column, got {rows} and {columns}")))
            }
        }
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
