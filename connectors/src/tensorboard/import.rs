//! Event files as runs.

use std::path::Path;
use std::sync::Arc;

use datafusion::scalar::ScalarValue;
use gradframe_ml_core::Result;
use gradframe_plan::ops::run_log::{LogFilter, LogQuery, LogTable};
use gradframe_plan::services::{MetricRow, NewArtifact, NewRun, RunLog, RunOutcome, RunWriter};

use super::event::{Event, Status, Value};
use super::survey::{Reader, Restarts, Source, Survey, file_name, sources, survey, time_us};
use super::{bins, grown, names};
use crate::store::{RunChanges, Store};

/// Points that are logged at once.
const BATCH_POINTS: usize = 4096;
/// Tags of a run that comes from event files: where they were, what is in them, what was not taken in.
pub(super) const SOURCE: &str = "import.source";
pub(super) const CONTENT: &str = "import.content";
pub(super) const NOTE: &str = "import.note";

/// Takes in the event files at and below a path, a run for each directory that has some, named as TensorBoard names it, in an
/// experiment of the path's name. Scalars become points with their steps and times; histograms, images, texts and sounds
/// artifacts; hyper-parameters parameters. What a restart from an earlier step took back is left out, as TensorBoard does. What was
/// taken in before, and says the same, is not again; of a directory that has grown since, what is new goes to the run that there is. A last record that was not written to its end, and what is of a plugin that is
/// not known, is left out, as the tag `import.note` of the run says. Gives the names of the runs.
///
/// Errors: `Execution` naming file and byte of what was changed after it was written; `External` for what cannot be read or
/// written. All files are read before the first run is made, so a damaged one leaves nothing.
pub fn import(store: &Store, path: &Path) -> Result<Vec<String>> {
    let sources = sources(path)?;
    let surveys = sources.iter().map(|source| survey(source, &grown::earlier(store, source)?)).collect::<Result<Vec<_>>>()?;
    let experiment = std::path::absolute(path).map_or_else(|_| file_name(path), |path| file_name(&path));
    let mut runs = Vec::new();
    for (source, survey) in sources.iter().zip(surveys) {
        if survey.times_us.is_none() || is_known(store, source, &survey)? {
            continue;
        }
        if let Some((run, records)) = grown::continued(store, &survey)? {
            grown::go_on(store, source, &survey, (&run, records))?;
            runs.push(run.run);
        } else {
            runs.push(import_one(store, &experiment, source, survey)?);
        }
    }
    Ok(runs)
}

/// Whether there is a run of this title from the same content.
fn is_known(store: &Store, source: &Source, survey: &Survey) -> Result<bool> {
    let equal = |column: &str, value: &str| LogFilter::Eq(column.into(), ScalarValue::from(value));
    let filters = vec![equal("name", CONTENT), equal("value", &content_of(source, survey))];
    let found = store.scan(LogTable::Tags, &LogQuery { filters, limit: Some(1), ..LogQuery::default() })?;
    Ok(found.iter().any(|batch| batch.num_rows() > 0))
}

pub(super) fn content_of(source: &Source, survey: &Survey) -> String {
    format!("{} {}", survey.content, source.title)
}

fn import_one(store: &Store, experiment: &str, source: &Source, mut survey: Survey) -> Result<String> {
    let params = std::mem::take(&mut survey.params);
    let mut tags = vec![(SOURCE, source.directory.display().to_string()), (CONTENT, content_of(source, &survey))];
    if !survey.notes.is_empty() {
        tags.push((NOTE, survey.notes.join("; ")));
    }
    let tags = tags.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let (title, experiment) = (source.title.clone(), Some(experiment.to_owned()));
    // Of this process: one that is killed leaves a failed run.
    let writer = store.start(NewRun { title, experiment, params, tags, ..NewRun::default() })?;
    let run = writer.id().to_owned();
    let done = fill(&writer, source, &survey.restarts, 0).and_then(|()| finish(store, &writer, &survey));
    if let Err(error) = done {
        // Half a run is none. It may have ended already, or the store may be gone: the first error is the one to know.
        let _ = writer.finish(RunOutcome::Failed(error.to_string()));
        let _ = store.remove_run(&run);
        return Err(error);
    }
    Ok(run)
}

