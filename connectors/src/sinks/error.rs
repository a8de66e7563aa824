//! Errors of writing, with the target named.

use std::io;
use std::path::Path;

use datafusion::error::DataFusionError;
use gradframe_ml_core::Error;

use super::OP;

/// The operating system's error, of which this is the kind, while the target was written.
pub(super) fn disk_failed(target: &Path, kind: io::ErrorKind, error: DataFusionError) -> Error {
    let target = target.display();
    let failed = match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Error::resources(OP, format!("no space left on the disk for `{target}`")).hint("nothing was written; free some space")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Error::external(OP, format!("not allowed to write `{target}`: {kind}"))
        }
        _ => Error::external(OP, format!("cannot write `{target}`: {error}")),
    };
    failed.because(error)
}
