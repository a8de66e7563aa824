//! Runs under way at once: a few, so that one's copies go over the bus while another's kernels run.

use gradframe_ml_core::{Error, Result};
use parking_lot::{Condvar, Mutex};

/// One whose arguments come, one that computes, and one whose results go.
const RUNS_MAX: usize = 3;

/// Who may run.
#[derive(Debug, Default)]
pub struct Turns {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    /// All that have begun.
    begun: u64,
    /// Whether one waits for the others to end, or runs by itself.
    is_closed: bool,
}

/// A run that is under way.
struct Turn<'a> {
    turns: &'a Turns,
    /// How many ran already, and how many had begun with this one.
    others: usize,
    begun: u64,
    has_closed: bool,
}

impl Turns {
    /// Runs `work` beside others; once more by itself, if it was short of memory that others may have held.
    /// Errors: those of `work`.
    pub fn run<T>(&self, work: impl Fn() -> Result<T>) -> Result<T> {
        let turn = self.beside_others();
        let result = work();
        let had_others = turn.had_others();
        drop(turn);
        match result {
            Err(Error::Resources(_)) if had_others => {
                let _turn = self.by_itself();
                work()
            }
            result => result,
        }
    }

    fn beside_others(&self) -> Turn<'_> {
        let mut state = self.state.lock();
        self.changed.wait_while(&mut state, |state| state.is_closed || state.running >= RUNS_MAX);
        self.begin(&mut state, false)
    }

    fn by_itself(&self) -> Turn<'_> {
        let mut state = self.state.lock();
        self.changed.wait_while(&mut state, |state| state.is_closed);
        state.is_closed = true;
        self.changed.wait_while(&mut state, |state| state.running > 0);
        self.begin(&mut state, true)
    }

    fn begin(&self, state: &mut State, has_closed: bool) -> Turn<'_> {
        let others = state.running;
        state.running += 1;
        state.begun += 1;
        Turn { turns: self, others, begun: state.begun, has_closed }
    }
}

impl Turn<'_> {
    fn had_others(&self) -> bool {
        self.others > 0 || self.turns.state.lock().begun > self.begun
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.turns.state.lock();
        state.running -= 1;
        state.is_closed &= !self.has_closed;
        self.turns.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;

    /// How many run at once, and the most that did.
    #[derive(Default)]
    struct Watched {
        now: AtomicUsize,
        most: AtomicUsize,
    }

    impl Watched {
        fn work<T>(&self, result: impl FnOnce(usize) -> T) -> T {
            let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(2));
            let result = result(self.now.load(Ordering::SeqCst));
            self.now.fetch_sub(1, Ordering::SeqCst);
            result
        }
    }

    #[test]
    fn few_run_at_once() {
        let (turns, watched) = (Turns::default(), Watched::default());
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| turns.run(|| watched.work(|_| Ok(()))).unwrap());
            }
        });
        let most = watched.most.load(Ordering::SeqCst);
        assert!(most > 1 && most <= RUNS_MAX, "{most}");
    }

    #[test]
    fn what_is_short_beside_others_runs_by_itself() {
        let (turns, watched) = (Turns::default(), Watched::default());
        let short = |others: usize| if others > 1 { Err(Error::resources("test", "short")) } else { Ok(()) };
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| turns.run(|| watched.work(short)).unwrap());
            }
        });
    }

    #[test]
    fn what_is_short_by_itself_is_an_error_at_once() {
        let (turns, calls) = (Turns::default(), AtomicUsize::new(0));
        let result = turns.run(|| -> Result<()> {
            calls.fetch_add(1, Ordering::SeqCst);
            Err(Error::resources("test", "short"))
        });
        assert_eq!((result.unwrap_err().kind(), calls.load(Ordering::SeqCst)), ("Resources", 1));
        assert!(turns.run(|| Ok(())).is_ok());
    }
}
