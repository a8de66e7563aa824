//! The outbox as one run sees it, which its process writes: what the store cannot be told now.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;

use gradframe_ml_core::{Error, Result};
use parking_lot::Mutex;

use super::{Change, Journal, Outbox};

/// What of a run waits, and where.
#[derive(Debug)]
pub(in super::super) struct RunOutbox {
    run: String,
    outbox: Arc<Outbox>,
    /// The last one, which may have been sent.
    journal: Mutex<Option<Arc<Journal>>>,
    /// What the run's parameters are, as far as they were said here: they never change.
    params: Mutex<BTreeMap<String, String>>,
}

impl RunOutbox {
    /// Of a run that the store knows.
    pub fn new(outbox: Arc<Outbox>, run: String, params: BTreeMap<String, String>) -> Self {
        RunOutbox { run, outbox, journal: Mutex::default(), params: Mutex::new(params) }
    }

    /// Of a run that it has yet to hear of.
    pub fn begun(outbox: Arc<Outbox>, journal: Arc<Journal>, params: BTreeMap<String, String>) -> Self {
        let new = Self::new(outbox, journal.run().to_owned(), params);
        *new.journal.lock() = Some(journal);
        new
    }

    /// Whether what comes next has to wait for what waits already.
    pub fn is_waiting(&self) -> bool {
        self.waiting().is_some()
    }

    fn waiting(&self) -> Option<Arc<Journal>> {
        self.journal.lock().clone().filter(|journal| journal.is_waiting())
    }

    /// Keeps a change behind those that wait; false if none does. Errors: those of [`Journal::keep`].
    pub fn keep_behind(&self, change: &Change) -> Result<bool> {
        let kept = self.waiting().map_or(Ok(false), |journal| journal.keep(change))?;
        if kept {
            self.learn(change);
        }
        Ok(kept)
    }

    /// Keeps a change for a store that is away. Errors: those of [`Journal::keep`].
    pub fn keep(&self, change: &Change, why: &Error) -> Result<()> {
        let mut journal = self.journal.lock();
        let waiting = journal.as_ref().filter(|journal| journal.is_waiting());
        if !waiting.map_or(Ok(false), |journal| journal.keep(change))? {
            let params = self.params.lock().clone();
            *journal = Some(self.outbox.keep_later(&self.run, params, change, why)?);
        }
        self.learn(change);
        Ok(())
    }

    /// Remembers what the store has been told.
    pub fn learn(&self, change: &Change) {
        if let Change::Params(params) = change {
            self.params.lock().extend(params.iter().cloned());
        }
    }

    /// While it is held, contents that get their place are not removed, though nothing names them yet.
    pub fn hold_contents(&self) -> Result<Option<File>> {
        self.outbox.hold_contents()
    }

    /// Sends what waits. Errors: `External` if the store is away; those of what it does not take.
    pub fn send(&self) -> Result<()> {
        self.waiting().map_or(Ok(()), |journal| self.outbox.send(&journal))
    }

    /// Says that the run has ended before its store could be told, and has that done as soon as it answers.
    pub fn ended(&self) {
        self.outbox.tell_of_end(&self.run, self.waiting().as_deref());
    }
}
