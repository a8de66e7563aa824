//! Files that frames are written to.

use gradframe::WriteOptions;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::lazyframe::{PyLazyFrame, names, path_text};
use crate::wait::wait;

/// Runs the query into files of a format and gives the number of rows; see `LazyFrame.sink_parquet`. A single file is replaced, a
/// directory of `partition_by` is not unless `overwrite` says so. `options` are those of the format, by their names in SQL.
#[pyfunction]
#[pyo3(signature = (frame, path, format, *, compression, partition_by, overwrite, options=None))]
pub fn sink(
    py: Python<'_>,
    frame: PyLazyFrame,
    path: &Bound<'_, PyAny>,
    format: &str,
    compression: Option<String>,
    partition_by: Option<&Bound<'_, PyAny>>,
    overwrite: Option<bool>,
    options: Option<&Bound<'_, PyDict>>,
) -> PyResult<u64> {
    let mut made = WriteOptions::new().format(format);
    if let Some(compression) = compression {
        made = made.compression(compression);
    }
    made = match partition_by {
        Some(columns) => made.partition_by(names(columns)?),
        None => made.option("single_file_output", "true"),
    };
    for (name, value) in options.into_iter().flatten() {
        made = made.option(name.extract::<String>()?, value.extract::<String>()?);
    }
    let (path, made) = (path_text(path)?, made.overwrite(overwrite.unwrap_or(partition_by.is_none())));
    wait(py, async move { frame.0.write(path, made).await })
}
