//! Work split over threads. How it is split never changes a result.

use gradframe_ml_core::Result;
use rayon::prelude::*;

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

/// Calls `work` with the number and the elements of each piece of `length` elements.
pub fn for_each_chunk<T: Send>(
    threads: Threads,
    data: &mut [T],
    length: usize,
    work: impl Fn(usize, &mut [T]) -> Result<()> + Sync + Send,
) -> Result<()> {
    let length = length.max(1);
    if threads == Threads::One || data.len() <= length {
        return data.chunks_mut(length).enumerate().try_for_each(|(i, piece)| work(i, piece));
    }
    data.par_chunks_mut(length).enumerate().try_for_each(|(i, piece)| work(i, piece))
}

/// Calls `work` for each task.
pub fn for_each<T: Send>(threads: Threads, tasks: Vec<T>, work: impl Fn(T) -> Result<()> + Sync + Send) -> Result<()> {
    if threads == Threads::One || tasks.len() <= 1 {
        return tasks.into_iter().try_for_each(work);
    }
    tasks.into_par_iter().try_for_each(work)
}

/// As [`for_each`], where each thread makes something once that its tasks then share.
pub fn for_each_with<T: Send, S>(
    threads: Threads,
    tasks: Vec<T>,
    make: impl Fn() -> S + Sync + Send,
    work: impl Fn(&mut S, T) -> Result<()> + Sync + Send,
) -> Result<()> {
    if threads == Threads::One || tasks.len() <= 1 {
        let mut shared = make();
        return tasks.into_iter().try_for_each(|task| work(&mut shared, task));
    }
    tasks.into_par_iter().try_for_each_init(make, work)
}

/// How many of `count` equal pieces of work a task takes: at least `least`, and a few tasks a thread.
pub fn share(threads: Threads, count: usize, least: usize) -> usize {
    const TASKS_PER_THREAD: usize = 4;
    let tasks = if threads == Threads::One { 1 } else { TASKS_PER_THREAD * rayon::current_num_threads() };
    count.div_ceil(tasks).max(least).max(1)
}
