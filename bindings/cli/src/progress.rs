//! Progress on a terminal: a line for scans, a line for training. Elsewhere nothing is drawn.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gradframe::ScanProgress;
use gradframe::progress::{Progress, TrainingProgress};
use tokio::task::JoinHandle;

use crate::status::{self, ScanLine, bar, short_number, short_time};

/// Queries shorter than this are not worth a line.
const PATIENCE: Duration = Duration::from_millis(500);
const REFRESH: Duration = Duration::from_millis(100);

/// Draws the rows read so far while a query runs; gone when dropped.
pub struct ScanBar {
    _line: ScanLine,
    task: Option<JoinHandle<()>>,
}

impl ScanBar {
    /// Starts to draw after a moment, if standard error is a terminal and not to be quiet.
    pub fn watch(progress: ScanProgress, quiet: bool) -> Self {
        let line = ScanLine::new();
        let task = (!quiet && std::io::stderr().is_terminal()).then(|| tokio::spawn(draw(line.number(), progress)));
        ScanBar { _line: line, task }
    }
}

impl Drop for ScanBar {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn draw(scan: u64, progress: ScanProgress) {
    let started = Instant::now();
    tokio::time::sleep(PATIENCE).await;
    let total = progress.rows_total();
    loop {
        ScanLine::show(scan, || scanning(progress.rows_read(), total, started.elapsed().as_secs_f64()));
        tokio::time::sleep(REFRESH).await;
    }
}

/// `━━━━━━────── 50%  3.0 M of 6.0 M rows, 1.5 M rows/s, 2 s left`
fn scanning(rows: u64, total: Option<u64>, seconds: f64) -> String {
    let (rows, speed) = (rows as f64, rows as f64 / seconds.max(f64::MIN_POSITIVE));
    match total.map(|total| total as f64).filter(|total| *total >= rows && *total > 0.0) {
        Some(total) => {
            let left = if speed > 0.0 { format!(", {} left", short_time((total - rows) / speed)) } else { String::new() };
            let (done, of) = (short_number(rows), short_number(total));
            format!("{}  {done} of {of} rows, {} rows/s{left}", bar(rows / total), short_number(speed))
        }
        None => format!("{} rows read, {} rows/s, {}", short_number(rows), short_number(speed), short_time(seconds)),
    }
}

/// One line that follows a training.
#[derive(Debug)]
pub struct TrainingBar;

impl TrainingBar {
    /// The bar in the form in which a session takes it.
    pub fn shared() -> Arc<dyn Progress> {
        Arc::new(TrainingBar)
    }
}

impl Progress for TrainingBar {
    fn reading(&self, model: &str, rows: u64) {
        status::show(|| format!("{model}: {} training rows read", short_number(rows as f64)));
    }

    fn training(&self, model: &str, at: &TrainingProgress) {
        status::show(|| training(model, at));
    }

    fn trained(&self, _model: &str) {
        status::clear();
    }
}

/// `━━━━━━────── 50%  taxi: epoch 5 of 10, loss 0.123456, evaluation 0.130000, 120.0 k rows/s, 12 s left`
fn training(model: &str, at: &TrainingProgress) -> String {
    let evaluation = at.step.eval_loss.map(|loss| format!(", evaluation {loss:.6}")).unwrap_or_default();
    let left = at.seconds_left.map(|seconds| format!(", {} left", short_time(seconds))).unwrap_or_default();
    let speed = format!("loss {:.6}{evaluation}, {} rows/s{left}", at.step.loss, short_number(at.rows_per_second));
    match at.epochs_max.filter(|max| *max > 0) {
        Some(max) => format!("{}  {model}: epoch {} of {max}, {speed}", bar(at.epochs_done / max as f64), at.step.epoch),
        None => format!("{model}: epoch {}, {speed}", at.step.epoch),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scans_say_what_is_left_where_it_is_known() {
        let known = scanning(3_000_000, Some(6_000_000), 2.0);
        assert!(known.ends_with(" 50%  3.0 M of 6.0 M rows, 1.5 M rows/s, 2 s left"), "{known}");
        assert_eq!(scanning(20_000, None, 2.0), "20.0 k rows read, 10.0 k rows/s, 2 s");
        // Statistics are estimates: more rows than they say are no reason to stop counting.
        assert_eq!(scanning(20_000, Some(10), 2.0), "20.0 k rows read, 10.0 k rows/s, 2 s");
    }
}
