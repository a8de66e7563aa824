//! Errors of files and of the libraries that read them.

use std::io;

use arrow::error::ArrowError;
use datafusion::object_store;
use datafusion::parquet::errors::ParquetError;
use gradframe_ml_core::Error;

use super::plain::plain;
use super::{QUERY, from_external, lower_first};

/// Arrow's errors are about the data, but for those that it carries for others.
pub(super) fn from_arrow(error: &ArrowError) -> Error {
    match error {
        ArrowError::ExternalError(inner) => from_external(inner.as_ref()),
        ArrowError::IoError(_, inner) => from_io(inner),
        ArrowError::NotYetImplemented(message) => Error::not_implemented(QUERY, lower_first(message)),
        ArrowError::MemoryError(message) => Error::resources(QUERY, lower_first(message)),
        ArrowError::CsvError(message) => Error::execution("read_csv", lower_first(message)),
        ArrowError::JsonError(message) => Error::execution("read_json", lower_first(message)),
        ArrowError::ArithmeticOverflow(message) => overflow(message),
        ArrowError::DivideByZero => Error::execution(QUERY, "division by zero"),
        other => Error::execution(QUERY, plain(&other.to_string())),
    }
}

/// A number too large for its type. Arrow names the operation with its operands.
fn overflow(message: &str) -> Error {
    let what = message.trim_start_matches("Overflow happened on: ");
    Error::execution("arithmetic", format!("{what} does not fit in its type"))
        .hint("cast a side to a wider type, to a decimal or to a float")
}

/// A Parquet file that does not read is corrupt or uses what is not built.
pub(super) fn from_parquet(error: &ParquetError) -> Error {
    match error {
        ParquetError::External(inner) => from_external(inner.as_ref()),
        ParquetError::NYI(message) => Error::not_implemented("read_parquet", lower_first(message)),
        other => Error::execution("read_parquet", lower_first(other.to_string().trim_start_matches("Parquet error: "))),
    }
}

/// The store's errors, naming the file.
pub(super) fn from_object_store(error: &object_store::Error) -> Error {
    match error {
        object_store::Error::NotFound { path, .. } => Error::external("read", format!("no such file: `{path}`")),
        object_store::Error::PermissionDenied { path, .. } => Error::external("read", format!("not allowed to read `{path}`")),
        other => Error::external("read", lower_first(&other.to_string())),
    }
}

/// The operating system's errors.
pub(super) fn from_io(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::resources("write", "no space left on the disk"),
        _ => match error.get_ref() {
            Some(inner) => from_external(inner),
            None => Error::external(QUERY, lower_first(&error.to_string())),
        },
    }
}
