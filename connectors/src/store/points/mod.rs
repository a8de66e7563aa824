//! Metrics: appended to a file of the run while it lives, kept by column when it has ended.
//!
//! A run's points go, as they come, to the end of a *segment*, a file `points/<run>.<random>.points` of one process. Each
//! call of `log` is one checked record, written through before the call returns: it survives the death of the process.
//! When the run ends, or a segment is long, its points are *folded*: sorted by metric, packed by column into the database
//! (`chunks`), with a summary of each metric (`latest`), in one transaction that also writes down the segment's name. So
//! a reader that takes segments first and the database second sees each point once, wherever it is just then.
//!
//! - [`record`]: what is in a segment; [`segments`]: where segments are; [`appender`], [`sink`]: how points get there;
//!   [`journal`]: how those of many runs are made durable at once;
//! - [`chunk`]: points of one metric, by column; [`summary`]: what is known of a metric without its points;
//! - [`ship`]: what other machines see of a segment, in a shared store;
//! - [`gathered`]: those of an import, which come all at once; [`fold`]: from segments to chunks; [`read`], [`rows`]: the tables `metrics` and `latest` over both.

pub(super) mod appender;
mod chunk;
pub(super) mod fold;
pub(super) mod gathered;
mod journal;
pub(super) mod read;
mod record;
mod recovery;
mod rows;
pub(super) mod segments;
pub(super) mod ship;
mod sink;
mod summary;

use gradframe_plan::services::MetricRow;

/// A value of a metric, without the metric's name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    step: i64,
    epoch: Option<i64>,
    time_us: i64,
    value: f64,
}

/// Points by run and metric; of each in the order in which they were logged.
pub(super) type Points = std::collections::BTreeMap<(String, String), Vec<Point>>;

/// Errors: `Execution` for a chunk that was changed after it was written, or is of another number of points than is said.
pub(super) fn check_chunk(points: i64, bytes: &[u8]) -> gradframe_ml_core::Result<()> {
    let found = chunk::decode(bytes)?.len();
    if usize::try_from(points) == Ok(found) {
        return Ok(());
    }
    Err(gradframe_ml_core::Error::execution("store", format!("{points} points are said to be where {found} are")))
}

/// Longest name of a metric in bytes.
const NAME_BYTES_MAX: usize = 65_535;

/// Errors: `Plan` for a name that is empty, too long, or holds a NUL, which PostgreSQL keeps in no text: the run could not be ended.
fn check_names(row: &MetricRow<'_>) -> gradframe_ml_core::Result<()> {
    use gradframe_ml_core::Error;
    for (name, _) in row.values {
        if name.is_empty() {
            return Err(Error::plan("run", "the name of a metric is empty, expected at least one character"));
        }
        if name.len() > NAME_BYTES_MAX {
            let what = format!("the name of a metric has {} bytes, expected at most {NAME_BYTES_MAX}", name.len());
            return Err(Error::plan("run", what));
        }
        if name.contains('\0') {
            return Err(Error::plan("run", format!("the name of the metric {name:?} holds a NUL character")));
        }
    }
    Ok(())
}
