//! What is looked at of a run of another store before it is taken in: somebody may have made that store to reach files outside of this
//! one, or a disk has damaged it.

use gradframe_ml_core::{Error, Result};

use super::artifacts::{check_path, objects::is_hash};
use super::copy::Values;
use super::points::check_chunk;
use super::run_id::is_run_id;
use super::sql::Value;

const OP: &str = "import";

/// Errors: `Execution` for a name that would lead out of the directories that are named for runs.
pub(super) fn check_run(run: &str) -> Result<()> {
    if is_run_id(run) { Ok(()) } else { Err(Error::execution(OP, format!("`{}` is no name of a run", run.escape_debug()))) }
}

/// Errors: `Execution` for what is no SHA-256: contents have their places by these.
pub(super) fn check_hash(hash: &str) -> Result<()> {
    let wrong = || Error::execution(OP, format!("`{}` is no hash of a content", hash.escape_debug()));
    if is_hash(hash) { Ok(()) } else { Err(wrong()) }
}

/// Looks at rows of a table that begin with `run` or `trace`. Errors: `Execution` for a name of a file that leads elsewhere, and points
/// that were changed after they were written.
pub(super) fn check_rows(table: &str, rows: &[Values]) -> Result<()> {
    let check = match table {
        "artifacts" | "trace_files" => check_file,
        "chunks" => check_points,
        _ => return Ok(()),
    };
    rows.iter().try_for_each(check)
}

fn check_file(row: &Values) -> Result<()> {
    let [_, Value::Text(path), ..] = row.as_slice() else { return Err(Error::execution(OP, "an artifact has no name")) };
    check_path(path).map_err(|error| Error::execution(OP, format!("the artifact {}", error.detail().what)).because(error))
}

fn check_points(row: &Values) -> Result<()> {
    let [_, Value::Text(name), _, Value::Integer(points), Value::Blob(data)] = row.as_slice() else {
        return Err(Error::execution(OP, "points of a metric are none"));
    };
    check_chunk(*points, data).map_err(|error| error.inside(&format!("metric `{name}`")))
}
