//! What long work says of itself while a call of Python's waits for it.
//!
//! The engine tells from its own threads; the thread that waits draws, since it alone may take the interpreter lock.
//! How a line is drawn, on a terminal or in a notebook, is `gradframe/_progress.py`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gradframe::ScanProgress;
use gradframe::progress::{Progress, TrainingProgress};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

/// Between two drawings of it.
const REFRESH: Duration = Duration::from_millis(100);

/// Whether someone looks: standard error is a terminal, or this is a notebook.
pub fn wanted(py: Python<'_>) -> PyResult<bool> {
    py.import("gradframe._progress")?.getattr("wanted")?.call0()?.extract()
}

/// The trainings under way, by their models' names.
static TRAININGS: Mutex<BTreeMap<String, Line>> = Mutex::new(BTreeMap::new());

/// One thread draws; two would overwrite each other's line.
static DRAWING: AtomicBool = AtomicBool::new(false);

/// How far something is.
#[derive(Debug, Clone, PartialEq)]
struct Line {
    text: String,
    done: u64,
    total: Option<u64>,
}

/// Keeps the state of trainings, for whoever waits.
#[derive(Debug)]
pub struct TrainingLines;

impl TrainingLines {
    /// In the form in which a session takes it.
    pub fn shared() -> Arc<dyn Progress> {
        Arc::new(TrainingLines)
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, Line>)) {
        if let Ok(mut lines) = TRAININGS.lock() {
            change(&mut lines);
        }
    }
}

impl Progress for TrainingLines {
    fn reading(&self, model: &str, rows: u64) {
        let line = Line { text: format!("{model}: training rows read"), done: rows, total: None };
        self.change(|lines| drop(lines.insert(model.to_owned(), line)));
    }

    fn training(&self, model: &str, at: &TrainingProgress) {
        let text = format!("{model}: epochs, loss {:.6}, {:.0} rows/s", at.step.loss, at.rows_per_second);
        let line = Line { text, done: at.step.epoch, total: at.epochs_max };
        self.change(|lines| drop(lines.insert(model.to_owned(), line)));
    }

    fn trained(&self, model: &str) {
        self.change(|lines| drop(lines.remove(model)));
    }
}

/// The scans of one running query, once it is planned.
#[derive(Clone, Default)]
pub struct Scans(Arc<Mutex<Option<ScanProgress>>>);

impl Scans {
    /// Where the engine tells of its scans.
    pub fn watch(&self, progress: ScanProgress) {
        if let Ok(mut place) = self.0.lock() {
            *place = Some(progress);
        }
    }

    fn line(&self) -> Option<Line> {
        let scans = self.0.lock().ok()?;
        let scans = scans.as_ref()?;
        Some(Line { text: "rows read".to_owned(), done: scans.rows_read(), total: scans.rows_total() })
    }
}

/// Draws from time to time while a call waits; what was drawn goes away with it.
pub struct Artist {
    scans: Option<Scans>,
    started: Instant,
    /// When the first line is due; shorter work is not worth one. Known once the waiting has begun.
    due: Option<Instant>,
    drawn: Option<Instant>,
    /// After an error of the drawing, which is no reason to fail the query.
    gave_up: bool,
}

impl Artist {
    /// For a call that waits for these scans, or for a training alone.
    pub fn new(scans: Option<Scans>) -> Self {
        Artist { scans, started: Instant::now(), due: None, drawn: None, gave_up: false }
    }

    /// Draws, if it is time to and there is something to tell. Fails when it is interrupted, as by Ctrl-C, alone.
    pub fn draw(&mut self, py: Python<'_>) -> PyResult<()> {
        if self.gave_up || Instant::now() < self.next_due(py)? {
            return Ok(());
        }
        let Some(line) = training_line().or_else(|| self.scans.as_ref()?.line()) else { return Ok(()) };
        if self.drawn.is_none() && DRAWING.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        self.drawn = Some(Instant::now());
        let drawn = call(py, "draw", (line.text, line.done, line.total, self.started.elapsed().as_secs_f64()));
        self.gave_up = drawn.is_err();
        unless_interrupted(py, drawn).map(|_| ())
    }

    fn next_due(&mut self, py: Python<'_>) -> PyResult<Instant> {
        let first = match self.due {
            Some(due) => due,
            None => *self.due.insert(self.started + patience(py)?),
        };
        Ok(self.drawn.map_or(first, |last| last + REFRESH))
    }

    /// Takes the line away. Fails when it is interrupted alone.
    pub fn finish(&mut self, py: Python<'_>) -> PyResult<()> {
        if self.drawn.take().is_none() {
            return Ok(());
        }
        let cleared = call(py, "clear", ());
        DRAWING.store(false, Ordering::Release);
        unless_interrupted(py, cleared).map(|_| ())
    }
}

/// What a helper in Python gave, if anything. Python raises what a signal asks for wherever its code runs, so here too: that is the
/// caller's, and is no failure of the helper.
fn unless_interrupted<T>(py: Python<'_>, answer: PyResult<T>) -> PyResult<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.is_instance_of::<PyException>(py) => Ok(None),
        Err(interrupt) => Err(interrupt),
    }
}

/// How long work must last to be worth a line, as `_progress.py` says.
fn patience(py: Python<'_>) -> PyResult<Duration> {
    let seconds = py.import("gradframe._progress").and_then(|module| module.getattr("PATIENCE_SECONDS")?.extract::<f64>());
    let seconds = unless_interrupted(py, seconds)?;
    Ok(seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or(REFRESH))
}

fn training_line() -> Option<Line> {
    TRAININGS.lock().ok()?.values().next().cloned()
}

fn call<'py>(py: Python<'py>, function: &str, arguments: impl pyo3::call::PyCallArgs<'py>) -> PyResult<()> {
    py.import("gradframe._progress")?.getattr(function)?.call1(arguments).map(|_| ())
}
