//! The lazy frame: a query that runs when it is collected.

use gradframe::expr::Expr;
use gradframe::{DataFrame, Explanation, ExplodeOptions, JoinOptions};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyCapsule, PyDict, PyList, PyString};

use crate::batches::PyBatches;
use crate::dataframe::PyDataFrame;
use crate::errors::OrRaise;
use crate::expr::{column, columns, sort_key};
use crate::group_by::PyGroupBy;
use crate::interop;
use crate::progress::{Artist, Scans};
use crate::values::mask;
use crate::wait::{wait, wait_and_draw};

/// A query that runs when it is collected, optimised as a whole.
#[pyclass(name = "PyLazyFrame", module = "gradframe", frozen, from_py_object)]
#[derive(Clone)]
pub struct PyLazyFrame(pub DataFrame);

/// `name=expr` arguments, as Polars takes them, after the positional ones.
pub fn with_named(mut exprs: Vec<Expr>, named: Option<&Bound<'_, PyDict>>) -> PyResult<Vec<Expr>> {
    for (name, value) in named.into_iter().flatten() {
        exprs.push(column(&value)?.alias(name.extract::<String>()?));
    }
    Ok(exprs)
}

/// One name or several.
pub fn names(value: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    match value.cast::<PyString>() {
        Ok(name) => Ok(vec![name.extract()?]),
        Err(_) => value.extract(),
    }
}

/// One flag for all keys, or one a key.
fn flags(value: Option<&Bound<'_, PyAny>>, keys: usize) -> PyResult<Vec<bool>> {
    let Some(value) = value else { return Ok(vec![false; keys]) };
    if let Ok(one) = value.extract::<bool>() {
        return Ok(vec![one; keys]);
    }
    let flags: Vec<bool> = value.extract()?;
    if flags.len() == keys { Ok(flags) } else { Err(PyTypeError::new_err(format!("sort: {keys} keys, {} flags", flags.len()))) }
}

/// A list that begins with true or false as one value a row.
fn as_mask(value: &Bound<'_, PyAny>) -> PyResult<Option<Expr>> {
    match value.cast::<PyList>() {
        Ok(list) if list.get_item(0).is_ok_and(|first| first.is_instance_of::<PyBool>()) => mask(list).map(Some),
        _ => Ok(None),
    }
}

#[pymethods]
impl PyLazyFrame {
    /// Column names.
    #[getter]
    pub fn columns(&self) -> Vec<String> {
        self.0.columns()
    }

