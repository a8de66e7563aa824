//! Runs that have begun while their shared store was away: what they say of themselves waits here, in files of this machine, until the
//! store answers.
//!
//! ```text
//! outbox/<run>.begun      the run, its parameters, tags, artifacts and data sets, in the order in which they came (see `journal`)
//! ```
//!
//! Points take the way that they always take (`points::ship`), contents of artifacts lie below `objects/`. The process that wrote a file
//! keeps it locked and sends it; when it has ended, the next one of this home does. A file is sent in one transaction that also writes down
//! its name: so what is sent again is known to be there.

mod change;
mod journal;
mod left;

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use gradframe_ml_core::{Error, Result};
use gradframe_plan::services::NewRun;
use parking_lot::Mutex;

pub(super) use change::{Change, KeptArtifact};
pub(super) use journal::Journal;
use left::Left;

use super::open_run::RunPlace;
use super::points::fold;
use super::postgres::is_away;
use super::run_id::new_run_id;
use super::sql::params;
use super::{now_us, run_rows};
use crate::notices;

/// Ends the names of the files.
const SUFFIX: &str = ".begun";
/// Locked, by many, by who puts a content into its place that no file names yet; alone, by who removes contents that none names.
const CONTENTS_LOCK: &str = ".contents";
/// Between tries to reach a store that is away.
const EVERY: Duration = Duration::from_secs(1);

/// The directory of a machine's files for a shared store.
#[derive(Debug, Clone)]
pub(super) struct Waiting(PathBuf);

impl Waiting {
    pub fn new(spool: &Path) -> Self {
        Waiting(spool.join("outbox"))
    }

    /// Whether a run is not known to be in the store yet. To be asked after the store, or while its write lock is held.
    pub fn holds(&self, run: &str) -> bool {
        self.path(run).exists()
    }

    /// Names of runs, sorted.
    fn runs(&self) -> Vec<String> {
        let names = fs::read_dir(&self.0).into_iter().flatten().flatten().map(|entry| entry.file_name());
        let run = |name: std::ffi::OsString| name.to_str()?.strip_suffix(SUFFIX).map(str::to_owned);
        let mut runs: Vec<String> = names.filter_map(run).collect();
        runs.sort();
        runs
    }

    fn path(&self, run: &str) -> PathBuf {
        self.0.join(name_of(run))
    }

    /// None where there is none to be had: nothing has begun here, or the file system knows no locks.
    fn contents_lock(&self, lock: impl FnOnce(&File) -> std::io::Result<()>) -> Option<File> {
        let opened = File::options().create(true).truncate(false).write(true).open(self.0.join(CONTENTS_LOCK));
        let locked = opened.and_then(|file| lock(&file).map(|()| file));
        locked.inspect_err(|error| tracing::debug!(%error, "contents are not locked here")).ok()
    }
}

/// What of this machine waits for a shared store.
#[derive(Debug)]
pub(super) struct Outbox {
    place: RunPlace,
    waiting: Waiting,
    /// How messages call the store.
    store: String,
    open: Mutex<Open>,
}

/// The journals of this process.
#[derive(Debug, Default)]
struct Open {
    journals: Vec<Arc<Journal>>,
    /// The process whose thread sends: a forked child has none.
    thread_of: Option<u32>,
}

impl Outbox {
    pub fn new(place: RunPlace, waiting: Waiting, store: String) -> Arc<Self> {
        Arc::new(Outbox { place, waiting, store, open: Mutex::default() })
    }

    /// Begins a run that the store does not hear of yet; `id` if one was chosen that it may have heard of. Errors: `Plan` for what the
    /// store would not take; `External`, `Resources` if it cannot be written here either.
    pub fn begin(self: &Arc<Self>, id: Option<String>, run: NewRun, owner: &str, why: &Error) -> Result<Arc<Journal>> {
        run.experiment.as_deref().map_or(Ok(()), run_rows::check_experiment)?;
        let started_us = now_us();
        let id = id.unwrap_or_else(|| new_run_id(started_us, self.waiting.runs().last().map(String::as_str)));
        let params = run.params.clone();
        let begin = Change::Begin { run: Box::new(run), owner: owner.to_owned(), started_us };
        let journal = Arc::new(Journal::create(self.waiting.path(&id), id, params, &begin)?);
        notices::tell(&format!(
            "run {} has begun without its store ({}): what it logs is kept in `{}`, and sent when the store answers",
            journal.run(),
            why.detail().what,
            journal.path().display(),
        ));
        self.watch(&journal);
        Ok(journal)
    }

    /// Sends a run's journal now, if the store answers. Errors: `External` if it is away; those of what it does not take.
    pub fn send(&self, journal: &Journal) -> Result<()> {
        // Before all else: contents may be large, and who logs something more is not to wait for them.
        if let Some(changes) = journal.changes()
            && !self.is_sent(journal.run())?
        {
            self.send_contents(journal.run(), &changes)?;
        }
        journal.hand_over(|changes| self.deliver(journal.run(), changes).map(|_| ()))
    }

    /// Says where a run is that has ended before its store answered.
    pub fn tell_of_end(&self, journal: &Journal) {
        notices::tell(&format!(
            "run {} has ended, and {} does not know of it yet: the next use of the store from here, such as `gradframe runs ls`, sends \
             `{}`",
            journal.run(),
            self.store,
            journal.path().display(),
        ));
    }

