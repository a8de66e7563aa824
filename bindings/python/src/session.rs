//! The session: where frames come from.

use arrow::datatypes::DataType;
use datafusion::scalar::ScalarValue;
use gradframe::{CsvOptions, DataFrame, Error, ScanOptions, Session, SessionBuilder};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::bound_values::bound_values;
use crate::dataframe::PyDataFrame;
use crate::errors::OrRaise;
use crate::expr::scalar;
use crate::hints::of_sql;
use crate::interop;
use crate::lazyframe::{PyLazyFrame, lazy_of, names, path_text};
use crate::model::{self, PyModel};
use crate::progress::{Artist, TrainingLines, wanted};
use crate::wait::{wait, wait_and_draw};

/// A place to run queries: tables, views, models and logs by name, limits on memory and disk, and a seed.
#[pyclass(name = "PySession", module = "gradframe", frozen)]
pub struct PySession(Session);

#[pymethods]
impl PySession {
    /// A session. `home` is the directory of tables, models and runs; `store` the address of a database that keeps runs and models
    /// for many machines; `in_memory` keeps them nowhere. Beyond
    /// `memory_limit_bytes` work goes to nameless files in `temp_directory`, up to `disk_limit_bytes`. `progress` draws how
    /// far long work is; if it is not given, on a terminal and in notebooks. `code` is a directory of the code whose state is kept with
    /// trainings, the working directory if it is not given; none is with `keeps_code` false.
    #[new]
    #[pyo3(signature = (*, home=None, store=None, in_memory=false, memory_limit_bytes=None, disk_limit_bytes=None, temp_directory=None, threads=None, seed=None, batch_size_rows=None, progress=None, code=None, keeps_code=true))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn new(
        py: Python<'_>,
        home: Option<&Bound<'_, PyAny>>,
        store: Option<String>,
        in_memory: bool,
        memory_limit_bytes: Option<u64>,
        disk_limit_bytes: Option<u64>,
        temp_directory: Option<&Bound<'_, PyAny>>,
        threads: Option<usize>,
        seed: Option<u64>,
        batch_size_rows: Option<usize>,
        progress: Option<bool>,
        code: Option<&Bound<'_, PyAny>>,
        keeps_code: bool,
    ) -> PyResult<Self> {
        crate::notices::show();
        let mut builder = Session::builder();
        if in_memory {
            builder = builder.in_memory();
        } else if let Some(home) = home {
            builder = builder.home(path_text(home)?);
        }
        builder = set(builder, store, SessionBuilder::store);
        builder = set(builder, memory_limit_bytes, SessionBuilder::memory_limit_bytes);
        builder = set(builder, disk_limit_bytes, SessionBuilder::disk_limit_bytes);
        builder = set(builder, temp_directory.map(path_text).transpose()?, SessionBuilder::temp_directory);
        builder = set(builder, threads, SessionBuilder::threads);
        builder = set(builder, seed, SessionBuilder::seed);
        builder = set(builder, batch_size_rows, SessionBuilder::batch_size_rows);
        builder = set(builder, code.map(path_text).transpose()?, SessionBuilder::code);
        builder = if keeps_code { builder } else { builder.without_code() };
        if progress.map_or_else(|| wanted(py), Ok)? {
            builder = builder.progress(TrainingLines::shared());
        }
        builder.build().or_raise().map(PySession)
    }

    /// Runs SQL: a query gives a lazy frame; a statement with an effect is done at once, a training within that run.
    #[pyo3(signature = (query, run=None, params=None))]
    fn sql(
        &self,
        py: Python<'_>,
        query: String,
        run: Option<String>,
        params: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<PyLazyFrame> {
        let (session, values) = (self.0.clone(), bound_values(params)?);
        let artist = session.shows_progress().then(|| Artist::new(None));
        let inside = run.map_or_else(|| session.clone(), |run| session.in_run(&run));
        let work = async move { inside.sql_bound(&query, &values).await.map(DataFrame::out_of_run) };
        of_sql(|| wait_and_draw(py, artist, work)).map(PyLazyFrame)
    }

    /// Goes on with an interrupted training from its last checkpoint; gives its log.
    fn resume_run(&self, py: Python<'_>, run: String) -> PyResult<PyLazyFrame> {
        let session = self.0.clone();
        wait(py, async move { session.resume_run(&run).await }).map(PyLazyFrame)
    }

    /// A stored table, view, or log table such as `gradframe.metrics`.
    fn table(&self, py: Python<'_>, name: String) -> PyResult<PyLazyFrame> {
        let session = self.0.clone();
        wait(py, async move { session.table(&name).await }).map(PyLazyFrame)
    }

    /// The newest version of a stored model.
    fn model(&self, py: Python<'_>, name: String) -> PyResult<PyModel> {
        model::stored(py, &self.0, name)
    }

    /// A lazy frame over Parquet: a file, a directory, a glob, or a list of them.
    #[pyo3(signature = (source, **options))]
    fn scan_parquet(
        &self,
        py: Python<'_>,
        source: &Bound<'_, PyAny>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<PyLazyFrame> {
        self.scan(py, "read_parquet", source, CsvOptions::new(), options)
    }

    /// A lazy frame over NDJSON, one object a line or an array of objects: a file, a directory, a glob, or a list of them.
    #[pyo3(signature = (source, *, infer_schema_length=None, **options))]
    fn scan_ndjson(
        &self,
        py: Python<'_>,
        source: &Bound<'_, PyAny>,
        infer_schema_length: Option<i64>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<PyLazyFrame> {
        self.scan(py, "read_ndjson", source, with_sample(CsvOptions::new(), infer_schema_length), options)
    }

    /// A lazy frame over Arrow IPC, files or streams: a file, a directory, a glob, or a list of them.
    #[pyo3(signature = (source, **options))]
    fn scan_ipc(&self, py: Python<'_>, source: &Bound<'_, PyAny>, options: Option<&Bound<'_, PyDict>>) -> PyResult<PyLazyFrame> {
        self.scan(py, "read_ipc", source, CsvOptions::new(), options)
    }

    /// The columns of each file, and what the table of them all makes of them.
    #[pyo3(signature = (source, **options))]
    fn describe_files(
        &self,
        py: Python<'_>,
        source: &Bound<'_, PyAny>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<PyLazyFrame> {
        self.scan(py, "describe_files", source, CsvOptions::new(), options)
    }

    /// A lazy frame over CSV: a file, a directory, a glob, or a list of them.
    #[pyo3(signature = (source, *, has_header=true, separator=",", quote_char=Some("\""), comment_prefix=None, null_values=None, trim=false, infer_schema_length=None, **options))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn scan_csv(
        &self,
        py: Python<'_>,
        source: &Bound<'_, PyAny>,
        has_header: bool,
        separator: &str,
        quote_char: Option<&str>,
        comment_prefix: Option<&str>,
        null_values: Option<&Bound<'_, PyAny>>,
        trim: bool,
        infer_schema_length: Option<i64>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<PyLazyFrame> {
        let mut csv = CsvOptions::new().header(has_header).option("delimiter", separator).trim(trim);
        csv = csv.option("quote", quote_char.unwrap_or(""));
        if let Some(prefix) = comment_prefix {
            csv = csv.option("comment", prefix);
        }
        if let Some(values) = null_values {
            csv = csv.option("null_values", texts(names(values)?));
        }
        self.scan(py, "read_csv", source, with_sample(csv, infer_schema_length), options)
    }

    /// A frame over anything with `__arrow_c_stream__` or `__arrow_c_array__`; nothing is copied but columns whose type is not their own
    /// here, such as decimals of 64 bits.
    #[expect(clippy::wrong_self_convention, reason = "Polars's name")]
    fn from_arrow(&self, data: interop::Given) -> PyResult<PyDataFrame> {
        let (schema, batches, copies) = interop::batches_from(data)?;
        Ok(PyDataFrame::with_copies(self.0.clone(), schema, batches, copies))
    }

    /// Gives a frame a name in SQL, for this session alone; a frame of that name gives way.
    fn register(&self, name: &str, frame: &Bound<'_, PyAny>) -> PyResult<()> {
        self.0.replace(name, &lazy_of(frame)?.0).or_raise()
    }

    /// Takes a registered frame's name away; False if there was none.
    fn deregister(&self, name: &str) -> PyResult<bool> {
        self.0.deregister(name).or_raise()
    }

    fn __repr__(&self) -> String {
        match self.0.home() {
            Some(home) => format!("Session at {}", home.display()),
            None => "Session in memory".to_owned(),
        }
    }
}

impl PySession {
    /// The engine's session.
    pub fn engine(&self) -> &Session {
        &self.0
    }

    /// An engine's session in Python's hands.
    pub fn over(session: Session) -> Self {
        PySession(session)
    }

    fn scan(
        &self,
        py: Python<'_>,
        function: &'static str,
        source: &Bound<'_, PyAny>,
        options: CsvOptions,
        shared: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<PyLazyFrame> {
        let paths = paths(source)?;
        let session = self.0.clone();
        let mut arguments = options.into_arguments();
        arguments.extend(shared.map_or_else(|| Ok(ScanOptions::new()), shared_options)?.into_arguments());
        wait(py, async move { session.scan_files(function, paths, arguments).await }).map(PyLazyFrame)
    }
}

/// Options that all formats have; None is not given. `schema_overrides` is `{column: type}`.
fn shared_options(options: &Bound<'_, PyDict>) -> PyResult<ScanOptions> {
    let mut made = ScanOptions::new();
    for (name, value) in options {
        let name: String = name.extract()?;
        if value.is_none() {
            continue;
        }
        match value.cast::<PyDict>() {
            Ok(types) => {
                for (column, data_type) in types {
                    made = made.column_type(column.extract::<String>()?, data_type.extract::<String>()?);
                }
            }
            Err(_) => made = made.option(name, scalar(&value)?),
        }
    }
    Ok(made)
}

fn with_sample(options: CsvOptions, rows: Option<i64>) -> CsvOptions {
    match rows {
        Some(rows) => options.option("schema_infer_rows", rows),
        None => options,
    }
}

/// One path or several. Errors: `Plan` for an empty list, TypeError for anything else.
fn paths(source: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    if source.is_none() {
        return Err(PyTypeError::new_err("scan: expected a path or a list of paths, got None"));
    }
    if source.is_instance_of::<PyString>() || source.hasattr("__fspath__")? {
        return Ok(vec![path_text(source)?]);
    }
    let paths = source.try_iter()?.map(|path| path_text(&path?)).collect::<PyResult<Vec<_>>>()?;
    if paths.is_empty() { Err(Error::plan("scan", "got no path, expected at least one")).or_raise() } else { Ok(paths) }
}

/// A list of texts as the engine takes it.
fn texts(values: Vec<String>) -> ScalarValue {
    let values: Vec<_> = values.into_iter().map(ScalarValue::from).collect();
    ScalarValue::List(ScalarValue::new_list_nullable(&values, &DataType::Utf8))
}

/// Applies a setting that was given.
fn set<T>(builder: SessionBuilder, value: Option<T>, apply: impl FnOnce(SessionBuilder, T) -> SessionBuilder) -> SessionBuilder {
    match value {
        Some(value) => apply(builder, value),
        None => builder,
    }
}
