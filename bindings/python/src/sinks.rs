//! Files that frames are written to.

use gradframe::{DataFrame, WriteOptions};
use pyo3::prelude::*;

use crate::lazyframe::{names, path_text};
use crate::wait::wait;

/// How a frame is written: a single file, which is replaced, or with `partition_by` a directory, which is not unless
/// `overwrite` says so.
pub fn options(
    format: &str,
    compression: Option<String>,
    partition_by: Option<&Bound<'_, PyAny>>,
    overwrite: Option<bool>,
) -> PyResult<WriteOptions> {
    let mut options = WriteOptions::new().format(format);
    if let Some(compression) = compression {
        options = options.compression(compression);
    }
    options = match partition_by {
        Some(columns) => options.partition_by(names(columns)?),
        None => options.option("single_file_output", "true"),
    };
    Ok(options.overwrite(overwrite.unwrap_or(partition_by.is_none())))
}

/// Runs the query into files; gives the number of rows.
pub fn write(py: Python<'_>, frame: &DataFrame, path: &Bound<'_, PyAny>, options: WriteOptions) -> PyResult<u64> {
    let (frame, path) = (frame.clone(), path_text(path)?);
    wait(py, async move { frame.write(path, options).await })
}
