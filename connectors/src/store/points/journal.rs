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
use super::segments::is_name;

/// Ends the names of the files.
const SUFFIX: &str = ".journal";
/// Held by who puts bytes back, so that nobody folds a segment meanwhile.
const RECOVERY_LOCK: &str = ".recovery";
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
    left: Vec<File>,
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
                state.open = None;
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
        if let Some(Open { file, .. }) = self.open.take() {
            self.left.extend(Arc::into_inner(file));
        }
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

fn encode(segment: &str, at: u64, bytes: &[u8]) -> Vec<u8> {
    let mut record = vec![0; framed::HEADER_BYTES];
    record.extend_from_slice(&(segment.len() as u32).to_le_bytes());
    record.extend_from_slice(segment.as_bytes());
    record.extend_from_slice(&at.to_le_bytes());
    record.extend_from_slice(bytes);
    framed::close(&mut record);
    record
}

/// Where bytes belong.
struct Kept<'j> {
    segment: &'j str,
    at: u64,
    bytes: &'j [u8],
}

/// The whole records of a journal, up to one that is none of ours.
fn decode(journal: &[u8]) -> Vec<Kept<'_>> {
    framed::all(journal).map_while(place).collect()
}

fn place(place: &[u8]) -> Option<Kept<'_>> {
    let (length, place) = place.split_first_chunk::<4>()?;
    let (name, place) = place.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let (at, bytes) = place.split_first_chunk::<8>()?;
    let segment = str::from_utf8(name).ok().filter(|name| is_name(name))?;
    Some(Kept { segment, at: u64::from_le_bytes(*at), bytes })
}

/// Puts back what journals of ended processes have of segments in this directory. What is there already stays as it is: a segment
/// that was folded is known to be so by the database, and goes again.
pub(super) fn recover(directory: &Path) -> io::Result<()> {
    // Read only at first: where nobody has died, nothing is written, and perhaps nothing may be.
    let journals: Vec<PathBuf> = journals(directory).into_iter().filter(|path| is_left(path)).collect();
    if journals.is_empty() {
        return Ok(());
    }
    let lock = File::options().create(true).truncate(false).write(true).open(directory.join(RECOVERY_LOCK))?;
    lock.lock()?;
    for path in journals {
        let Ok(file) = File::open(&path) else { continue };
        // Locked: its process lives. Gone: somebody else has done it.
        if file.try_lock().is_ok() && path.exists() {
            put_back(directory, &fs::read(&path)?)?;
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// True if no process has it open.
fn is_left(journal: &Path) -> bool {
    File::open(journal).is_ok_and(|file| file.try_lock_shared().is_ok())
}

fn journals(directory: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    paths.filter(|path| path.to_string_lossy().ends_with(SUFFIX)).collect()
}

fn put_back(directory: &Path, journal: &[u8]) -> io::Result<()> {
    let mut touched = BTreeSet::new();
    for kept in decode(journal) {
        let mut segment =
            File::options().read(true).write(true).create(true).truncate(false).open(directory.join(kept.segment))?;
        if !has(&mut segment, &kept)? {
            write_at(&mut segment, &kept)?;
        }
        touched.insert(kept.segment);
    }
    for segment in touched {
        File::open(directory.join(segment))?.sync_data()?;
    }
    sync_directory(directory)
}

fn has(segment: &mut File, kept: &Kept<'_>) -> io::Result<bool> {
    use io::{Read, Seek};
    let mut found = Vec::with_capacity(kept.bytes.len());
    segment.seek(io::SeekFrom::Start(kept.at))?;
    segment.take(kept.bytes.len() as u64).read_to_end(&mut found)?;
    Ok(found == kept.bytes)
}

fn write_at(segment: &mut File, kept: &Kept<'_>) -> io::Result<()> {
    use io::Seek;
    segment.seek(io::SeekFrom::Start(kept.at))?;
    segment.write_all(kept.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A journal as a power cut leaves it: nobody has its lock, and it is not retired.
    fn left_behind(directory: &Path, records: &[(&str, u64, &[u8])]) -> PathBuf {
        let path = directory.join(format!("dead{SUFFIX}"));
        let bytes: Vec<u8> = records.iter().flat_map(|(segment, at, bytes)| encode(segment, *at, bytes)).collect();
        fs::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn what_a_power_cut_took_from_segments_is_put_back() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("a.1.points"), b"aaaa\0\0\0\0").unwrap();
        fs::write(at("c.1.points"), b"all of it").unwrap();
        let journal = left_behind(
            directory.path(),
            &[
                ("a.1.points", 0, b"aaaa"),
                ("b.1.points", 0, b"its name is gone"),
                ("a.1.points", 4, b"bbbbbb"),
                ("c.1.points", 4, b"of it"),
            ],
        );
        recover(directory.path()).unwrap();
        assert_eq!(fs::read(at("a.1.points")).unwrap(), b"aaaabbbbbb");
        assert_eq!(fs::read(at("b.1.points")).unwrap(), b"its name is gone");
        assert_eq!(fs::read(at("c.1.points")).unwrap(), b"all of it");
        assert!(!journal.exists());
        recover(directory.path()).unwrap();
    }

    #[test]
    fn a_torn_or_changed_record_ends_a_journal_and_a_name_is_never_a_path() {
        let directory = tempfile::tempdir().unwrap();
        let whole = encode("a.1.points", 0, b"aaaa");
        for torn in 0..whole.len() {
            assert_eq!(decode(&whole[..torn]).len(), 0, "{torn} bytes");
            let mut changed = whole.clone();
            changed[torn] ^= 1;
            assert_eq!(decode(&changed).len(), 0, "byte {torn}");
        }
        for name in ["../a.1.points", "/tmp/a.1.points", "a.1.points/../../b.points", "store.db"] {
            assert_eq!(decode(&encode(name, 0, b"x")).len(), 0, "{name}");
        }
        left_behind(directory.path(), &[("../evil.points", 0, b"x")]);
        recover(directory.path()).unwrap();
        assert!(!directory.path().parent().unwrap().join("evil.points").exists());
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
        assert_eq!(decode(&fs::read(&path).unwrap()).len(), 400);
        recover(directory.path()).unwrap();
        assert!(path.exists(), "its process lives");
        drop(journal);
        assert!(!path.exists(), "segments are waited for at its end");
    }
}
