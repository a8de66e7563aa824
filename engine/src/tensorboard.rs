//! Runs as TensorBoard's event files, and event files as runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampMicrosecondType};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::scalar::ScalarValue;
use gradframe_connectors::store::{RunChanges, Store, files_below};
use gradframe_connectors::tensorboard::{Event, EventReader, EventValue, EventWriter, MARK};
use gradframe_plan::ops::run_log::{LogFilter, LogQuery, LogTable};
use gradframe_plan::services::{MetricRow, NewArtifact, NewRun, RunLog, RunWriter};

use crate::{Error, Result, Session};

const OP: &str = "tensorboard";
/// Points that are logged at once.
const BATCH_POINTS: usize = 10_000;
/// The experiment of runs that come from event files.
const EXPERIMENT: &str = "tensorboard";

impl Session {
    /// Writes a run as an event file in a directory of its own below `directory`, which `tensorboard --logdir` is then given:
    /// scalars, histograms, images, texts, and parameters as hyper-parameters. Gives the file. Scalars have 32 bits there.
    /// Errors: `Plan` for an unknown run; `External` for what cannot be written.
    pub async fn export_tensorboard(&self, run: &str, directory: &Path) -> Result<PathBuf> {
        let store = self.public().store();
        let run = store.full_run_name(run)?;
        let record = store.run_records(&[&run])?.pop().ok_or_else(|| Error::plan(OP, format!("unknown run `{run}`")))?;
        let started = seconds(record.started_us);
        let place = directory.join(format!("{}.{run}", plain(&record.title)));
        let mut writer = EventWriter::create(&place, &run, started)?;
        let event = |wall_time, tag: &str, step, value| Event { wall_time, step, tag: tag.to_owned(), value };
        if !record.params.is_empty() {
            writer.write(&event(started, "", 0, EventValue::Params(record.params.clone())))?;
        }
        write_metrics(store, &run, &mut writer)?;
        for (path, kind, step) in artifacts(store, &run)? {
            let tag = tag_of(&path);
            let written = match kind.as_str() {
                "histogram" => self.histogram(&run, &path).await?.map(EventValue::Histogram),
                "image" => Some(image(&store.artifact(&run, &path)?)?),
                "text" => Some(EventValue::Text(String::from_utf8_lossy(&read(&store.artifact(&run, &path)?)?).into_owned())),
                _ => None,
            };
            written.map_or(Ok(()), |value| writer.write(&event(started, &tag, step, value)))?;
        }
        if let Some(ended) = record.ended_us {
            writer.write(&event(seconds(ended), "", 0, EventValue::Ended(record.status == "finished")))?;
        }
        writer.finish()
    }

    /// Reads all event files below a directory, or one, as runs: one for each directory that has some. Gives their names.
    /// A last record that was not written to its end is left out.
    ///
    /// Errors: `Execution` for a file that is damaged, naming it and the place: the runs before it are there then, its own is
    /// not.
    pub(crate) fn import_tensorboard(&self, path: &Path) -> Result<Vec<String>> {
        let mut directories: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
        let found = if path.is_dir() { files_below(path)? } else { vec![(path.display().to_string(), path.to_path_buf())] };
        for (name, file) in found {
            if name.contains(MARK) {
                directories.entry(file.parent().unwrap_or(path).to_path_buf()).or_default().push(file);
            }
        }
        directories.iter().map(|(directory, files)| import(self.public().store(), directory, files)).collect()
    }

    /// The bins of a histogram; None of a table that is none.
    async fn histogram(&self, run: &str, path: &str) -> Result<Option<Vec<[f64; 3]>>> {
        let batches = self.read_artifact(run, path).await?.collect().await?;
        let mut bins = Vec::new();
        for batch in &batches {
            let column = |name: &str| batch.column_by_name(name).and_then(|column| cast(column, &DataType::Float64).ok());
            let (Some(lower), Some(upper), Some(count)) = (column("lower"), column("upper"), column("count")) else {
                return Ok(None);
            };
            let value = |column: &ArrayRef, row| column.as_primitive::<Float64Type>().value(row);
            bins.extend((0..batch.num_rows()).map(|row| [value(&lower, row), value(&upper, row), value(&count, row)]));
        }
        Ok(Some(bins))
    }
}

