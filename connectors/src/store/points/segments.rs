//! Where segments are: files `points/<run>.<random>.points`, or the memory of a store without a directory. Those of a shared
//! store are files of this machine, whose bytes are sent after.
//!
//! Who writes a segment keeps its file locked. So a segment whose lock is free is complete, and anybody may fold it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};

use gradframe_ml_core::{Error, Result};
use parking_lot::Mutex;

use super::super::database::Database;
use super::super::errors::make_directory;
use super::super::outbox::Waiting;
use super::super::random_name;
use super::journal::Journal;
use super::recovery;
use super::ship::Shipping;
use super::sink::Sink;
use crate::notices;

/// Ends the names of the files.
const SUFFIX: &str = ".points";
/// Ends the names of those that were damaged, whose points are in the database as far as they could be read.
pub(super) const DAMAGED: &str = ".damaged";

/// The segments of a store.
#[derive(Debug)]
pub(in super::super) struct Segments {
    place: Place,
    /// By which those of many runs are made durable together; None in memory.
    journal: Option<Journal>,
    /// What a power cut took is put back before the first look.
    recovered: Once,
    /// Runs that a shared store does not know of yet.
    waiting: Option<Waiting>,
}

#[derive(Debug)]
enum Place {
    /// The store's directory; with the way to the server if it is a shared one.
    Home(PathBuf, Option<Arc<Shipping>>),
    Memory(Mutex<BTreeMap<String, Bytes>>),
}

/// A segment in memory.
pub(super) type Bytes = Arc<Mutex<Vec<u8>>>;

/// What a segment held when it was looked at.
#[derive(Debug)]
pub(super) struct Held {
    pub name: String,
    pub run: String,
    pub bytes: Vec<u8>,
}

impl Segments {
    /// Those of the store in this directory, which need not exist; of one in memory.
    pub fn new(home: Option<&Path>) -> Self {
        match home {
            Some(home) => Self::at(home, None),
            None => Segments { place: Place::Memory(Mutex::default()), journal: None, recovered: Once::new(), waiting: None },
        }
    }

    /// Those of this machine for a shared store, which does not know of all runs yet.
    pub fn of_server(database: Arc<Database>, spool: &Path, waiting: Waiting) -> Self {
        let shipping = Shipping::new(database, directory(spool), waiting.clone());
        Segments { waiting: Some(waiting), ..Self::at(spool, Some(shipping)) }
    }

