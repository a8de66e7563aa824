//! What runs say of themselves while their shared store is away: it waits here, in files of this machine, until the store answers.
//!
//! ```text
//! outbox/<run>.begun            a run that has begun meanwhile, with all that it says, in the order in which it came (see `journal`)
//! outbox/<run>.<random>.later   what a run says meanwhile that the store knows: parameters, tags, artifacts, data sets
//! ```
//!
//! Points take the way that they always take (`points::ship`), ends lie below `ends/`, contents of artifacts below `objects/`. The process
//! that wrote a file keeps it locked and sends it (see `delivery`); when it has ended, the next one of this home does.

mod change;
mod delivery;
mod journal;
mod left;
mod of_run;
mod waiting;

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::sync::{Arc, Weak};
use std::time::Duration;

use gradframe_ml_core::{Error, Result};
use gradframe_plan::services::NewRun;
use parking_lot::Mutex;

pub(super) use change::{Change, KeptArtifact};
use delivery::{deliver, is_sent, send_contents};
pub(super) use journal::Journal;
use left::Left;
pub(super) use of_run::RunOutbox;
pub(super) use waiting::Waiting;

use super::postgres::is_away;
use super::run_id::new_run_id;
use super::run_place::RunPlace;
use super::{now_us, run_rows};
use crate::notices;