/// Takes in all values of the records after so many.
pub(super) fn fill(writer: &Arc<dyn RunWriter>, source: &Source, restarts: &Restarts, after: u64) -> Result<()> {
    let mut filler = Filler { writer: writer.as_ref(), points: vec![] };
    let mut reader = Reader::of(source);
    while let Some(events) = reader.next(|_| ())? {
        if reader.records <= after {
            continue;
        }
        let mut left = events.into_iter().filter(|event| !restarts.take_back(reader.records, event));
        left.try_for_each(|event| filler.take(event))?;
    }
    filler.log()
}

fn finish(store: &Store, writer: &Arc<dyn RunWriter>, survey: &Survey) -> Result<()> {
    writer.finish(match survey.status {
        Status::Failed => RunOutcome::Failed("as its event files say".into()),
        Status::Unknown | Status::Succeeded | Status::Running => RunOutcome::Finished,
    })?;
    let times = survey.times_us;
    let (started_us, ended_us) = (times.map(|(first, _)| first), times.map(|(_, last)| last));
    store.change_run(writer.id(), &RunChanges { started_us, ended_us, ..RunChanges::default() })
}

/// Name, step, time in microseconds, and value.
type Point = (String, i64, i64, f64);

/// Fills a run.
struct Filler<'a> {
    writer: &'a dyn RunWriter,
    /// Those that are not logged yet.
    points: Vec<Point>,
}

impl Filler<'_> {
    fn take(&mut self, Event { wall_time, step, tag, value }: Event) -> Result<()> {
        match value {
            Value::Scalar(value) => {
                let name = if tag.is_empty() { "untagged".into() } else { tag };
                self.points.push((name, step, time_us(wall_time), value));
                if self.points.len() < BATCH_POINTS { Ok(()) } else { self.log() }
            }
            Value::Histogram(bins) => self.keep(&tag, step, "histogram", ".parquet", &bins::write(&bins)?),
            Value::Text(text) => self.keep(&tag, step, "text", ".txt", text.as_bytes()),
            Value::Images(files) => self.keep_all(&tag, step, "image", names::image_ending, &files),
            Value::Sounds(files) => self.keep_all(&tag, step, "file", |_| ".wav", &files),
            Value::Start(_) | Value::End(_) | Value::Restart | Value::Other(_) => Ok(()),
        }
    }

    fn log(&mut self) -> Result<()> {
        let values: Vec<(&str, f64)> = self.points.iter().map(|(name, _, _, value)| (name.as_str(), *value)).collect();
        let row = |((_, step, time_us, _), value): (&Point, _)| MetricRow {
            step: *step,
            epoch: None,
            time_us: Some(*time_us),
            values: std::slice::from_ref(value),
        };
        let rows: Vec<MetricRow<'_>> = self.points.iter().zip(&values).map(row).collect();
        if !rows.is_empty() {
            self.writer.log_rows(&rows)?;
        }
        self.points.clear();
        Ok(())
    }

    /// The first of several has the name that one alone would have.
    fn keep_all(&self, tag: &str, step: i64, kind: &str, ending: fn(&[u8]) -> &'static str, files: &[Vec<u8>]) -> Result<()> {
        files.iter().enumerate().try_for_each(|(number, file)| {
            let number = if number == 0 { String::new() } else { format!(".{number}") };
            self.keep(tag, step, kind, &format!("{number}{}", ending(file)), file)
        })
    }

    /// As `log_text` and its kin name what they keep.
    fn keep(&self, tag: &str, step: i64, kind: &str, ending: &str, content: &[u8]) -> Result<()> {
        let path = format!("{}/{step:09}{ending}", names::path_of(tag));
        self.writer.add_artifact(&NewArtifact { path: &path, kind, step: Some(step) }, &mut &content[..])
    }
}
