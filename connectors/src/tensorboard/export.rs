//! A run as an event file.

use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use datafusion::scalar::ScalarValue;
use gradframe_ml_core::{Error, Result};
use gradframe_plan::ops::run_log::{LogFilter, LogQuery, LogTable};
use gradframe_plan::services::RunLog;

use super::event::{Event, Param, Status, Value};
use super::file::EventFile;
use super::{OP, bins, encode, names};
use crate::store::{RunRecord, Store};

/// Larger texts, images and histograms are left out: who looks at them waits for all of them.
const CONTENT_BYTES_MAX: i64 = 64 << 20;

/// Writes a run below `directory`, in a directory of the run's own, as `tensorboard --logdir` wants it: scalars (in 32 bits, as it
/// keeps them), histograms, images and texts, and parameters as hyper-parameters. Written again, the file is replaced. Points
/// pass some at a time. Gives the file.
///
/// Errors: `Plan` for an unknown run; `External` or `Resources` for what cannot be written; `Execution` for a histogram that is
/// damaged. Nothing is left then.
pub fn export(store: &Store, run: &str, directory: &Path) -> Result<PathBuf> {
    let run = store.full_run_name(run)?;
    let record = store.run_records(&[&run])?.pop().ok_or_else(|| Error::plan(OP, format!("unknown run `{run}`")))?;
    let started = seconds(record.started_us);
    let place = directory.join(names::directory_of(&record.title)).join(&run);
    let name = format!("events.out.{}.{:010}.gradframe", super::MARK, record.started_us.max(0) / 1_000_000);
    let mut file = EventFile::create(place.join(name), started)?;
    write_start(&record, &mut file)?;
    write_metrics(store, &run, &mut file)?;
    write_artifacts(store, &run, &mut file)?;
    if let Some(ended_us) = record.ended_us {
        let status = if record.status == "finished" { Status::Succeeded } else { Status::Failed };
        file.write(&session(seconds(ended_us), encode::END_TAG, Value::End(status)))?;
    }
    file.finish()
}

fn session(wall_time: f64, tag: &str, value: Value) -> Event {
    Event { wall_time, step: 0, tag: tag.to_owned(), value }
}

fn write_start(record: &RunRecord, file: &mut EventFile) -> Result<()> {
    if record.params.is_empty() {
        return Ok(());
    }
    let params = record.params.iter().map(|(name, value)| (name.clone(), Param::of(value))).collect();
    file.write(&session(seconds(record.started_us), encode::START_TAG, Value::Start(params)))
}

/// In one pass: what a run that goes on has logged is read once, however many metrics there are.
fn write_metrics(store: &Store, run: &str, file: &mut EventFile) -> Result<()> {
    store.each_metrics(&of_run(run), |points| write_points(points, file))
}

fn write_points(points: &RecordBatch, file: &mut EventFile) -> Result<()> {
    let names = points.column(1).as_string::<i32>();
    let (steps, values) = (points.column(2).as_primitive::<Int64Type>(), points.column(4).as_primitive::<Float64Type>());
    let times = points.column(5).as_primitive::<TimestampMicrosecondType>();
    let mut event = session(0.0, "", Value::Scalar(0.0));
    for row in 0..points.num_rows() {
        if event.tag != names.value(row) {
            names.value(row).clone_into(&mut event.tag);
        }
        (event.wall_time, event.step) = (seconds(times.value(row)), steps.value(row));
        event.value = Value::Scalar(values.value(row));
        file.write(&event)?;
    }
    Ok(())
}

fn write_artifacts(store: &Store, run: &str, file: &mut EventFile) -> Result<()> {
    for batch in store.scan(LogTable::Artifacts, &of_run(run))? {
        let (paths, kinds) = (batch.column(1).as_string::<i32>(), batch.column(2).as_string::<i32>());
        let (steps, bytes) = (batch.column(3).as_primitive::<Int64Type>(), batch.column(4).as_primitive::<Int64Type>());
        let times = batch.column(6).as_primitive::<TimestampMicrosecondType>();
        for row in (0..batch.num_rows()).filter(|row| bytes.value(*row) <= CONTENT_BYTES_MAX) {
            let (path, step) = (paths.value(row), steps.is_valid(row).then(|| steps.value(row)));
            if let Some(value) = content(store, run, path, kinds.value(row))? {
                let (wall_time, tag) = (seconds(times.value(row)), names::tag_of(path, step));
                file.write(&Event { wall_time, step: step.unwrap_or(0), tag, value })?;
            }
        }
    }
    Ok(())
}

/// What TensorBoard shows of an artifact; None of what it has no page for.
fn content(store: &Store, run: &str, path: &str, kind: &str) -> Result<Option<Value>> {
    let read = || -> Result<Vec<u8>> {
        let object = store.artifact(run, path)?;
        std::fs::read(&object).map_err(|error| super::records::cannot_read(&object, error))
    };
    Ok(match kind {
        "image" => Some(Value::Images(vec![read()?])),
        "text" => Some(Value::Text(String::from_utf8_lossy(&read()?).into_owned())),
        "histogram" => Some(Value::Histogram(bins::read(path, read()?)?)),
        _ => None,
    })
}

/// The rows of a run.
fn of_run(run: &str) -> LogQuery {
    LogQuery { filters: vec![LogFilter::Eq("run".into(), ScalarValue::from(run))], ..LogQuery::default() }
}

fn seconds(us: i64) -> f64 {
    us as f64 / 1e6
}
