//! Event files, read once before anything is taken in: whether they are whole, and what a run has to know at its start.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use gradframe_ml_core::Result;
use xxhash_rust::xxh3::Xxh3;

use super::MARK;
use super::decode::{Plugins, events};
use super::event::{Event, Status, Value};
use super::records::Records;
use crate::store::files_below;

/// A directory of event files: what TensorBoard calls a run.
#[derive(Debug)]
pub(super) struct Source {
    /// Its way from the directory that was named, as TensorBoard shows it.
    pub title: String,
    pub directory: PathBuf,
    /// By name, which begins with the time.
    pub files: Vec<PathBuf>,
}

/// All directories at and below a path that have event files, or the one of a single file.
/// Errors: `External` naming what cannot be read.
pub(super) fn sources(path: &Path) -> Result<Vec<Source>> {
    let path = &std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let found = if path.is_dir() { files_below(path)? } else { vec![(file_name(path), path.clone())] };
    let mut directories: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for (_, file) in found.into_iter().filter(|(name, _)| is_event_file(name)) {
        directories.entry(file.parent().unwrap_or(path).to_path_buf()).or_default().push(file);
    }
    let source = |(directory, files): (PathBuf, Vec<PathBuf>)| {
        let way = directory.strip_prefix(path).map(|way| way.to_string_lossy().into_owned()).unwrap_or_default();
        let title = if way.is_empty() { file_name(&directory) } else { way };
        Source { title, directory, files }
    };
    Ok(directories.into_iter().map(source).collect())
}

/// Whether there is an event file at or below a path. Errors: `External` naming what cannot be read.
pub fn has_events(path: &Path) -> Result<bool> {
    if path.is_dir() {
        return Ok(files_below(path)?.iter().any(|(name, _)| is_event_file(name)));
    }
    Ok(path.is_file() && is_event_file(&file_name(path)))
}

fn is_event_file(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.contains(MARK))
}

pub(super) fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| "run".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// What was found in the files of a source.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub params: BTreeMap<String, String>,
    pub status: Status,
    /// Microseconds since 1970 of the first and the last value; None if there is none.
    pub times_us: Option<(i64, i64)>,
    /// Names what the files say: equal files have equal ones.
    pub content: String,
    /// What is not taken in, and why.
    pub notes: Vec<String>,
    pub restarts: Restarts,
    /// How many records there are.
    pub records: u64,
    /// The earlier run of which the content was the beginning of this one, and of how many records.
    pub earlier: Option<(u64, String)>,
}

/// Where a program began again that had been interrupted. As in TensorBoard, what was logged before of the step from which it went on, and
/// of later ones, is left out.
#[derive(Debug, Default)]
pub(super) struct Restarts {
    /// After how many records, in order, and from which step.
    all: Vec<(u64, i64)>,
    /// How many values there are at each step, as far as has been read.
    values: BTreeMap<i64, u64>,
    taken_back: u64,
}

impl Restarts {
    fn see(&mut self, records: u64, event: &Event) {
        if event.value == Value::Restart {
            self.all.push((records, event.step));
            self.taken_back += self.values.split_off(&event.step).into_values().sum::<u64>();
        } else if event.value.is_of_a_step() {
            *self.values.entry(event.step).or_default() += 1;
        }
    }

    /// What is said of them, once all has been read.
    fn note(&mut self) -> Option<String> {
        self.values.clear();
        // From here on those that come later from an earlier step count alone.
        let mut least = i64::MAX;
        for (_, step) in self.all.iter_mut().rev() {
            least = least.min(*step);
            *step = least;
        }
        (self.taken_back > 0).then(|| format!("left out: {} values of steps that a restart logged again", self.taken_back))
    }

    /// Whether there is a restart after so many records.
    pub fn is_any_after(&self, records: u64) -> bool {
        self.all.last().is_some_and(|(at, _)| *at > records)
    }

