//! Errors about files, with the file named.

use datafusion::error::DataFusionError;
use gradframe_ml_core::Error;
use gradframe_plan::error::from_datafusion;

/// A DataFusion error about a file's content: `Execution` naming the file, unless the error is one of ours already.
pub(crate) fn bad_file(op: &str, file: &str, error: DataFusionError) -> Error {
    match from_datafusion(error) {
        ours if ours.detail().what.contains(file) => ours,
        // What is computed of the rows while they are read is the query's own matter.
        Error::Execution(detail) if detail.op == "cast" => Error::Execution(detail),
        error @ (Error::Resources(_) | Error::NotImplemented(_) | Error::Cancelled(_)) => error,
        other => Error::execution(op, format!("`{file}`: {}", other.detail().what)).because(other),
    }
}

/// A reader's panic: only corrupt files make one.
pub(crate) fn panicked(op: &str, file: &str) -> Error {
    Error::execution(op, format!("`{file}` is corrupt: the reader gave up"))
}

/// An error of ours on its way through DataFusion.
pub(crate) fn external(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
