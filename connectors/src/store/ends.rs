//! Ends of runs that could not be written when they came: the disk was full, the server away. They are written when somebody
//! asks for runs; and where there is a directory of this machine, the next process finds those of one that ended meanwhile.

use std::fs;
use std::path::PathBuf;

use parking_lot::Mutex;

use super::errors::make_directory;
use super::model_files::write_durably;
use super::run_end::RunEnd;

/// Ends that are not written yet.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// Where they are kept beside memory; None where that would be no safer.
    directory: Option<PathBuf>,
    waiting: Mutex<Vec<RunEnd>>,
}

impl Ends {
    pub fn new(directory: Option<PathBuf>) -> Self {
        Ends { directory, waiting: Mutex::default() }
    }

    /// Keeps an end until it is written.
    pub fn push(&self, end: RunEnd) {
        if let Some(directory) = &self.directory
            && let Err(error) = make_directory("run", directory)
                .map_err(|error| error.to_string())
                .and_then(|()| write_durably(&directory.join(&end.run), &end.encode()).map_err(|error| error.to_string()))
        {
            tracing::warn!(error, run = end.run, "how a run has ended is known to this process alone");
        }
        self.waiting.lock().push(end);
    }

    /// Hands those that wait in this process, and whose run `is_known`, to `write`, and forgets them if that succeeds.
    pub fn settle<E>(&self, is_known: impl Fn(&str) -> bool, write: impl FnOnce(&[RunEnd]) -> Result<(), E>) -> Result<(), E> {
        let mut waiting = self.waiting.lock();
        let known: Vec<RunEnd> = waiting.extract_if(.., |end| is_known(&end.run)).collect();
        if known.is_empty() {
            return Ok(());
        }
        let written = write(&known);
        match &written {
            Ok(()) => known.iter().for_each(|end| self.forget(&end.run)),
            Err(_) => waiting.extend(known),
        }
        written
    }

    /// How a run has ended that an ended process has left.
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
}