    /// The schema as a `pyarrow.Schema`. Nothing runs.
    pub fn collect_schema<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let schema = pyo3_arrow::PySchema::new(self.0.schema());
        py.import("pyarrow")?.getattr("schema")?.call1((schema,))
    }

    /// These columns and no others: names, expressions, `name=expression`. Aggregates give one row.
    #[pyo3(signature = (*exprs, **named_exprs))]
    pub fn select(&self, exprs: Vec<Bound<'_, PyAny>>, named_exprs: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        self.0.select(with_named(columns(&exprs)?, named_exprs)?).or_raise().map(PyLazyFrame)
    }

    /// The rows for which all predicates are true: expressions, or names of boolean columns.
    #[pyo3(signature = (*predicates))]
    pub fn filter(&self, predicates: Vec<Bound<'_, PyAny>>) -> PyResult<Self> {
        let mut all = vec![];
        for predicate in predicates {
            match as_mask(&predicate)? {
                Some(mask) => all.push(mask),
                None => all.extend(columns(&[predicate])?),
            }
        }
        let all = all.into_iter().reduce(Expr::and);
        all.map_or_else(|| Ok(self.clone()), |predicate| self.0.filter(predicate).or_raise().map(PyLazyFrame))
    }

    /// All columns, with these added or replaced.
    #[pyo3(signature = (*exprs, **named_exprs))]
    pub fn with_columns(&self, exprs: Vec<Bound<'_, PyAny>>, named_exprs: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        self.0.with_columns(with_named(columns(&exprs)?, named_exprs)?).or_raise().map(PyLazyFrame)
    }

    /// Groups of rows with equal keys; follow with `.agg(...)`.
    #[pyo3(signature = (*by, maintain_order=false, **named_by))]
    pub fn group_by(
        &self,
        by: Vec<Bound<'_, PyAny>>,
        maintain_order: bool,
        named_by: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<PyGroupBy> {
        let keys = with_named(columns(&by)?, named_by)?;
        Ok(PyGroupBy(self.0.group_by(keys).maintain_order(maintain_order)))
    }

    /// Joins on equal keys; see `LazyFrame.join`.
    #[pyo3(signature = (other, on, how, left_on, right_on, suffix, validate, nulls_equal, coalesce, maintain_order))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    pub fn join(
        &self,
        other: PyLazyFrame,
        on: Vec<Bound<'_, PyAny>>,
        how: &str,
        left_on: Vec<Bound<'_, PyAny>>,
        right_on: Vec<Bound<'_, PyAny>>,
        suffix: String,
        validate: &str,
        nulls_equal: bool,
        coalesce: Option<bool>,
        maintain_order: Option<&str>,
    ) -> PyResult<Self> {
        let mut options = if on.is_empty() {
            JoinOptions::keys(columns(&left_on)?, columns(&right_on)?)
        } else {
            JoinOptions::on(columns(&on)?)
        };
        options =
            options.how(how.parse().or_raise()?).suffix(suffix).validate(validate.parse().or_raise()?).nulls_equal(nulls_equal);
        if let Some(order) = maintain_order {
            options = options.maintain_order(order.parse().or_raise()?);
        }
        if let Some(coalesce) = coalesce {
            options = options.coalesce(coalesce);
        }
        self.0.join_with(&other.0, options).or_raise().map(PyLazyFrame)
    }

    /// Joins on conditions over the columns of both sides.
    pub fn join_where(&self, other: PyLazyFrame, conditions: Vec<Bound<'_, PyAny>>, suffix: &str) -> PyResult<Self> {
        self.0.join_where(&other.0, columns(&conditions)?, suffix).or_raise().map(PyLazyFrame)
    }

    /// The rows in order. Nulls come first unless `nulls_last`. With `maintain_order` rows of equal keys stay in theirs.
    #[pyo3(signature = (by, *, descending=None, nulls_last=None, maintain_order=false))]
    pub fn sort(
        &self,
        by: Vec<Bound<'_, PyAny>>,
        descending: Option<&Bound<'_, PyAny>>,
        nulls_last: Option<&Bound<'_, PyAny>>,
        maintain_order: bool,
    ) -> PyResult<Self> {
        let keys = columns(&by)?;
        let (descending, nulls_last) = (flags(descending, keys.len())?, flags(nulls_last, keys.len())?);
        let keys = keys.into_iter().zip(descending.into_iter().zip(nulls_last));
        let keys = keys.map(|(key, (down, last))| sort_key(key, down, last));
        let sorted = if maintain_order { self.0.sort_stable(keys) } else { self.0.sort(keys) };
        sorted.or_raise().map(PyLazyFrame)
    }

    /// At most the first `n` rows.
    pub fn head(&self, n: i64) -> PyResult<Self> {
        self.0.head(count("head", n)?).or_raise().map(PyLazyFrame)
    }

    /// At most the last `n` rows.
    pub fn tail(&self, n: i64) -> PyResult<Self> {
        self.0.tail(count("tail", n)?).or_raise().map(PyLazyFrame)
    }

    /// The rows from `offset` on, at most `length` of them; a negative offset counts from the end.
    #[pyo3(signature = (offset, length=None))]
    pub fn slice(&self, offset: i64, length: Option<i64>) -> PyResult<Self> {
        let length = length.map(|length| count("slice", length)).transpose()?;
        self.0.slice(offset, length).or_raise().map(PyLazyFrame)
    }

    /// The rows from the last to the first.
    pub fn reverse(&self) -> PyResult<Self> {
        self.0.reverse().or_raise().map(PyLazyFrame)
    }

    /// Every `n`-th row from the row `offset` on.
    pub fn gather_every(&self, n: i64, offset: i64) -> PyResult<Self> {
        self.0.gather_every(count("gather_every", n)?, count("gather_every", offset)?).or_raise().map(PyLazyFrame)
    }

    /// All columns behind a new one: the row's number.
    pub fn with_row_index(&self, name: &str, offset: i64) -> PyResult<Self> {
        let offset = u32::try_from(offset)
            .map_err(|_| PyValueError::new_err(format!("with_row_index: the offset {offset} is not in 0 .. 2^32")))?;
        self.0.with_row_index(name, offset).or_raise().map(PyLazyFrame)
    }

    /// The `k` largest rows by the keys, or the smallest.
    pub fn top_k(&self, k: i64, by: Vec<Bound<'_, PyAny>>, reverse: Vec<bool>, smallest: bool) -> PyResult<Self> {
        let (k, by) = (count("top_k", k)?, columns(&by)?);
        let reverse = if let [one] = reverse.as_slice() { vec![*one; by.len()] } else { reverse };
        let rows = if smallest { self.0.bottom_k(k, by, &reverse) } else { self.0.top_k(k, by, &reverse) };
        rows.or_raise().map(PyLazyFrame)
    }

    /// Each different row once, or one row for each different value of these columns.
    pub fn unique(&self, subset: Vec<Bound<'_, PyAny>>, keep: &str, maintain_order: bool) -> PyResult<Self> {
        self.0.unique_with(columns(&subset)?, keep.parse().or_raise()?, maintain_order).or_raise().map(PyLazyFrame)
    }

    /// The rows in which none of these columns is null; none named: no column.
    pub fn drop_nulls(&self, subset: Vec<Bound<'_, PyAny>>) -> PyResult<Self> {
        self.0.drop_nulls(columns(&subset)?).or_raise().map(PyLazyFrame)
    }

    /// The rows in which none of these columns is NaN; none named: no column.
    pub fn drop_nans(&self, subset: Vec<Bound<'_, PyAny>>) -> PyResult<Self> {
        self.0.drop_nans(columns(&subset)?).or_raise().map(PyLazyFrame)
    }

    /// The rows for which not all predicates are true.
    pub fn remove(&self, predicates: Vec<Bound<'_, PyAny>>) -> PyResult<Self> {
        let all = columns(&predicates)?.into_iter().reduce(Expr::and);
        all.map_or_else(|| Ok(self.clone()), |predicate| self.0.remove(predicate).or_raise().map(PyLazyFrame))
    }

    /// A row for each value of the lists in these columns.
    pub fn explode(&self, columns: Vec<Bound<'_, PyAny>>, empty_as_null: bool, keep_nulls: bool) -> PyResult<Self> {
        let options = ExplodeOptions { empty_as_null, keep_nulls };
        self.0.explode_with(self::columns(&columns)?, options).or_raise().map(PyLazyFrame)
    }

    /// A column for each field of the structs in these columns.
    #[pyo3(signature = (columns, separator=None))]
    pub fn unnest(&self, columns: Vec<Bound<'_, PyAny>>, separator: Option<&str>) -> PyResult<Self> {
        self.0.unnest(self::columns(&columns)?, separator).or_raise().map(PyLazyFrame)
    }

    /// From wide to long: a row for each value of these columns.
    #[pyo3(signature = (on, index, variable_name=None, value_name=None))]
    pub fn unpivot(
        &self,
        on: Vec<Bound<'_, PyAny>>,
        index: Vec<Bound<'_, PyAny>>,
        variable_name: Option<&str>,
        value_name: Option<&str>,
    ) -> PyResult<Self> {
        self.0.unpivot(columns(&on)?, columns(&index)?, variable_name, value_name).or_raise().map(PyLazyFrame)
    }

    /// All columns but these.
    #[pyo3(signature = (*names))]
    pub fn drop(&self, names: Vec<Bound<'_, PyAny>>) -> PyResult<Self> {
        let mut all = vec![];
        for name in &names {
            all.extend(self::names(name)?);
        }
        self.0.drop(all).or_raise().map(PyLazyFrame)
    }

    /// The same columns under new names: `{old: new}`.
    pub fn rename(&self, mapping: &Bound<'_, PyDict>) -> PyResult<Self> {
        let mut renames: Vec<(String, String)> = vec![];
        for (old, new) in mapping {
            renames.push((old.extract()?, new.extract()?));
        }
        self.0.rename(renames).or_raise().map(PyLazyFrame)
    }

    /// Frames one below the other or side by side, as `how` says.
    #[staticmethod]
    pub fn concat(frames: Vec<PyLazyFrame>, how: &str) -> PyResult<Self> {
        let way = how.parse().or_raise()?;
        DataFrame::concat_with(frames.into_iter().map(|frame| frame.0), way).or_raise().map(PyLazyFrame)
    }

    /// The frame itself.
    pub fn lazy(&self) -> Self {
        self.clone()
    }

    /// Runs the query. Other Python threads run meanwhile; Ctrl-C cancels it.
    pub fn collect(&self, py: Python<'_>) -> PyResult<PyDataFrame> {
        let frame = self.0.clone();
        let (schema, session) = (self.0.schema(), self.0.session().clone());
        let scans = Scans::default();
        let artist = session.shows_progress().then(|| Artist::new(Some(scans.clone())));
        let batches = wait_and_draw(py, artist, async move { frame.collect_watched(|progress| scans.watch(progress)).await })?;
        Ok(PyDataFrame::new(session, schema, batches))
    }

    /// Runs the query and hands out its rows as they come: an iterator of DataFrames that fit in memory.
    pub fn collect_batches(&self, py: Python<'_>) -> PyResult<PyBatches> {
        let frame = self.0.clone();
        let stream = wait(py, async move { frame.stream().await })?;
        Ok(PyBatches::new(self.0.session().clone(), stream))
    }

    /// The plan as text; with `analyze`, run, with rows, bytes and time of each operator.
    #[pyo3(signature = (*, analyze=false))]
    pub fn explain(&self, py: Python<'_>, analyze: bool) -> PyResult<String> {
        let frame = self.0.clone();
        wait(py, async move { frame.explain(analyze).await })
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        Ok(pyo3_arrow::ffi::to_schema_pycapsule(py, self.0.schema().as_ref())?)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let frame = self.0.clone();
        let stream = wait(py, async move { frame.stream().await })?;
        interop::lazy_capsule(py, stream, requested_schema)
    }

    fn __repr__(&self) -> String {
        // A plan as it was written has words for everything.
        let plan = self.0.explain_as_written(Explanation::Logical).unwrap_or_default();
        format!("LazyFrame [{}]\n{}", self.0.columns().join(", "), plan.trim_end())
    }
}

/// The query that a frame is: one of ours, or a public one around it.
pub fn lazy_of(frame: &Bound<'_, PyAny>) -> PyResult<PyLazyFrame> {
    let private = frame.getattr("_frame").unwrap_or_else(|_| frame.clone());
    match private.cast::<PyDataFrame>() {
        Ok(rows) => rows.get().lazy(),
        Err(_) => Ok(private.extract::<PyLazyFrame>()?),
    }
}

/// A number of rows.
pub fn count(method: &str, rows: i64) -> PyResult<usize> {
    usize::try_from(rows).map_err(|_| PyValueError::new_err(format!("{method}: expected 0 rows or more, got {rows}")))
}

/// A path as text: str or os.PathLike.
pub fn path_text(path: &Bound<'_, PyAny>) -> PyResult<String> {
    path.py().import("os")?.call_method1("fspath", (path,))?.extract()
}