fn write_metrics(store: &Store, run: &str, writer: &mut EventWriter) -> Result<()> {
    let filters = vec![LogFilter::Eq("run".into(), ScalarValue::from(run))];
    for batch in store.scan(LogTable::Metrics, &LogQuery { filters, ..LogQuery::default() })? {
        let (names, steps) = (batch.column(1).as_string::<i32>(), batch.column(2).as_primitive::<Int64Type>());
        let values = batch.column(4).as_primitive::<Float64Type>();
        let times = batch.column(5).as_primitive::<TimestampMicrosecondType>();
        for row in 0..batch.num_rows() {
            let (tag, value) = (names.value(row).to_owned(), EventValue::Scalar(values.value(row)));
            writer.write(&Event { wall_time: seconds(times.value(row)), step: steps.value(row), tag, value })?;
        }
    }
    Ok(())
}

/// Path, kind and step of the artifacts of a run.
fn artifacts(store: &Store, run: &str) -> Result<Vec<(String, String, i64)>> {
    let filters = vec![LogFilter::Eq("run".into(), ScalarValue::from(run))];
    let batches = store.scan(LogTable::Artifacts, &LogQuery { filters, ..LogQuery::default() })?;
    let rows = |batch: &RecordBatch| {
        let (paths, kinds) = (batch.column(1).as_string::<i32>(), batch.column(2).as_string::<i32>());
        let steps = batch.column(3).as_primitive::<Int64Type>();
        let row = |row| (paths.value(row).to_owned(), kinds.value(row).to_owned(), steps.value(row));
        (0..batch.num_rows()).map(row).collect::<Vec<_>>()
    };
    Ok(batches.iter().flat_map(rows).collect())
}

/// `weights/000000012.parquet` and `weights.parquet` are of the tag `weights`.
fn tag_of(path: &str) -> String {
    let (before, name) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    match (before, stem.bytes().all(|byte| byte.is_ascii_digit())) {
        ("", _) => stem.to_owned(),
        (before, true) => before.to_owned(),
        (before, false) => format!("{before}/{stem}"),
    }
}

fn image(path: &Path) -> Result<EventValue> {
    let bytes = read(path)?;
    let (width, height) = size_of_image(&bytes).unwrap_or((0, 0));
    Ok(EventValue::Image(width, height, bytes))
}

/// Width and height of a PNG or GIF, which say so at their beginning.
fn size_of_image(bytes: &[u8]) -> Option<(i64, i64)> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        let number = |at: usize| Some(i64::from(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?)));
        return Some((number(16)?, number(20)?));
    }
    if bytes.starts_with(b"GIF8") {
        let number = |at: usize| Some(i64::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
        return Some((number(6)?, number(8)?));
    }
    None
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| Error::external(OP, format!("cannot read `{}`: {error}", path.display())).because(error))
}

/// One run of the files of a directory.
fn import(store: &Arc<Store>, directory: &Path, files: &[PathBuf]) -> Result<String> {
    let title = directory.file_name().map_or_else(|| "run".to_owned(), |name| name.to_string_lossy().into_owned());
    let source = ("source".to_owned(), directory.display().to_string());
    let new = NewRun { title, tags: BTreeMap::from([source]), ..NewRun::default() };
    let run = store.create_run(store.experiment_number(EXPERIMENT)?, &new, None)?;
    let imported = Import::new(store, &run).and_then(|mut import| {
        files.iter().try_for_each(|file| import.file(file))?;
        import.finish()
    });
    if let Err(error) = imported {
        // Half a run is none.
        store.change_run(&run, &RunChanges { status: Some("failed"), ..RunChanges::default() })?;
        store.remove_run(&run)?;
        return Err(error);
    }
    Ok(run)
}

/// A run that is being filled.
struct Import<'a> {
    store: &'a Arc<Store>,
    run: &'a str,
    writer: Arc<dyn RunWriter>,
    points: Vec<(String, i64, i64, f64)>,
    first_us: i64,
    last_us: i64,
    well: bool,
}

impl<'a> Import<'a> {
    fn new(store: &'a Arc<Store>, run: &'a str) -> Result<Self> {
        let writer = store.attach(run)?;
        Ok(Import { store, run, writer, points: vec![], first_us: i64::MAX, last_us: i64::MIN, well: true })
    }

    fn file(&mut self, path: &Path) -> Result<()> {
        EventReader::open(path)?.try_for_each(|event| self.event(event?))
    }

