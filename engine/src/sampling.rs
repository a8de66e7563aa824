//! Resource use over time, as metrics `system/...` of the runs that go on in this process.
//!
//! One thread samples for all of them. It is started with the first such run and ends after the last one.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use gradframe_connectors::surroundings::Usage;
use gradframe_plan::services::{MetricRow, RunWriter};
use parking_lot::{Condvar, Mutex};

/// How long a run waits for its place in the list before it does without: a process that was forked in an unlucky moment has a
/// lock that nobody opens.
const PATIENCE: Duration = Duration::from_millis(200);
/// Looking costs a few files: not more often.
const EVERY_MIN: Duration = Duration::from_millis(10);

static SAMPLER: Mutex<Sampler> = Mutex::new(Sampler { process_id: 0, runs: vec![] });
static ONE_MORE: Condvar = Condvar::new();

/// Who is sampled.
struct Sampler {
    /// Whose thread it is: a forked child has the list, not the thread. 0 if there is none.
    process_id: u32,
    runs: Vec<Sampled>,
}

struct Sampled {
    /// A run that nobody else holds any more has ended.
    run: Weak<dyn RunWriter>,
    every: Duration,
    due: Instant,
    before: Usage,
    /// Samples so far.
    step: i64,
}

/// Samples from now on, until the run has ended; nothing where the system does not say what is used.
pub(crate) fn watch(run: &Arc<dyn RunWriter>, every: Duration) {
    let every = every.max(EVERY_MIN);
    let Some(before) = Usage::now() else { return };
    let Some(due) = Instant::now().checked_add(every) else { return };
    let Some(mut sampler) = SAMPLER.try_lock_for(PATIENCE) else { return };
    if sampler.process_id != std::process::id() {
        sampler.runs.clear();
        match std::thread::Builder::new().name("gradframe-usage".into()).spawn(sample) {
            Ok(_) => sampler.process_id = std::process::id(),
            // No thread to be had: the run itself does not need one.
            Err(_) => return,
        }
    }
    sampler.runs.push(Sampled { run: Arc::downgrade(run), every, due, before, step: 0 });
    ONE_MORE.notify_one();
}

/// The thread.
fn sample() {
    let mut sampler = SAMPLER.lock();
    loop {
        sampler.runs.retain(|sampled| sampled.run.strong_count() > 0);
        let Some(next) = sampler.runs.iter().map(|sampled| sampled.due).min() else {
            sampler.process_id = 0;
            return;
        };
        if !ONE_MORE.wait_until(&mut sampler, next).timed_out() {
            continue;
        }
        let due = take_due(&mut sampler.runs, Instant::now());
        // Logging may wait for a disk; who begins a run meanwhile does not.
        drop(sampler);
        let going_on: Vec<Sampled> = due.into_iter().filter_map(log).collect();
        sampler = SAMPLER.lock();
        sampler.runs.extend(going_on);
    }
}

fn take_due(runs: &mut Vec<Sampled>, now: Instant) -> Vec<Sampled> {
    runs.extract_if(.., |sampled| sampled.due <= now).collect()
}

/// Logs a sample; None if the run takes no more.
fn log(mut sampled: Sampled) -> Option<Sampled> {
    let run = sampled.run.upgrade()?;
    let now = Usage::now()?;
    let values = now.since(&sampled.before);
    let row = MetricRow { step: sampled.step, epoch: None, time_us: None, values: &values };
    // It has ended, or the disk is full, which its own logging says.
    run.log_rows(&[row]).ok()?;
    (sampled.before, sampled.step) = (now, sampled.step + 1);
    sampled.due = Instant::now().checked_add(sampled.every)?;
    Some(sampled)
}