/// Between tries to reach a store that is away.
const EVERY: Duration = Duration::from_secs(1);

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
        let id = id.unwrap_or_else(|| new_run_id(started_us, self.waiting.newest_begun().as_deref()));
        let params = run.params.clone();
        let begin = Change::Begin { run: Box::new(run), owner: owner.to_owned(), started_us };
        let journal = Journal::create(self.waiting.path(&waiting::begun(&id)), id, params, &begin)?;
        Ok(self.begun(journal, "has begun", why))
    }

    /// Keeps what a run says that the store knows, and has these parameters. Errors: those of [`Journal::keep`].
    fn keep_later(
        self: &Arc<Self>,
        run: &str,
        params: BTreeMap<String, String>,
        change: &Change,
        why: &Error,
    ) -> Result<Arc<Journal>> {
        let journal = Journal::create(self.waiting.path(&waiting::later(run)), run.to_owned(), params, change)?;
        Ok(self.begun(journal, "goes on", why))
    }

    /// Says that a run goes its way without its store, which gets the journal as soon as it answers.
    fn begun(self: &Arc<Self>, journal: Journal, how: &str, why: &Error) -> Arc<Journal> {
        let journal = Arc::new(journal);
        notices::tell(&format!(
            "run {} {how} without its store ({}): what it logs is kept in `{}`, and sent when the store answers",
            journal.run(),
            why.detail().what,
            journal.path().display(),
        ));
        self.watch(Some(&journal));
        journal
    }

    /// Sends a run's journal now, if the store answers. Errors: `External` if it is away; those of what it does not take.
    pub fn send(&self, journal: &Journal) -> Result<()> {
        // Before all else: contents may be large, and who logs something more is not to wait for them.
        if let Some(changes) = journal.changes()
            && !is_sent(&self.place, journal.name())?
        {
            send_contents(&self.place, journal.run(), &changes)?;
        }
        journal.hand_over(|changes| deliver(&self.place, journal.name(), journal.run(), changes).map(|_| ()))
    }

    /// Says where a run is that has ended before its store answered, and has it told as soon as that does.
    fn tell_of_end(self: &Arc<Self>, run: &str, journal: Option<&Journal>) {
        let sends = journal.map_or("says so there".to_owned(), |journal| format!("sends `{}`", journal.path().display()));
        notices::tell(&format!(
            "run {run} has ended, and {} does not know of it yet: the next use of the store from here, such as `gradframe runs ls`, {sends}",
            self.store,
        ));
        self.watch(None);
    }

    /// Before the store is read: sends what waits, of this process and of ended ones. True if nothing waits any more.
    /// Errors: as for [`Outbox::send`]; `Execution` for a file that is damaged.
    pub fn send_all(&self) -> Result<bool> {
        let own = self.open.lock().journals.clone();
        let own_count = own.len();
        // One that the store does not take is not in the way of others; of a store that is away each would wait.
        let mut sent: Vec<Result<bool>> = vec![];
        let own = own.iter().map(|journal| self.send(journal).map(|()| false));
        let names = self.waiting.names();
        let left = names.iter().map(|name| self.send_left(name));
        for result in own.chain(left) {
            let away = result.as_ref().is_err_and(is_away);
            sent.push(result);
            if away {
                break;
            }
        }
        let news = sent.iter().skip(own_count).zip(&names).filter(|(sent, _)| matches!(sent, Ok(true)));
        self.tell_of_news(news.map(|(_, name)| name.as_str()));
        sent.into_iter().try_for_each(|sent| sent.map(|_| ()))?;
        Ok(self.waiting.names().is_empty())
    }

    fn tell_of_news<'n>(&self, names: impl Iterator<Item = &'n str>) {
        let (later, begun): (Vec<&str>, Vec<&str>) = names.partition(|name| waiting::is_later(name));
        let store = &self.store;
        if !begun.is_empty() {
            notices::tell(&format!("{store} now knows of {} run{} that had begun without it", begun.len(), plural(begun.len())));
        }
        if !later.is_empty() {
            notices::tell(&format!("{store} now has what {} run{} said while it was away", later.len(), plural(later.len())));
        }
    }

    /// While it is held, no content is removed that has its place and is named by nothing yet.
    fn hold_contents(&self) -> Result<Option<File>> {
        self.waiting.make()?;
        Ok(self.waiting.contents_lock(File::lock_shared))
    }

    /// While it is held, no content gets its place that is named later. To be taken before the store's write lock.
    pub fn lock_contents(&self) -> Option<File> {
        self.waiting.contents_lock(File::lock)
    }

    /// Hashes of contents that nothing in the store names yet. Errors: `Execution` for a file of which it is not known what it names.
    pub fn contents(&self) -> Result<HashSet<String>> {
        let mut found = HashSet::new();
        for name in self.waiting.names() {
            if let Some(left) = Left::read(&self.waiting.path(&name))? {
                found.extend(left.contents()?.map(str::to_owned));
            }
        }
        Ok(found)
    }

    /// Sends what an ended process has left; false if its process lives, another has sent it, or not all of it could be read.
    fn send_left(&self, name: &str) -> Result<bool> {
        let (path, run) = (self.waiting.path(name), waiting::run_of(name).unwrap_or(name));
        let Some(_locked) = journal::lock_left(&path) else { return Ok(false) };
        let Some(left) = Left::read(&path)? else { return Ok(false) };
        let is_new = match left.changes() {
            Ok([]) => false,
            Ok(changes) => deliver(&self.place, name, run, changes)?,
            // It was damaged after it had been sent.
            Err(_) if is_sent(&self.place, name)? => false,
            Err(error) => return Err(error),
        };
        left.put_away(run);
        Ok(is_new && !left.is_damaged())
    }

    /// From now on the journal is sent as soon as the store answers, and ends of runs are told, by a thread that ends with the last one.
    fn watch(self: &Arc<Self>, journal: Option<&Arc<Journal>>) {
        let mut open = self.open.lock();
        if open.thread_of != Some(std::process::id()) {
            // What the parent has begun, the parent sends.
            open.journals.clear();
            open.thread_of = Some(std::process::id());
            let outbox = Arc::downgrade(self);
            std::thread::spawn(move || send_until_sent(&outbox));
        }
        open.journals.extend(journal.cloned());
    }

    /// Sends what this process has; true if nothing is left.
    fn send_own(&self) -> bool {
        let journals = self.open.lock().journals.clone();
        for journal in &journals {
            if let Err(error) = self.send(journal) {
                tracing::debug!(%error, run = journal.run(), "a run is sent later");
                if is_away(&error) {
                    return false;
                }
            }
        }
        // Of runs that have ended meanwhile.
        self.place.record_ends();
        let mut open = self.open.lock();
        open.journals.retain(|journal| journal.is_waiting());
        // Whoever keeps one more from here on begins another thread.
        let is_done = open.journals.is_empty() && !self.place.has_ends();
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
        if outbox.send_own() {
            return;
        }
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
