//! One journal for what many runs of a process log: one wait for the disk makes all of it durable.
//!
//! A server is asked to make each batch of each client durable before it answers. The points of each run go to the end of a
//! segment of their own; waiting for so many files at once is slow. So their bytes are also written, one after another, to
//! `points/<random>.journal`, and that file alone is waited for, once for all that ask meanwhile. After a power cut the bytes
//! are put back to their places. Segments are waited for when the journal is long; then it is begun anew.
//!
//! ```text
//! record    length: u32, check: u32, place
//! place     length of the segment's name: u32, name, at: u64, bytes to the end of the record
//! ```

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gradframe_ml_core::{Error, Result};
use parking_lot::{Condvar, Mutex, MutexGuard};

use super::super::errors::{sync_directory, write_error};
use super::super::{framed, random_name};

/// Ends the names of the files.
pub(super) const SUFFIX: &str = ".journal";
/// A longer journal is begun anew.
const JOURNAL_BYTES_MAX: u64 = 64 << 20;

/// The journal of this process in a directory of segments.
#[derive(Debug)]
pub(super) struct Journal {
    directory: PathBuf,
    state: Mutex<State>,
    /// Woken when the disk has answered.
    answered: Condvar,
}

#[derive(Debug, Default)]
struct State {
    open: Option<Open>,
    /// Records that were written and that are durable, over all files.
    written: u64,
    durable: u64,
    /// Records that are in no journal for sure: the disk did not take them.
    lost: Vec<RangeInclusive<u64>>,
    /// Somebody waits for the disk.
    is_waiting: bool,
    /// Files in which a record may be torn: nothing is added to them, and what is in them may still be needed.
    left: Vec<Arc<File>>,
}

#[derive(Debug)]
struct Open {
    file: Arc<File>,
    path: PathBuf,
    bytes: u64,
    /// Of which segments there are bytes in it.
    segments: BTreeSet<String>,
    /// A forked child begins its own.
    process_id: u32,
}

impl Journal {
    /// Makes nothing before the first record.
    pub fn new(directory: PathBuf) -> Self {
        Journal { directory, state: Mutex::default(), answered: Condvar::new() }
    }

    /// Writes down what a segment has at a place, and gives a number to wait for. Of one segment in the order of its places.
    /// Errors: `Resources` if the disk is full, `External` if it does not answer.
    pub fn keep(&self, segment: &str, at: u64, bytes: &[u8]) -> Result<u64> {
        self.write(&mut self.state.lock(), segment, at, bytes).map_err(|error| self.failed(error))
    }

    /// What was written down up to this number survives a power cut when this returns. Errors: as above.
    pub fn wait(&self, number: u64) -> Result<()> {
        let mut state = self.state.lock();
        while state.durable < number && !state.is_lost(number) {
            if state.is_waiting {
                self.answered.wait(&mut state);
            } else {
                self.wait_for_disk(&mut state)?;
            }
        }
        if state.is_lost(number) { Err(self.failed(io::Error::other("the disk did not take it"))) } else { Ok(()) }
    }

    /// For all that has been written so far.
    fn wait_for_disk(&self, state: &mut MutexGuard<'_, State>) -> Result<()> {
        let Some(file) = state.open.as_ref().map(|open| Arc::clone(&open.file)) else { return Ok(()) };
        let all = state.written;
        state.is_waiting = true;
        let synced = MutexGuard::unlocked(state, || file.sync_data());
        state.is_waiting = false;
        match &synced {
            Ok(()) => state.durable = state.durable.max(all),
            // What the system held of it may be gone: asked once more, it would say that all is well.
            Err(_) => state.set_aside(),
        }
        self.answered.notify_all();
        synced.map_err(|error| self.failed(error))
    }

    fn write(&self, state: &mut State, segment: &str, at: u64, bytes: &[u8]) -> io::Result<u64> {
        match &state.open {
            Some(open) if open.process_id != std::process::id() => state.open = None,
            Some(open) if open.bytes > JOURNAL_BYTES_MAX && !state.is_waiting => {
                open.retire(&self.directory)?;
                // In the segments. Should there be no new file, nobody waits for this one.
                (state.open, state.durable) = (None, state.written);
                self.answered.notify_all();
            }
            _ => {}
        }
        if state.open.is_none() {
            state.open = Some(Open::create(&self.directory)?);
        }
        let record = encode(segment, at, bytes);
        let written = state.open.as_mut().map_or(Ok(()), |open| open.append(segment, &record));
        if written.is_err() {
            state.set_aside();
        }
        written?;
        state.written += 1;
        Ok(state.written)
    }