    /// Before the store is read: sends what waits, of this process and of ended ones. True if nothing waits any more.
    /// Errors: as for [`Outbox::send`]; `Execution` for a file that is damaged.
    pub fn send_all(&self) -> Result<bool> {
        let own = self.open.lock().journals.clone();
        // One that the store does not take is not in the way of others; of a store that is away each would wait.
        let mut sent: Vec<Result<bool>> = vec![];
        let own = own.iter().map(|journal| self.send(journal).map(|()| false));
        let left = self.waiting.runs().into_iter().map(|run| self.send_left(&run));
        for result in own.chain(left) {
            let away = result.as_ref().is_err_and(is_away);
            sent.push(result);
            if away {
                break;
            }
        }
        let count = sent.iter().filter(|sent| matches!(sent, Ok(true))).count();
        if count > 0 {
            notices::tell(&format!("{} now knows of {count} run{} that had begun without it", self.store, plural(count)));
        }
        sent.into_iter().try_for_each(|sent| sent.map(|_| ()))?;
        Ok(self.waiting.runs().is_empty())
    }

    /// While it is held, no content is removed that has its place and is named by nothing yet.
    pub fn hold_contents(&self) -> Option<File> {
        self.waiting.contents_lock(File::lock_shared)
    }

    /// While it is held, no content gets its place that is named later. To be taken before the store's write lock.
    pub fn lock_contents(&self) -> Option<File> {
        self.waiting.contents_lock(File::lock)
    }

    /// Hashes of contents that nothing in the store names yet. Errors: `Execution` for a file of which it is not known what it names.
    pub fn contents(&self) -> Result<HashSet<String>> {
        let mut found = HashSet::new();
        for run in self.waiting.runs() {
            if let Some(left) = Left::read(&self.waiting.path(&run))? {
                found.extend(left.contents()?.map(str::to_owned));
            }
        }
        Ok(found)
    }

    /// Sends what an ended process has left; false if its process lives, another has sent it, or not all of it could be read.
    fn send_left(&self, run: &str) -> Result<bool> {
        let path = self.waiting.path(run);
        let Some(_locked) = journal::lock_left(&path) else { return Ok(false) };
        let Some(left) = Left::read(&path)? else { return Ok(false) };
        let is_new = match left.changes() {
            Ok([]) => false,
            Ok(changes) => self.deliver(run, changes)?,
            // It was damaged after it had been sent.
            Err(_) if self.is_sent(run)? => false,
            Err(error) => return Err(error),
        };
        left.put_away(run);
        Ok(is_new && !left.is_damaged())
    }

    /// Tells the store all of a run, with the file's name; false if it has that already.
    fn deliver(&self, run: &str, changes: &[Change]) -> Result<bool> {
        if self.is_sent(run)? {
            return Ok(false);
        }
        let lost = self.send_contents(run, changes)?;
        let there = |change: &&Change| change.artifact().is_none_or(|artifact| !lost.contains(&artifact.hash));
        self.place.database.write_now(|transaction| {
            if fold::is_folded(transaction, &name_of(run))? {
                return Ok(false);
            }
            changes.iter().filter(there).try_for_each(|change| change.apply(transaction, run))?;
            transaction.execute("INSERT INTO folded_segments (segment) VALUES (?1)", params![name_of(run)]).map(|_| true)
        })
    }

    /// Asked without waiting for a store that is away.
    fn is_sent(&self, run: &str) -> Result<bool> {
        self.place.database.write_now(|transaction| fold::is_folded(transaction, &name_of(run)))
    }

    /// Sends the contents of artifacts. Gives the hashes of those that have been deleted meanwhile.
    fn send_contents(&self, run: &str, changes: &[Change]) -> Result<HashSet<String>> {
        let mut lost = HashSet::new();
        for artifact in changes.iter().filter_map(Change::artifact) {
            if !self.place.objects.send_again(&artifact.hash, artifact.bytes)? {
                notices::tell(&format!("artifact `{}` of run {run} is lost: its content has been deleted here", artifact.path));
                lost.insert(artifact.hash.clone());
            }
        }
        Ok(lost)
    }

    /// From now on the journal is sent as soon as the store answers, by a thread that ends with the last one.
    fn watch(self: &Arc<Self>, journal: &Arc<Journal>) {
        let mut open = self.open.lock();
        if open.thread_of != Some(std::process::id()) {
            // What the parent has begun, the parent sends.
            open.journals.clear();
            open.thread_of = Some(std::process::id());
            let outbox = Arc::downgrade(self);
            std::thread::spawn(move || send_until_sent(&outbox));
        }
        open.journals.push(Arc::clone(journal));
    }

    /// Sends what this process has; true if nothing is left.
    fn send_own(&self) -> bool {
        let journals = self.open.lock().journals.clone();
        for journal in &journals {
            if let Err(error) = self.send(journal) {
                tracing::debug!(%error, run = journal.run(), "a run is sent later");
                if is_away(&error) {
                    break;
                }
            }
        }
        let mut open = self.open.lock();
        open.journals.retain(|journal| journal.is_waiting());
        let is_done = open.journals.is_empty();
        if is_done {
            open.thread_of = None;
        }
        is_done
    }
}

fn send_until_sent(outbox: &Weak<Outbox>) {
    loop {
        std::thread::sleep(EVERY);
        let Some(outbox) = outbox.upgrade() else { return };
        let is_done = outbox.send_own();
        // Of runs that have ended meanwhile.
        outbox.place.record_ends();
        if is_done {
            return;
        }
    }
}

/// By which the store knows that a file has been sent, as it does of segments.
fn name_of(run: &str) -> String {
    format!("{run}{SUFFIX}")
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
