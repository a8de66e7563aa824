//! Verbs of frames with options of their own.

use gradframe::{PivotOptions, SampleOptions, UpdateOptions};
use pyo3::prelude::*;

use crate::errors::OrRaise;
use crate::expr::{columns, own_expression, scalar};
use crate::lazyframe::{PyLazyFrame, count};

/// Adds the functions.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(pivot, module)?)?;
    module.add_function(wrap_pyfunction!(sample, module)?)?;
    module.add_function(wrap_pyfunction!(update, module)?)?;
    module.add_function(wrap_pyfunction!(merge_sorted, module)?)
}

/// From long to wide; see `LazyFrame.pivot`. `cases` are the values that become columns, for each of them one of every column `on`.
#[pyfunction]
#[pyo3(signature = (frame, on, cases, *, index, values, aggregate, maintain_order, separator))]
fn pivot(
    frame: PyLazyFrame,
    on: Vec<Bound<'_, PyAny>>,
    cases: Vec<Vec<Bound<'_, PyAny>>>,
    index: Vec<Bound<'_, PyAny>>,
    values: Vec<Bound<'_, PyAny>>,
    aggregate: &Bound<'_, PyAny>,
    maintain_order: bool,
    separator: &str,
) -> PyResult<PyLazyFrame> {
    let case = |case: &Vec<Bound<'_, PyAny>>| case.iter().map(scalar).collect::<PyResult<Vec<_>>>();
    let cases = cases.iter().map(case).collect::<PyResult<Vec<_>>>()?;
    let options = PivotOptions::new(columns(&on)?)
        .columns(cases)
        .index(columns(&index)?)
        .values(columns(&values)?)
        .maintain_order(maintain_order)
        .separator(separator);
    let options = match own_expression(aggregate)? {
        Some(expr) => options.aggregate_by(expr),
        None => options.aggregate(aggregate.extract::<String>()?),
    };
    frame.0.pivot(options).or_raise().map(PyLazyFrame)
}

/// Rows drawn by chance; see `DataFrame.sample`.
#[pyfunction]
#[pyo3(signature = (frame, n, fraction, *, with_replacement, shuffle, seed))]
fn sample(
    frame: PyLazyFrame,
    n: Option<i64>,
    fraction: Option<f64>,
    with_replacement: bool,
    shuffle: bool,
    seed: u64,
) -> PyResult<PyLazyFrame> {
    let options = match (n, fraction) {
        (None, Some(fraction)) => SampleOptions::fraction(fraction),
        (n, _) => SampleOptions::rows(count("sample", n.unwrap_or(1))?),
    };
    let options = options.with_replacement(with_replacement).shuffle(shuffle).seed(seed);
    frame.0.sample(options).or_raise().map(PyLazyFrame)
}

/// Values of another frame in the place of the frame's own; see `LazyFrame.update`.
#[pyfunction]
#[pyo3(signature = (frame, other, *, left_on, right_on, how, include_nulls))]
fn update(
    frame: PyLazyFrame,
    other: PyLazyFrame,
    left_on: Vec<Bound<'_, PyAny>>,
    right_on: Vec<Bound<'_, PyAny>>,
    how: &str,
    include_nulls: bool,
) -> PyResult<PyLazyFrame> {
    let options = UpdateOptions::keys(columns(&left_on)?, columns(&right_on)?);
    let options = options.how(how.parse().or_raise()?).include_nulls(include_nulls);
    frame.0.update(&other.0, options).or_raise().map(PyLazyFrame)
}

/// The rows of two sorted frames, sorted; see `LazyFrame.merge_sorted`.
#[pyfunction]
fn merge_sorted(
    frame: PyLazyFrame,
    other: PyLazyFrame,
    key: Vec<Bound<'_, PyAny>>,
    maintain_order: bool,
) -> PyResult<PyLazyFrame> {
    frame.0.merge_sorted(&other.0, columns(&key)?, maintain_order).or_raise().map(PyLazyFrame)
}