    /// Whether a later restart takes back what is in the record after so many others. They are asked about in order.
    pub fn take_back(&self, records: u64, event: &Event) -> bool {
        let later = self.all.partition_point(|(at, _)| *at <= records);
        event.value.is_of_a_step() && self.all.get(later).is_some_and(|(_, step)| event.step >= *step)
    }
}

/// Reads all records. `earlier` are runs by what they are made of. Errors: `Execution` naming file and byte of what was changed after it was written; `External`.
pub(super) fn survey(source: &Source, earlier: &HashMap<String, String>) -> Result<Survey> {
    let mut survey = Survey::default();
    let (mut hash, mut unknown) = (Xxh3::new(), BTreeMap::new());
    let mut reader = Reader::of(source);
    while let Some(events) = reader.next(|message| hash.update(message))? {
        if !earlier.is_empty()
            && let Some(run) = earlier.get(&named(&hash))
        {
            survey.earlier = Some((reader.records, run.clone()));
        }
        for event in events {
            survey.restarts.see(reader.records, &event);
            // What says nothing of a run is none.
            if event.value != Value::Restart {
                survey.see(event, &mut unknown);
            }
        }
    }
    survey.content = named(&hash);
    survey.records = reader.records;
    survey.notes = reader.torn;
    survey.notes.extend(survey.restarts.note());
    let left_out = |(plugin, values): (String, u64)| format!("left out: {values} of `{plugin}`");
    survey.notes.extend(unknown.into_iter().map(left_out));
    Ok(survey)
}

fn named(hash: &Xxh3) -> String {
    format!("{:032x}", hash.digest128())
}

impl Survey {
    fn see(&mut self, event: Event, unknown: &mut BTreeMap<String, u64>) {
        let time_us = time_us(event.wall_time);
        let (first, last) = self.times_us.unwrap_or((time_us, time_us));
        self.times_us = Some((first.min(time_us), last.max(time_us)));
        match event.value {
            // Of a run that was begun again the last ones count.
            Value::Start(params) => self.params.extend(params.into_iter().map(|(name, value)| (name, value.into_text()))),
            Value::End(status) => self.status = status,
            Value::Other(plugin) => *unknown.entry(plugin).or_default() += 1,
            Value::Scalar(_) | Value::Histogram(_) | Value::Images(_) | Value::Sounds(_) | Value::Text(_) | Value::Restart => {}
        }
    }
}

/// Microseconds since 1970; 0 of what is no number.
pub(super) fn time_us(wall_time: f64) -> i64 {
    (wall_time * 1e6).round() as i64
}

/// The events of all files of a source, those of a record at a time.
pub(super) struct Reader<'a> {
    files: std::slice::Iter<'a, PathBuf>,
    open: Option<(&'a Path, Records)>,
    plugins: Plugins,
    /// How many records have been read.
    pub records: u64,
    /// What is said of files whose last record was not written to its end.
    torn: Vec<String>,
}

impl<'a> Reader<'a> {
    pub fn of(source: &'a Source) -> Self {
        Reader { files: source.files.iter(), open: None, plugins: Plugins::new(), records: 0, torn: vec![] }
    }

    /// The events of the next record, whose bytes `look` is shown; None at the end of the last file.
    /// Errors: `Execution` naming file and byte; `External`.
    pub fn next(&mut self, mut look: impl FnMut(&[u8])) -> Result<Option<Vec<Event>>> {
        loop {
            let Some((path, records)) = &mut self.open else {
                let Some(path) = self.files.next() else { return Ok(None) };
                self.open = Some((path, Records::open(path)?));
                continue;
            };
            if let Some(message) = records.next()? {
                look(message);
                self.records += 1;
                let found = events(message, &mut self.plugins);
                return found.map(Some).ok_or_else(|| records.wrong("is no event"));
            }
            if let Some(at) = records.torn_at() {
                self.torn.push(format!("the last record of `{}` was not written to its end, at byte {at}", file_name(path)));
            }
            self.open = None;
        }
    }
}
