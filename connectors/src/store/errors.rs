//! What SQLite and the file system say, as errors of ours: by whose fault it is, with the file's name.

use std::io;
use std::path::Path;

use gradframe_ml_core::{Error, Result};
use rusqlite::{ErrorCode, ffi};

/// The operator's name in errors of the database; they get the file's name by [`name_file`].
const OP: &str = "store";

/// An SQLite error, by whose fault it is: `Execution` for a corrupt file, `Resources` for a full disk, else `External`.
pub(super) fn store_error(error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        // The tables of the file are not those that it says it has.
        Some(ErrorCode::Unknown) => Error::execution(OP, said(&error)),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Error::execution(OP, error.to_string()),
        Some(ErrorCode::DiskFull) => disk_full(OP),
        Some(ErrorCode::SystemIoFailure) if is_out_of_space(&error) => disk_full(OP),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Error::external(OP, "another process keeps it locked").hint("try again when that process is done")
        }
        Some(ErrorCode::ReadOnly) => read_only(),
        Some(ErrorCode::CannotOpen) => {
            Error::external(OP, error.to_string()).hint("allow writing to its directory, or set GRADFRAME_HOME to another one")
        }
        _ => Error::external(OP, error.to_string()),
    }
    .because(error)
}

/// Without the statement, which may be all of a layout.
fn said(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}

/// The shared memory file beside the database cannot grow: that has a code of its own.
fn is_out_of_space(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    code == Some(ffi::SQLITE_IOERR_SHMSIZE)
}

fn disk_full(op: &str) -> Error {
    Error::resources(op, "the disk is full; what was acknowledged is kept").hint("free some space and go on")
}

/// True if a file could not be opened, locked or grown: then it may still be read as it is.
pub(super) fn is_no_access(error: &Error) -> bool {
    let error = error.detail().source.as_ref().and_then(|source| source.downcast_ref::<rusqlite::Error>());
    let code = error.and_then(rusqlite::Error::sqlite_error_code);
    use ErrorCode::{CannotOpen, DiskFull, PermissionDenied, ReadOnly, SystemIoFailure};
    matches!(code, Some(CannotOpen | DiskFull | PermissionDenied | ReadOnly | SystemIoFailure))
}

/// The store can be read and not written.
pub(super) fn read_only() -> Error {
    Error::external(OP, "it can be read, not written").hint("allow writing, or set GRADFRAME_HOME to another directory")
}

/// An error of the database with the name of its file; others as they are.
pub(super) fn name_file(error: Error, path: &Path) -> Error {
    name_store(error, &path.display().to_string())
}

/// The same with the name of a store that is no file.
pub(super) fn name_store(error: Error, path: &str) -> Error {
    let detail = error.detail();
    if detail.op != OP || detail.what.contains(path) {
        return error;
    }
    let (what, hint) = (format!("`{path}`: {}", detail.what), detail.hint.clone());
    let named = match error {
        Error::Execution(_) => Error::execution(OP, what),
        Error::Resources(_) => Error::resources(OP, what),
        Error::Internal(_) => Error::internal(OP, what),
        Error::Plan(_) => Error::plan(OP, what),
        _ => Error::external(OP, what),
    };
    match hint {
        Some(hint) => named.hint(hint).because(error),
        None => named.because(error),
    }
}

/// A file or directory of the store that cannot be written: `Resources` if the disk is full, else `External`.
pub(super) fn write_error(op: &str, path: &Path, error: io::Error) -> Error {
    let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    let make = if full { Error::resources } else { Error::external };
    let what = format!("cannot write `{}`: {error}", path.display());
    let hint = match error.kind() {
        _ if full => Some("free some space and go on"),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Some("allow writing, or set GRADFRAME_HOME to another directory")
        }
        _ => None,
    };
    let error = make(op.to_string(), what).because(error);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// Makes the directory, durable in the one above it. Errors: as [`write_error`].
pub(super) fn make_directory(op: &str, path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent() {
        make_directory(op, above)?;
    }
    match std::fs::create_dir(path) {
        // Another process may just have made it.
        Err(error) if !path.is_dir() => return Err(write_error(op, path, error)),
        _ => {}
    }
    path.parent().map_or(Ok(()), sync_directory).map_err(|error| write_error(op, path, error))
}

/// Makes what was made or renamed in a directory durable.
#[cfg(unix)]
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    std::fs::File::open(path)?.sync_all()
}

/// Windows writes renames through by itself and opens no directories.
#[cfg(not(unix))]
pub(super) fn sync_directory(_path: &Path) -> io::Result<()> {
    Ok(())
}
