//! Event files as runs.

use std::path::Path;

use gradframe_ml_core::Result;
use gradframe_plan::services::{MetricRow, NewArtifact, NewRun};

use super::event::{Event, Status, Value};
use super::survey::{Reader, Source, Survey, file_name, sources, survey, time_us};
use super::{bins, grown, names};
use crate::store::{Gathered, RunChanges, Sources, Store, TakenRun};

/// Tags of a run that comes from event files: where they were, what is in them, what was not taken in.
pub(super) const SOURCE: &str = "import.source";
pub(super) const CONTENT: &str = "import.content";
pub(super) const NOTE: &str = "import.note";

/// Takes in the event files at and below a path, a run for each directory that has some, named as TensorBoard names it, in an
/// experiment of the path's name. Scalars become points with their steps and times; histograms, images, texts and sounds
/// artifacts; hyper-parameters parameters. What a restart from an earlier step took back is left out, as TensorBoard does. What was
/// taken in before, and says the same, is not again; of a directory that has grown since, what is new goes to the run that there is. A last
/// record that was not written to its end, and what is of a plugin that is not known, is left out, as the tag `import.note` of the run says.
/// Each run, and what one gets that there is, comes whole, or not at all where this is interrupted. Gives the names of the runs.
///
/// Errors: `Execution` naming file and byte of what was changed after it was written; `External` for what cannot be read or
/// written. All files are read before the first run is made, so a damaged one leaves nothing.
pub fn import(store: &Store, path: &Path) -> Result<Vec<String>> {
    let sources = sources(path)?;
    let surveys = sources.iter().map(|source| survey(source, &grown::earlier(store, source)?)).collect::<Result<Vec<_>>>()?;
    let experiment = std::path::absolute(path).map_or_else(|_| file_name(path), |path| file_name(&path));
    let (mut runs, mut contents) = (Vec::new(), store.sources(CONTENT)?);
    for (source, survey) in sources.iter().zip(surveys) {
        if survey.times_us.is_none() || contents.get(&content_of(source, &survey)).is_some() {
            continue;
        }
        let run = match grown::continued(store, &survey)? {
            Some((run, records)) => grown::go_on(store, source, &survey, (run, records))?,
            None => import_one(store, &experiment, source, survey, &mut contents)?,
        };
        runs.extend(run);
    }
    Ok(runs)
}

pub(super) fn content_of(source: &Source, survey: &Survey) -> String {
    format!("{} {}", survey.content, source.title)
}

/// None if another import has taken it in meanwhile.
fn import_one(
    store: &Store,
    experiment: &str,
    source: &Source,
    mut survey: Survey,
    contents: &mut Sources,
) -> Result<Option<String>> {
    let params = std::mem::take(&mut survey.params);
    let mut tags = vec![(SOURCE, source.directory.display().to_string())];
    if !survey.notes.is_empty() {
        tags.push((NOTE, survey.notes.join("; ")));
    }
    let tags = tags.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let (title, experiment) = (source.title.clone(), Some(experiment.to_owned()));
    let new = NewRun { title, experiment, params, tags, ..NewRun::default() };
    let gathered = gather(store, source, &survey, 0)?;
    let (from, datasets) = (&content_of(source, &survey), &[]);
    store.take_in_run(
        &TakenRun { new: &new, from, state: state_of(&survey), error: error_of(&survey), datasets },
        &gathered,
        contents,
    )
}

/// All values of the records after so many. What has come since they were surveyed is for the next import: it is not in `content`.
pub(super) fn gather(store: &Store, source: &Source, survey: &Survey, after: u64) -> Result<Gathered> {
    let mut filler = Filler { gathered: store.gather() };
    let mut reader = Reader::of(source);
    while reader.records < survey.records
        && let Some(events) = reader.next(|_| ())?
    {
        if reader.records <= after {
            continue;
        }
        let mut left = events.into_iter().filter(|event| !survey.restarts.take_back(reader.records, event));
        left.try_for_each(|event| filler.take(event))?;
    }
    Ok(filler.gathered)
}

/// How the run stands that is in the files.
pub(super) fn state_of(survey: &Survey) -> RunChanges<'static> {
    let status = if survey.status == Status::Failed { "failed" } else { "finished" };
    let (started_us, ended_us) = survey.times_us.unzip();
    RunChanges { status: Some(status), started_us, ended_us, ..RunChanges::default() }
}

fn error_of(survey: &Survey) -> Option<&'static str> {
    (survey.status == Status::Failed).then_some("as its event files say")
}

/// Fills a run.
struct Filler {
    gathered: Gathered,
}

impl Filler {
    fn take(&mut self, Event { wall_time, step, tag, value }: Event) -> Result<()> {
        match value {
            Value::Scalar(value) => {
                let name = if tag.is_empty() { "untagged" } else { &tag };
                let row = MetricRow { step, epoch: None, time_us: Some(time_us(wall_time)), values: &[(name, value)] };
                self.gathered.log_rows([row].into_iter())
            }
            Value::Histogram(bins) => self.keep(&tag, step, "histogram", ".parquet", &bins::write(&bins)?),
            Value::Text(text) => self.keep(&tag, step, "text", ".txt", text.as_bytes()),
            Value::Images(files) => self.keep_all(&tag, step, "image", names::image_ending, &files),
            Value::Sounds(files) => self.keep_all(&tag, step, "file", |_| ".wav", &files),
            Value::Start(_) | Value::End(_) | Value::Restart | Value::Other(_) => Ok(()),
        }
    }

    /// The first of several has the name that one alone would have.
    fn keep_all(&mut self, tag: &str, step: i64, kind: &str, ending: fn(&[u8]) -> &'static str, files: &[Vec<u8>]) -> Result<()> {
        files.iter().enumerate().try_for_each(|(number, file)| {
            let number = if number == 0 { String::new() } else { format!(".{number}") };
            self.keep(tag, step, kind, &format!("{number}{}", ending(file)), file)
        })
    }

    /// As `log_text` and its kin name what they keep.
    fn keep(&mut self, tag: &str, step: i64, kind: &str, ending: &str, content: &[u8]) -> Result<()> {
        let path = format!("{}/{step:09}{ending}", names::path_of(tag));
        self.gathered.add_file(&NewArtifact { path: &path, kind, step: Some(step) }, &mut &content[..])
    }
}
