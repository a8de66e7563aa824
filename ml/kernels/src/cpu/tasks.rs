//! Work split over threads. How it is split never changes a result.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use gradframe_ml_core::{Error, Result};
use rayon::prelude::*;

use super::crew::Crew;

/// Bytes of memory traffic below which work is not worth another task.
pub const TASK_BYTES_MIN: usize = 64 * 1024;

/// Who does the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Threads {
    /// The calling thread alone: for callers that run several programs side by side.
    One,
    /// The threads of the current rayon pool.
    #[default]
    Pool,
}

/// Who does the work of one run.
#[derive(Clone, Copy)]
pub enum Workers<'a> {
    /// The calling thread alone.
    One,
    /// The threads of the current rayon pool, each woken for each kernel.
    Pool,
    /// Threads of the pool that stand by; the second calls them again when they have gone.
    Crew(&'a Crew, &'a (dyn Fn() + Sync)),
}

/// Calls `run` with the workers of a whole run, on this thread: waking one of the pool to go on there, and this one again at the end,
/// would take longer than many a program. A thread of the pool itself brings no crew: others of its kind may be busy with programs of
/// their own.
pub fn with_workers<R>(threads: Threads, run: impl FnOnce(Workers) -> R) -> R {
    if threads == Threads::One || rayon::current_num_threads() < 2 {
        return run(Workers::One);
    }
    if rayon::current_thread_index().is_some() {
        return run(Workers::Pool);
    }
    let crew = Crew::new();
    rayon::in_place_scope(|scope| {
        let helpers = rayon::current_num_threads() - 1;
        let call = || {
            for _ in crew.called()..helpers {
                let (crew, number) = (&crew, crew.call());
                scope.spawn(move |_| crew.help(number));
            }
        };
        let _dismissed = Dismissed(&crew);
        run(Workers::Crew(&crew, &call))
    })
}

/// Sends a crew home at the end of a run, however it ends.
struct Dismissed<'a>(&'a Crew);

impl Drop for Dismissed<'_> {
    fn drop(&mut self) {
        self.0.dismiss();
    }
}

/// Calls `work` with the number and the elements of each piece of `length` elements.
pub fn for_each_chunk<T: Send>(
    workers: Workers,
    data: &mut [T],
    length: usize,
    work: impl Fn(usize, &mut [T]) -> Result<()> + Sync + Send,
) -> Result<()> {
    let length = length.max(1);
    match workers {
        _ if data.len() <= length => data.chunks_mut(length).enumerate().try_for_each(|(i, piece)| work(i, piece)),
        Workers::One => data.chunks_mut(length).enumerate().try_for_each(|(i, piece)| work(i, piece)),
        Workers::Pool => data.par_chunks_mut(length).enumerate().try_for_each(|(i, piece)| work(i, piece)),
        Workers::Crew(..) => for_each(workers, data.chunks_mut(length).enumerate().collect(), |(i, piece)| work(i, piece)),
    }
}

/// Calls `work` for each task.
pub fn for_each<T: Send>(workers: Workers, tasks: Vec<T>, work: impl Fn(T) -> Result<()> + Sync + Send) -> Result<()> {
    for_each_with(workers, tasks, || (), |(), task| work(task))
}

/// As [`for_each`], where each thread makes something once that its tasks then share.
pub fn for_each_with<T: Send, S>(
    workers: Workers,
    tasks: Vec<T>,
    make: impl Fn() -> S + Sync + Send,
    work: impl Fn(&mut S, T) -> Result<()> + Sync + Send,
) -> Result<()> {
    match workers {
        Workers::Pool if tasks.len() > 1 => tasks.into_par_iter().try_for_each_init(make, work),
        Workers::Crew(crew, call) if tasks.len() > 1 => by_crew(crew, call, tasks, make, work),
        _ => {
            let mut shared = make();
            tasks.into_iter().try_for_each(|task| work(&mut shared, task))
        }
    }
}

/// Each thread of the crew has a share of the tasks, the same one in every kernel with as many: what it wrote in one step
/// of a training is in its own cache in the next. Who is done helps the others. The first error ends the work.
fn by_crew<T: Send, S>(
    crew: &Crew,
    call: &(dyn Fn() + Sync),
    tasks: Vec<T>,
    make: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, T) -> Result<()> + Sync,
) -> Result<()> {
    call();
    let threads = rayon::current_num_threads();
    let bound = |share: usize| tasks.len() * share / threads;
    let next: Vec<AtomicUsize> = (0..threads).map(|share| AtomicUsize::new(bound(share))).collect();
    let ends: Vec<usize> = (1..=threads).map(bound).collect();
    let tasks: Vec<Mutex<Option<T>>> = tasks.into_iter().map(|task| Mutex::new(Some(task))).collect();
    let taken = |share: usize| {
        let task = tasks[..ends[share]].get(next[share].fetch_add(1, Relaxed))?;
        task.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take()
    };
    let (has_failed, error) = (AtomicBool::new(false), Mutex::new(None::<Error>));
    crew.all_hands(&|home| {
        let mut shared = None;
        for share in (0..threads).map(|away| (home + away) % threads) {
            while let (false, Some(task)) = (has_failed.load(Relaxed), taken(share)) {
                if let Err(failure) = work(shared.get_or_insert_with(&make), task) {
                    has_failed.store(true, Relaxed);
                    error.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).get_or_insert(failure);
                }
            }
        }
    });
    let failure = error.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    failure.map_or(Ok(()), Err)
}

/// How many of `count` equal pieces of work a task takes: at least `least`, and a few tasks a thread.
pub fn share(workers: Workers, count: usize, least: usize) -> usize {
    const TASKS_PER_THREAD: usize = 4;
    let tasks = if matches!(workers, Workers::One) { 1 } else { TASKS_PER_THREAD * rayon::current_num_threads() };
    count.div_ceil(tasks).max(least).max(1)
}

/// How many tasks `count` equal pieces of work are, of which each takes about so many: where there are several, as many for each thread, so that
/// each has the same share of every kernel.
pub fn even(workers: Workers, count: usize, each: usize) -> usize {
    let tasks = count.div_ceil(each);
    match workers {
        Workers::One => tasks,
        _ if tasks < 2 => tasks,
        _ => tasks.next_multiple_of(rayon::current_num_threads()).min(count),
    }
}
