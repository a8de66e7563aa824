//! Ends of runs that could not be written when they came: the disk was full, the server away. They are written when somebody
//! asks for runs; and where there is a directory of this machine, the next process finds those of one that ended meanwhile.

use std::fs;
use std::path::PathBuf;

use parking_lot::Mutex;

use super::errors::{make_directory, sync_directory, write_error};
use super::model_files::write_durably;
use super::random_name;
use super::run_end::RunEnd;
use super::run_id::is_run_id;

/// Begins the names of files that are being written: no run is called so.
const ASIDE_PREFIX: &str = ".writing-";

/// Ends that are not written yet: each in a file, or, where there is none to be had, in memory.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// Where they are kept; None where that would be no safer.
    directory: Option<PathBuf>,
    waiting: Mutex<Vec<RunEnd>>,
}

impl Ends {
    pub fn new(directory: Option<PathBuf>) -> Self {
        Ends { directory, waiting: Mutex::default() }
    }

    /// Keeps an end until it is written.
    pub fn push(&self, end: RunEnd) {
        let kept = self.directory.as_ref().map(|directory| {
            make_directory("run", directory)?;
            let (file, aside) = (directory.join(&end.run), directory.join(format!("{ASIDE_PREFIX}{}", random_name())));
            let written = write_durably(&aside, &end.encode()).and_then(|()| fs::rename(&aside, &file));
            written.and_then(|()| sync_directory(directory)).map_err(|error| write_error("run", &file, error))
        });
        match kept {
            Some(Ok(())) => return,
            Some(Err(error)) => tracing::warn!(%error, run = end.run, "how a run has ended is known to this process alone"),
            None => {}
        }
        self.waiting.lock().push(end);
    }

    /// Hands those that wait, and whose run `is_known`, to `write`, and forgets them if that succeeds. Those in files may be of any process of
    /// this machine: one that has ended may have left no other word of its runs.
    pub fn settle<E>(&self, is_known: impl Fn(&str) -> bool, write: impl FnOnce(&[RunEnd]) -> Result<(), E>) -> Result<(), E> {
        let mut waiting = self.waiting.lock();
        let mut known: Vec<RunEnd> = waiting.extract_if(.., |end| is_known(&end.run)).collect();
        let own = known.len();
        let in_files = self.runs_in_files().into_iter().filter(|run| is_known(run));
        known.extend(in_files.filter_map(|run| self.left_of(&run)));
        if known.is_empty() {
            return Ok(());
        }
        let written = write(&known);
        match &written {
            Ok(()) => known.iter().for_each(|end| self.forget(&end.run)),
            Err(_) => waiting.extend(known.drain(..own)),
        }
        written
    }

    /// Whether one waits whose run `is_known`.
    pub fn wait(&self, is_known: impl Fn(&str) -> bool) -> bool {
        let own = self.waiting.lock().iter().any(|end| is_known(&end.run));
        own || self.runs_in_files().iter().any(|run| is_known(run))
    }

    /// How a run has ended, as far as a file says so.
    pub fn left_of(&self, run: &str) -> Option<RunEnd> {
        let bytes = fs::read(self.directory.as_ref()?.join(run)).ok()?;
        RunEnd::decode(run, &bytes)
    }

    /// After the end is written.
    pub fn forget(&self, run: &str) {
        if let Some(directory) = &self.directory {
            // Read once more, it would end nothing: the run does not run any more.
            let _ = fs::remove_file(directory.join(run));
        }
    }

    fn runs_in_files(&self) -> Vec<String> {
        let entries = self.directory.iter().filter_map(|directory| fs::read_dir(directory).ok()).flatten().flatten();
        let mut runs: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        runs.retain(|name| is_run_id(name));
        runs.sort();
        runs
    }
}
