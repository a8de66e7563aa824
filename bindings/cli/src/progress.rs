//! Progress on a terminal: a bar for scans, a line for training. Elsewhere nothing is drawn.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use gradframe::ScanProgress;
use gradframe::progress::{Progress, TrainingProgress};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

/// Queries shorter than this are not worth a bar.
const PATIENCE: Duration = Duration::from_millis(500);
const REFRESH: Duration = Duration::from_millis(100);

/// Draws the rows read so far while a query runs; gone when dropped.
pub struct ScanBar {
    line: ProgressBar,
    task: Option<JoinHandle<()>>,
}

impl ScanBar {
    /// Starts to draw after a moment, if standard error is a terminal and not to be quiet.
    pub fn watch(progress: ScanProgress, quiet: bool) -> Self {
        let line = hidden_bar();
        let task = (!quiet && std::io::stderr().is_terminal()).then(|| tokio::spawn(draw(line.clone(), progress)));
        ScanBar { line, task }
    }
}

impl Drop for ScanBar {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
        self.line.finish_and_clear();
    }
}

async fn draw(line: ProgressBar, progress: ScanProgress) {
    tokio::time::sleep(PATIENCE).await;
    line.set_draw_target(ProgressDrawTarget::stderr());
    if let Some(total) = progress.rows_total() {
        line.set_length(total);
        line.set_style(style("{bar:30} {percent}% {human_pos}/{human_len} rows, {per_sec}, {eta} left"));
    } else {
        line.set_style(style("{spinner} {human_pos} rows, {per_sec}, {elapsed}"));
    }
    loop {
        line.set_position(progress.rows_read());
        tokio::time::sleep(REFRESH).await;
    }
}

/// One line that follows a training.
#[derive(Debug)]
pub struct TrainingBar(ProgressBar);

impl TrainingBar {
    /// The bar in the form in which a session takes it.
    pub fn shared() -> Arc<dyn Progress> {
        Arc::new(TrainingBar(hidden_bar()))
    }

    fn show(&self, template: &str) {
        if self.0.is_hidden() {
            self.0.reset();
            self.0.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.0.set_style(style(template));
    }
}

impl Progress for TrainingBar {
    fn reading(&self, model: &str, rows: u64) {
        self.show("{spinner} {msg}, {elapsed}");
        self.0.set_message(format!("{model}: {rows} training rows read"));
    }

    fn training(&self, model: &str, at: &TrainingProgress) {
        self.show("{bar:30} {pos}/{len} epochs, {msg}, {elapsed}");
        self.0.set_length(at.epochs_max.unwrap_or(at.step.epoch + 1));
        self.0.set_position(at.step.epoch);
        self.0.set_message(format!("{model}: loss {:.6}, {:.0} rows/s", at.step.loss, at.rows_per_second));
    }

    fn trained(&self, _model: &str) {
        self.0.finish_and_clear();
        self.0.set_draw_target(ProgressDrawTarget::hidden());
    }
}

fn hidden_bar() -> ProgressBar {
    ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden())
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