    fn failed(&self, error: io::Error) -> Error {
        write_error("run", &self.directory, error)
    }
}

impl State {
    fn is_lost(&self, number: u64) -> bool {
        self.lost.iter().any(|lost| lost.contains(&number))
    }

    /// Gives up a file, and what of it is not known to be durable.
    fn set_aside(&mut self) {
        self.lost.push(self.durable + 1..=self.written);
        self.left.extend(self.open.take().map(|open| open.file));
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if let Some(open) = self.state.get_mut().open.take().filter(|open| open.process_id == std::process::id()) {
            // Else it is read when the store is used next.
            let _ = open.retire(&self.directory);
        }
    }
}

impl Open {
    /// A file that is durable by its name, and locked for as long as its process lives.
    fn create(directory: &Path) -> io::Result<Self> {
        let path = directory.join(format!("{}{SUFFIX}", random_name()));
        let file = File::options().create_new(true).append(true).open(&path)?;
        if let Err(error) = file.try_lock() {
            tracing::debug!(%error, "journals are not locked here");
        }
        sync_directory(directory)?;
        let process_id = std::process::id();
        Ok(Open { file: Arc::new(file), path, bytes: 0, segments: BTreeSet::new(), process_id })
    }

    fn append(&mut self, segment: &str, record: &[u8]) -> io::Result<()> {
        self.file.as_ref().write_all(record)?;
        self.bytes += record.len() as u64;
        if !self.segments.contains(segment) {
            self.segments.insert(segment.to_owned());
        }
        Ok(())
    }

    /// Removes the file, when all that is in it is durable where it belongs.
    fn retire(&self, directory: &Path) -> io::Result<()> {
        for segment in &self.segments {
            match File::open(directory.join(segment)) {
                Ok(file) => file.sync_data()?,
                // It has been folded.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        sync_directory(directory)?;
        fs::remove_file(&self.path)
    }
}

pub(super) fn encode(segment: &str, at: u64, bytes: &[u8]) -> Vec<u8> {
    let mut record = vec![0; framed::HEADER_BYTES];
    record.extend_from_slice(&(segment.len() as u32).to_le_bytes());
    record.extend_from_slice(segment.as_bytes());
    record.extend_from_slice(&at.to_le_bytes());
    record.extend_from_slice(bytes);
    framed::close(&mut record);
    record
}

#[cfg(test)]
mod tests {
    use super::super::recovery::{decode, journals, recover};
    use super::*;

    #[test]
    fn nobody_waits_for_a_journal_that_was_begun_anew() {
        let directory = tempfile::tempdir().unwrap();
        let journal = Journal::new(directory.path().to_path_buf());
        let first = journal.keep("a.1.points", 0, b"aaaa").unwrap();
        journal.state.lock().open.as_mut().unwrap().bytes = JOURNAL_BYTES_MAX + 1;
        journal.keep("a.1.points", 4, b"bbbb").unwrap();
        // It is in its segment, whatever becomes of the new file.
        assert_eq!(journal.state.lock().durable, first);
    }

    #[test]
    fn many_threads_share_one_wait_and_a_living_journal_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let journal = Journal::new(directory.path().to_path_buf());
        std::thread::scope(|scope| {
            for thread in 0..8_u64 {
                let journal = &journal;
                scope.spawn(move || {
                    let segment = format!("run{thread}.1.points");
                    for i in 0..50_u64 {
                        journal.wait(journal.keep(&segment, i * 4, &(i as u32).to_le_bytes()).unwrap()).unwrap();
                    }
                });
            }
        });
        let [path]: [PathBuf; 1] = journals(directory.path()).try_into().unwrap();
        assert_eq!(decode(&fs::read(&path).unwrap()).0.len(), 400);
        recover(directory.path()).unwrap();
        assert!(path.exists(), "its process lives");
        drop(journal);
        assert!(!path.exists(), "segments are waited for at its end");
    }
}
