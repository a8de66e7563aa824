//! What was made of texts, for equal ones of the same query.
//!
//! Whoever meets a text first says that it is under way; the others wait for that, after they have computed what is theirs. So nobody
//! waits for a text that nobody computes, and no two wait for each other.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use datafusion::execution::TaskContext;
use gradframe_ml_core::Result;

use super::answer::Answer;
use super::inputs::{Texts, key};
use super::worker::go_on;
use crate::memory::Memory;

/// Bytes that are kept, at most; also no more than the session's memory gives.
const BYTES_MAX: usize = 32 << 20;
/// What an entry takes beside its text and values: two allocations' heads, the answer, its place in the table.
const ENTRY_BYTES: usize = 160;
/// How often who waits looks whether its query still wants it.
const LOOK: Duration = Duration::from_millis(50);

/// Answers by their texts, shared by the operators of a query that ask the same of the same model.
#[derive(Debug)]
pub struct Known {
    entries: Mutex<HashMap<Box<str>, Entry>>,
    changed: Condvar,
    memory: Memory,
}

#[derive(Debug)]
enum Entry {
    UnderWay,
    Done(Arc<Answer>),
}

/// Who answers a text.
pub enum Claim {
    /// It is answered.
    Known(Arc<Answer>),
    /// Who asks.
    Own,
    /// Somebody else.
    Other,
}

impl Known {
    pub fn new(op: &'static str, context: &TaskContext) -> Self {
        Known { entries: Mutex::default(), changed: Condvar::new(), memory: Memory::new(op, context) }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Box<str>, Entry>> {
        self.entries.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Says that who asks will answer, if nobody has or will. What is claimed is to be given to [`Claims`].
    pub fn claim(&self, texts: Texts) -> Claim {
        let (mut entries, text) = (self.entries(), key(texts));
        match entries.get(&*text) {
            Some(Entry::Done(answer)) => Claim::Known(Arc::clone(answer)),
            Some(Entry::UnderWay) => Claim::Other,
            None => {
                entries.insert(text.into_owned().into(), Entry::UnderWay);
                Claim::Own
            }
        }
    }

    /// Keeps an answer, if there is room; else the text is nobody's again.
    fn answer(&self, texts: Texts, answer: &Arc<Answer>) {
        let text = key(texts);
        let bytes = text.len() + answer.bytes() + ENTRY_BYTES;
        let has_room = self.memory.bytes() + bytes <= BYTES_MAX && self.memory.try_grow(bytes);
        let mut entries = self.entries();
        match entries.get_mut(&*text) {
            Some(entry) if has_room => *entry = Entry::Done(Arc::clone(answer)),
            _ => drop(entries.remove(&*text)),
        }
    }

    /// Waits for the answer of somebody else; None if there is none, or no room to keep it. Errors: `Cancelled`.
    pub fn wait(&self, texts: Texts, stop: &AtomicBool) -> Result<Option<Arc<Answer>>> {
        let text = key(texts);
        let mut entries = self.entries();
        loop {
            match entries.get(&*text) {
                Some(Entry::Done(answer)) => return Ok(Some(Arc::clone(answer))),
                None => return Ok(None),
                Some(Entry::UnderWay) => go_on(stop)?,
            }
            let (again, _) = self.changed.wait_timeout(entries, LOOK).unwrap_or_else(|poisoned| poisoned.into_inner());
            entries = again;
        }
    }
}

/// Texts that somebody has claimed: nobody's again when this goes, but for those that are answered.
pub struct Claims<'k, 't> {
    known: &'k Known,
    texts: Vec<Texts<'t>>,
}

impl<'k, 't> Claims<'k, 't> {
    pub fn new(known: &'k Known) -> Self {
        Claims { known, texts: Vec::new() }
    }

    pub fn push(&mut self, texts: Texts<'t>) {
        self.texts.push(texts);
    }

    pub fn texts(&self) -> &[Texts<'t>] {
        &self.texts
    }

    /// The answers, in the order of the texts, for all who wait.
    pub fn answered(mut self, answers: &[Arc<Answer>]) {
        self.texts.drain(..).zip(answers).for_each(|(texts, answer)| self.known.answer(texts, answer));
    }
}

impl Drop for Claims<'_, '_> {
    fn drop(&mut self) {
        let mut entries = self.known.entries();
        self.texts.iter().for_each(|texts| drop(entries.remove(&*key(*texts))));
        drop(entries);
        self.known.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_gets_what_another_makes_or_may_make_it_itself() {
        let known = Known::new("test", &TaskContext::default());
        let never = AtomicBool::new(false);
        for succeeds in [false, true] {
            let mut claims = Claims::new(&known);
            assert!(matches!(known.claim(("a", None)), Claim::Own));
            claims.push(("a", None));
            std::thread::scope(|scope| {
                let other = scope.spawn(|| match known.claim(("a", None)) {
                    Claim::Other => known.wait(("a", None), &never).unwrap(),
                    _ => panic!("is not under way"),
                });
                std::thread::sleep(Duration::from_millis(20));
                match succeeds {
                    true => claims.answered(&[Arc::new(Answer::Failed("x".into()))]),
                    false => drop(claims),
                }
                assert_eq!(other.join().unwrap().is_some(), succeeds);
            });
        }
        assert!(matches!(known.claim(("a", None)), Claim::Known(_)));
        assert!(matches!(known.claim(("b", None)), Claim::Own));
        assert!(known.wait(("b", None), &AtomicBool::new(true)).is_err(), "who is not wanted any more waits no longer");
    }
}
