//! The collected frame: batches in memory, shared with whoever asks for them.

use arrow::array::{Array, ArrayRef};
use arrow::compute::concat;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use gradframe::{Copied, Error, Session};
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyTuple};
use pyo3_arrow::ffi::to_schema_pycapsule;
use std::sync::Arc;

use crate::display;
use crate::errors::OrRaise;
use crate::interop;
use crate::lazyframe::{PyLazyFrame, count};
use crate::series::PySeries;
use crate::taking::take_rows;
use crate::values::one_array;

/// Rows in memory. Everything that a LazyFrame does, done at once.
#[pyclass(name = "PyDataFrame", module = "gradframe", frozen, from_py_object)]
#[derive(Clone)]
pub struct PyDataFrame {
    session: Session,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    /// What had to be copied when the rows came in.
    copies: Vec<Copied>,
}

impl PyDataFrame {
    /// A frame over batches of this schema.
    pub fn new(session: Session, schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self::with_copies(session, schema, batches, vec![])
    }

    /// The same, some of whose columns were copied on their way in.
    pub fn with_copies(session: Session, schema: SchemaRef, batches: Vec<RecordBatch>, copies: Vec<Copied>) -> Self {
        // The rows say best what they are: a plan's own schema may name a type that its optimizer has widened.
        let schema = batches.first().map_or(schema, RecordBatch::schema);
        PyDataFrame { session, schema, batches, copies }
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
    fn beside(&self, data: interop::Given) -> PyResult<Self> {
        let (schema, batches, copies) = interop::batches_from(data)?;
        Ok(PyDataFrame::with_copies(self.session.clone(), schema, batches, copies))
    }

    /// These columns, in this order; nothing is copied.
    fn pick(&self, indices: Vec<usize>) -> PyResult<Self> {
        let failed = |error: arrow::error::ArrowError| Error::internal("dataframe", error.to_string());
        let schema = Arc::new(self.schema.project(&indices).map_err(failed).or_raise()?);
        let batches = self.batches.iter().map(|batch| batch.project(&indices).map_err(failed));
        let batches = batches.collect::<gradframe::Result<Vec<_>>>().or_raise()?;
        Ok(PyDataFrame::new(self.session.clone(), schema, batches))
    }

    /// The rows at these places: an Arrow array of whole numbers, each below the frame's height.
    fn take(&self, places: &Bound<'_, PyAny>) -> PyResult<Self> {
        let (_, places) = one_array(places)?;
        let taken = take_rows(&self.schema, &self.batches, &places);
        let batch = taken.map_err(|error| Error::execution("dataframe", error.to_string())).or_raise()?;
        Ok(PyDataFrame::new(self.session.clone(), batch.schema(), vec![batch]))
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
        let (schema, batches, copies) = (self.schema.clone(), self.batches.clone(), self.copies.clone());
        self.session.from_copied_batches(schema, batches, copies).or_raise().map(PyLazyFrame)
    }

    /// At most the first `n` rows; nothing is copied.
    #[pyo3(signature = (n=5))]
    fn head(&self, n: i64) -> PyResult<Self> {
        Ok(PyDataFrame { batches: display::slice(&self.batches, 0, count("head", n)?), ..self.clone() })
    }

    /// At most `length` rows from the place `offset` on; nothing is copied. Other rows' batches are counted alone.
    fn part(&self, offset: usize, length: usize) -> Self {
        PyDataFrame::new(self.session.clone(), self.schema.clone(), display::slice(&self.batches, offset, length))
    }

    /// A `pyarrow.Table` over the same memory.
    fn to_arrow<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::table(slf)
    }

    /// A `polars.DataFrame`.
    fn to_polars<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("polars")?.getattr("DataFrame")?.call1((slf,))
    }

    /// A `pandas.DataFrame`: numbers without nulls in one batch share their memory. With `arrow` all columns have types over
    /// Arrow's memory; `options` are pyarrow's.
    #[pyo3(signature = (*, arrow=false, options=None))]
    fn to_pandas<'py>(slf: &Bound<'py, Self>, arrow: bool, options: Option<&Bound<'py, PyDict>>) -> PyResult<Bound<'py, PyAny>> {
        let options = options.map_or_else(|| Ok(PyDict::new(slf.py())), |options| options.copy())?;
        if !options.contains("split_blocks")? {
            // Columns side by side in one block would have to be copied there.
            options.set_item("split_blocks", true)?;
        }
        if arrow {
            options.set_item("types_mapper", slf.py().import("pandas")?.getattr("ArrowDtype")?)?;
        }
        Self::table(slf)?.call_method("to_pandas", (), Some(&options))
    }

    /// A NumPy array of shape (rows, columns); a null in a number is NaN.
    fn to_numpy<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let frame = slf.get();
        let columns = (0..frame.width())
            .map(|i| PySeries::new(frame.schema.field(i).clone(), frame.column(i)?).numpy(slf.py(), false))
            .collect::<PyResult<Vec<_>>>()?;
        let numpy = slf.py().import("numpy")?;
        match columns.as_slice() {
            [] => return numpy.call_method1("empty", ((frame.height(), 0),)),
            [only] => return only.call_method1("reshape", ((frame.height(), 1),)),
            _ => {}
        }
        numpy.call_method1("column_stack", (columns,))
    }

    /// `{column: [values]}`.
    fn to_dict<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        in_known_zones(&Self::table(slf)?)?.call_method0("to_pydict")
    }

    /// One dictionary a row.
    fn to_dicts<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        in_known_zones(&Self::table(slf)?)?.call_method0("to_pylist")
    }

    /// One tuple a row.
    fn rows<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let columns = in_known_zones(&Self::table(slf)?)?.getattr("columns")?;
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
        let columns = slf.get().width();
        let make = |zero_copy_only: bool| match zero_copy_only {
            true if columns == 1 => {
                let frame = slf.get();
                let column = PySeries::new(frame.schema.field(0).clone(), frame.column(0)?).numpy(slf.py(), true)?;
                column.call_method1("reshape", ((frame.height(), 1),))
            }
            true => Err(PyValueError::new_err(format!("__array__: {columns} columns cannot be one array without copying"))),
            false => Self::to_numpy(slf),
        };
        crate::series::as_array(make, dtype, copy)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        interop::stream_capsule(py, &self.schema, self.batches.clone(), requested_schema)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (rows, columns) = self.shape();
        let table = display::text(&self.schema, &display::shown(py, &self.batches)?, display::width(py)?).or_raise()?;
        Ok(format!("shape: ({rows}, {columns})\n{}", table.trim_end()))
    }

    /// What a notebook shows.
    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        let (rows, columns) = self.shape();
        let table = display::html(&self.schema, &display::shown(py, &self.batches)?).or_raise()?;
        Ok(format!("<small>shape: ({rows}, {columns})</small>\n{table}"))
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        Ok(to_schema_pycapsule(py, self.schema.as_ref())?)
    }

    /// The capsules of `__arrow_c_array__`: the rows as one array of structs, not copied where there is one batch.
    #[pyo3(signature = (requested_schema=None))]
    fn array_capsules<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        interop::array_capsules(py, &self.schema, &self.batches, requested_schema)
    }
}

/// What pyarrow can make Python's objects of: moments of zones that Python does not know are given in UTC.
pub fn in_known_zones<'py>(values: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    values.py().import("gradframe._zones")?.call_method1("in_known_zones", (values,))
}