    fn event(&mut self, event: Event) -> Result<()> {
        let Event { wall_time, step, tag, value } = event;
        let time_us = (wall_time * 1e6) as i64;
        (self.first_us, self.last_us) = (self.first_us.min(time_us), self.last_us.max(time_us));
        let path = |ending: &str| format!("{}/{:09}{ending}", path_of(&tag), step.max(0));
        match value {
            EventValue::Scalar(value) => {
                self.points.push((tag, step, time_us, value));
                if self.points.len() >= BATCH_POINTS { self.log() } else { Ok(()) }
            }
            EventValue::Histogram(bins) => self.keep(&path(".parquet"), "histogram", step, &table(&bins)?),
            EventValue::Image(_, _, bytes) => self.keep(&path(ending_of(&bytes)), "image", step, &bytes),
            EventValue::Text(text) => self.keep(&path(".txt"), "text", step, text.as_bytes()),
            EventValue::Params(params) => self.writer.set_params(&params),
            EventValue::Ended(well) => {
                self.well = well;
                Ok(())
            }
        }
    }

    fn log(&mut self) -> Result<()> {
        let values: Vec<(&str, f64)> = self.points.iter().map(|(name, _, _, value)| (name.as_str(), *value)).collect();
        let row = |(point, value): (&(String, i64, i64, f64), _)| MetricRow {
            step: point.1,
            epoch: None,
            time_us: Some(point.2),
            values: std::slice::from_ref(value),
        };
        let rows: Vec<MetricRow<'_>> = self.points.iter().zip(&values).map(row).collect();
        self.writer.log_rows(&rows)?;
        self.points.clear();
        Ok(())
    }

    fn keep(&self, path: &str, kind: &str, step: i64, content: &[u8]) -> Result<()> {
        self.writer.add_artifact(&NewArtifact { path, kind, step: Some(step) }, &mut &content[..])
    }

    fn finish(mut self) -> Result<()> {
        if !self.points.is_empty() {
            self.log()?;
        }
        self.writer.flush()?;
        let status = Some(if self.well { "finished" } else { "failed" });
        let times = (self.first_us <= self.last_us).then_some((self.first_us, self.last_us));
        let (started_us, ended_us) = (times.map(|(first, _)| first), times.map(|(_, last)| last));
        self.store.change_run(self.run, &RunChanges { status, started_us, ended_us, ..RunChanges::default() })
    }
}

/// A tag as the path of artifacts: without parts that lead elsewhere.
fn path_of(tag: &str) -> String {
    let part = |part: &str| match part {
        "." | ".." => "_".to_owned(),
        part => part.chars().map(|c| if c == '\\' || c == ':' || c.is_control() { '_' } else { c }).collect(),
    };
    let parts: Vec<String> = tag.split('/').filter(|part| !part.is_empty()).map(part).collect();
    if parts.is_empty() { "untagged".into() } else { parts.join("/") }
}

fn ending_of(image: &[u8]) -> &'static str {
    match image {
        [0xff, 0xd8, ..] => ".jpg",
        [b'G', b'I', b'F', ..] => ".gif",
        [b'R', b'I', b'F', b'F', ..] => ".webp",
        _ => ".png",
    }
}

/// Bins as the table that `log_histogram` keeps.
fn table(bins: &[[f64; 3]]) -> Result<Vec<u8>> {
    let column = |at: usize| Arc::new(bins.iter().map(|bin| bin[at]).collect::<Float64Array>()) as ArrayRef;
    let failed = |error: String| Error::internal(OP, error);
    let batch = RecordBatch::try_from_iter([("lower", column(0)), ("upper", column(1)), ("count", column(2))]);
    let batch = batch.map_err(|error| failed(error.to_string()))?;
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).map_err(|error| failed(error.to_string()))?;
    writer.write(&batch).map_err(|error| failed(error.to_string()))?;
    writer.into_inner().map_err(|error| failed(error.to_string()))
}

fn seconds(us: i64) -> f64 {
    us as f64 / 1e6
}

/// A title as a directory's name.
fn plain(title: &str) -> String {
    title.chars().map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' }).take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_paths() {
        let tags = ["weights/000000012.parquet", "loss.png", "a/b/c.txt", "a.b/000000001.png"].map(tag_of);
        assert_eq!(tags, ["weights", "loss", "a/b/c", "a.b"]);
        let paths = ["a/../b", "/x//y/", "C:\\x", ""].map(path_of);
        assert_eq!(paths, ["a/_/b", "x/y", "C__x", "untagged"]);
    }

    #[test]
    fn images_say_how_large_they_are() {
        let png = [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], &7u32.to_be_bytes(), &9u32.to_be_bytes()].concat();
        assert_eq!(size_of_image(&png), Some((7, 9)));
        assert_eq!((size_of_image(b"\x89PNG\r\n\x1a\n"), size_of_image(b"")), (None, None));
    }
}