    /// True of a run whose store has yet to hear of it: that it is not there does not mean that it was deleted.
    pub(in super::super) fn awaits(&self, run: &str) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.holds(run))
    }

    fn at(home: &Path, shipping: Option<Arc<Shipping>>) -> Self {
        let journal = Some(Journal::new(directory(home)));
        Segments { place: Place::Home(home.to_path_buf(), shipping), journal, recovered: Once::new(), waiting: None }
    }

    /// By which segments of many runs are made durable together; None in memory.
    pub(super) fn journal(&self) -> Option<&Journal> {
        self.journal.as_ref()
    }

    /// Once a process, which may be one that can only read.
    fn recover(&self, home: &Path) {
        self.recovered.call_once(|| {
            if let Err(error) = recovery::recover(&directory(home)) {
                tracing::warn!(%error, "what a power cut took from points is not put back yet");
            }
        });
    }

    /// Has what was appended sent to a shared store now, without waiting for it.
    pub fn send_soon(&self) {
        if let Place::Home(_, Some(shipping)) = &self.place {
            shipping.send_soon();
        }
    }

    /// A new segment of a run. Errors: `External` if the store is gone or cannot be written, `Resources` if the disk is full.
    pub(super) fn create(&self, run: &str) -> Result<Sink> {
        let name = format!("{run}.{}{SUFFIX}", random_name());
        match &self.place {
            Place::Home(home, None) => create_file(home, name, run),
            Place::Home(spool, Some(shipping)) => {
                make_directory("run", &directory(spool))?;
                let file = create_file(spool, name, run)?;
                shipping.add(&file.name, run);
                Ok(file)
            }
            Place::Memory(segments) => {
                let bytes = Bytes::default();
                segments.lock().insert(name.clone(), Arc::clone(&bytes));
                Ok(Sink::in_memory(name, bytes))
            }
        }
    }

    /// Names of segments, each with its run.
    pub(in super::super) fn names(&self) -> Vec<(String, String)> {
        let names = match &self.place {
            Place::Home(home, _) => {
                self.recover(home);
                names_in(&directory(home))
            }
            Place::Memory(segments) => segments.lock().keys().cloned().collect(),
        };
        names.into_iter().filter_map(|name| run_of(&name).map(str::to_owned).map(|run| (name, run))).collect()
    }

    /// What a segment holds now; None if it has been folded away. Errors: `External` if it cannot be read.
    pub(super) fn read(&self, name: &str, run: &str) -> Result<Option<Held>> {
        let bytes = match &self.place {
            Place::Memory(segments) => segments.lock().get(name).map(|bytes| bytes.lock().clone()),
            Place::Home(home, _) => read_file(&directory(home).join(name))?,
        };
        Ok(bytes.map(|bytes| Held { name: name.to_owned(), run: run.to_owned(), bytes }))
    }

    /// True if a process, this one or another, may still write to it.
    pub(super) fn is_open(&self, name: &str) -> bool {
        let Place::Home(home, _) = &self.place else { return false };
        let Ok(file) = File::open(directory(home).join(name)) else { return false };
        matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock))
    }

    /// Removes a segment whose points are in the database.
    pub(super) fn remove(&self, name: &str) {
        let removed = match &self.place {
            Place::Home(home, shipping) => {
                shipping.iter().for_each(|shipping| shipping.remove(name));
                fs::remove_file(directory(home).join(name))
            }
            Place::Memory(segments) => {
                segments.lock().remove(name);
                Ok(())
            }
        };
        match removed {
            // Read once more by everybody, and known to be folded.
            Err(error) if error.kind() != io::ErrorKind::NotFound => tracing::warn!(%error, name, "cannot remove a segment"),
            _ => {}
        }
    }
}

impl Segments {
    /// Keeps a segment of which so many bytes could not be read under a name that nobody looks for, and says so. The rest of its points
    /// is in the database.
    pub(super) fn set_aside(&self, name: &str, unread: usize) {
        let Place::Home(home, shipping) = &self.place else { return self.remove(name) };
        let (from, to) = (directory(home).join(name), directory(home).join(format!("{name}{DAMAGED}")));
        match fs::rename(&from, &to) {
            Ok(()) => {
                let run = run_of(name).unwrap_or(name);
                notices::tell(&format!(
                    "{unread} bytes of what run `{run}` has logged were damaged on the disk, and their points are lost; all others are \
                     there, and the file is kept as `{}`",
                    to.display()
                ));
            }
            // Somebody else has.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%error, name, "cannot set a damaged segment aside"),
        }
        shipping.iter().for_each(|shipping| shipping.remove(name));
    }
}

impl Held {
    /// Adds a piece that lies there in its segment. One that begins beyond the end waits for what is before it.
    pub(super) fn extend_at(&mut self, at: usize, piece: &[u8]) {
        if let Some(known) = self.bytes.len().checked_sub(at)
            && let Some(new) = piece.get(known..)
        {
            self.bytes.extend_from_slice(new);
        }
    }
}

fn directory(home: &Path) -> PathBuf {
    home.join("points")
}

/// True of a name that a segment may have: it is no path.
pub(super) fn is_name(name: &str) -> bool {
    run_of(name).is_some() && !name.contains(['/', '\\', '\0'])
}

fn run_of(name: &str) -> Option<&str> {
    name.strip_suffix(SUFFIX)?.split_once('.').map(|(run, _)| run)
}

fn create_file(home: &Path, name: String, run: &str) -> Result<Sink> {
    let directory = directory(home);
    if !directory.is_dir() {
        // A store that was deleted is not made again by a run that does not know of it.
        if !home.join("store.db").exists() {
            return Err(gone(run));
        }
        make_directory("run", &directory)?;
    }
    Sink::in_file(directory, name)
}

/// The run's row or files have been deleted under it.
pub(in super::super) fn gone(run: &str) -> Error {
    Error::external("run", format!("`{run}` is no longer in the store"))
}

fn read_file(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::external("store", format!("cannot read `{}`: {error}", path.display())).because(error)),
    }
}

fn names_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
