//! Threads that stand by for the whole of a run: a kernel's work is theirs a moment after it is there.
//!
//! A thread that sleeps takes 50 µs and more to wake, as long as many a kernel. So a run wakes its helpers once, they wait
//! busily between kernels, and go back to their pool when nothing came for a while; the next large kernel calls them anew.

use std::any::Any;
use std::cell::UnsafeCell;
use std::hint;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

/// Looks at the state between two looks at the clock.
const SPINS: u32 = 200;
/// From here on a helper lets others have the processor between two looks.
const POLITE_AFTER: Duration = Duration::from_micros(30);
/// How long a helper stands by without work.
const PATIENCE: Duration = Duration::from_micros(500);
/// How long a helper stays with one run before its pool may give it to another.
const STINT: Duration = Duration::from_millis(50);

/// The state: the number of the work, whether it may be entered, and how many helpers are inside.
const INSIDE: u64 = (1 << 16) - 1;
const OPEN: u64 = 1 << 16;
const NEXT: u64 = 1 << 17;

/// Of a thread's number: 0 is the run's own.
type Work = *const (dyn Fn(usize) + Sync);

/// Where a run's thread and its helpers meet.
pub struct Crew {
    state: AtomicU64,
    work: UnsafeCell<Option<Work>>,
    called: AtomicUsize,
    is_over: AtomicBool,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

// SAFETY: `work` is written by the run's thread alone, while no helper is inside and none can enter.
unsafe impl Sync for Crew {}

impl Crew {
    /// No helpers yet.
    pub fn new() -> Self {
        Crew {
            state: AtomicU64::new(0),
            work: UnsafeCell::new(None),
            called: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
            panic: Mutex::new(None),
        }
    }

    /// Helpers that were called and have not gone again.
    pub fn called(&self) -> usize {
        self.called.load(SeqCst)
    }

    /// Counts a helper that is on its way to [`Crew::help`]; its number.
    pub fn call(&self) -> usize {
        self.called.fetch_add(1, SeqCst) + 1
    }

    /// Does `work` on this thread and on every helper that stands by, each with its number. It returns on each when nothing is left to
    /// do; this returns when all have. Only one thread, the run's, calls this.
    pub fn all_hands(&self, work: &(dyn Fn(usize) + Sync)) {
        // SAFETY: only the lifetime is forgotten; `Closing` waits for all helpers before `work` ends.
        let work_of_any_life: Work = unsafe { std::mem::transmute(work as *const (dyn Fn(usize) + Sync + '_)) };
        // SAFETY: the work before is closed and left by all, so nobody reads.
        unsafe { *self.work.get() = Some(work_of_any_life) };
        self.state.fetch_add(NEXT | OPEN, SeqCst);
        let closing = Closing(self);
        work(0);
        drop(closing);
        let panicked = self.panic.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        if let Some(panic) = panicked {
            std::panic::resume_unwind(panic);
        }
    }

    /// What the helper of this number does until the run is over, or nothing came for a while.
    pub fn help(&self, number: usize) {
        let (mut seen, came) = (0, Instant::now());
        while let Some(work) = self.entered(&mut seen) {
            // SAFETY: the run's thread waits for this helper to leave before the work's life ends.
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| unsafe { (*work)(number) }));
            if let Err(panic) = done {
                *self.panic.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(panic);
            }
            self.state.fetch_sub(1, SeqCst);
            if came.elapsed() > STINT {
                break;
            }
        }
        self.called.fetch_sub(1, SeqCst);
    }

    /// The next work, entered; None when it is time to go.
    fn entered(&self, seen: &mut u64) -> Option<Work> {
        let start = Instant::now();
        loop {
            for _ in 0..SPINS {
                let state = self.state.load(SeqCst);
                let is_new = state & OPEN != 0 && state / NEXT != *seen;
                if is_new && self.state.compare_exchange(state, state + 1, SeqCst, SeqCst).is_ok() {
                    *seen = state / NEXT;
                    // SAFETY: the work is open and this helper inside: it is written and stays until it leaves.
                    return unsafe { *self.work.get() };
                }
                if self.is_over.load(SeqCst) {
                    return None;
                }
                hint::spin_loop();
            }
            match start.elapsed() {
                waited if waited > PATIENCE => return None,
                waited if waited > POLITE_AFTER => thread::yield_now(),
                _ => {}
            }
        }
    }

    /// Sends the helpers home.
    pub fn dismiss(&self) {
        self.is_over.store(true, SeqCst);
    }
}

/// Lets no helper enter any more, and waits for those inside; also when the run's own part panics.
struct Closing<'a>(&'a Crew);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.state.fetch_and(!OPEN, SeqCst);
        let mut looks = 0u32;
        while self.0.state.load(SeqCst) & INSIDE != 0 {
            looks += 1;
            if looks.is_multiple_of(SPINS) { thread::yield_now() } else { hint::spin_loop() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls `run` with a crew of `helpers` threads.
    fn with_crew(helpers: usize, run: impl FnOnce(&Crew)) {
        let crew = Crew::new();
        thread::scope(|scope| {
            for _ in 0..helpers {
                let number = crew.call();
                let crew = &crew;
                scope.spawn(move || crew.help(number));
            }
            run(&crew);
            crew.dismiss();
        });
    }

    #[test]
    fn each_piece_of_work_is_done_once_whoever_does_it() {
        for helpers in [0, 1, 3] {
            with_crew(helpers, |crew| {
                for round in 0..2000u64 {
                    let (next, sum) = (AtomicU64::new(0), AtomicU64::new(0));
                    crew.all_hands(&|_| {
                        loop {
                            let piece = next.fetch_add(1, SeqCst);
                            if piece >= 20 {
                                return;
                            }
                            sum.fetch_add(piece + round, SeqCst);
                        }
                    });
                    assert_eq!(sum.into_inner(), 190 + 20 * round);
                }
            });
        }
    }

    #[test]
    fn a_panic_of_a_helper_reaches_the_run_and_nobody_hangs() {
        with_crew(1, |crew| {
            let leader = thread::current().id();
            let was_helped = AtomicBool::new(false);
            let work = |_: usize| {
                if thread::current().id() != leader {
                    was_helped.store(true, SeqCst);
                    panic!("a helper's");
                }
                let start = Instant::now();
                while !was_helped.load(SeqCst) && start.elapsed() < PATIENCE {
                    hint::spin_loop();
                }
            };
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| crew.all_hands(&work)));
            assert_eq!(result.is_err(), was_helped.load(SeqCst));
            crew.all_hands(&|_| {}); // and the crew works on
        });
    }
}
