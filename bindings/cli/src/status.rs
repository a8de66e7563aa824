//! One line on a terminal's standard error that says how far something is.
//!
//! The cursor waits on the line below, where the terminal echoes `^C`: so both lines are known when they are cleared.

use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// To the beginning of the line below, then both lines cleared.
const CLEAR: &str = "\r\u{1b}[2K\u{1b}[1A\u{1b}[2K";
/// More often than this nobody reads.
const REFRESH: Duration = Duration::from_millis(80);
/// Width of a bar, in characters.
const BAR_WIDTH: usize = 24;

/// The one line of this process.
static LINE: Mutex<Line> = Mutex::new(Line { drawn: None, held: false, scan: 0 });

struct Line {
    /// When it was drawn last; None if it is not there.
    drawn: Option<Instant>,
    /// What was interrupted may wind down for a while, and says nothing meanwhile.
    held: bool,
    /// The scan that may draw: those before it have ended.
    scan: u64,
}

impl Line {
    /// Draws the text in place of what the line said before, if that is not too soon.
    fn show(&mut self, text: impl FnOnce() -> String) {
        if self.held || self.drawn.is_some_and(|at| at.elapsed() < REFRESH) {
            return;
        }
        let width = crossterm::terminal::size().map_or(80, |(width, _)| usize::from(width));
        let line: String = text().chars().take(width.saturating_sub(1)).collect();
        write(&format!("{}{line}\n", if self.drawn.is_some() { CLEAR } else { "" }));
        self.drawn = Some(Instant::now());
    }

    fn clear(&mut self) {
        if self.drawn.take().is_some() {
            write(CLEAR);
        }
    }
}

fn line() -> MutexGuard<'static, Line> {
    LINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says how far it is.
pub fn show(text: impl FnOnce() -> String) {
    line().show(text);
}

/// Takes the line away.
pub fn clear() {
    line().clear();
}

/// Takes the line away and keeps it away, until [`release`].
pub fn hold() {
    let mut line = line();
    line.clear();
    line.held = true;
}

/// Lets the line be drawn again.
pub fn release() {
    line().held = false;
}

/// The right of one scan to draw the line, until dropped.
#[derive(Debug)]
pub struct ScanLine {
    scan: u64,
}

impl ScanLine {
    pub fn new() -> Self {
        let mut line = line();
        line.scan += 1;
        ScanLine { scan: line.scan }
    }

    /// For the task that draws, which may outlive the scan by a moment.
    pub fn show(scan: u64, text: impl FnOnce() -> String) {
        let mut line = line();
        if line.scan == scan {
            line.show(text);
        }
    }

    pub fn number(&self) -> u64 {
        self.scan
    }
}

impl Drop for ScanLine {
    fn drop(&mut self) {
        let mut line = line();
        line.scan += 1;
        line.clear();
    }
}

/// In one piece. A terminal that is gone is nobody's loss.
fn write(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// `━━━━━━━━──────── 50%`
pub fn bar(fraction: f64) -> String {
    let fraction = if fraction.is_nan() { 0.0 } else { fraction.clamp(0.0, 1.0) };
    let full = (fraction * BAR_WIDTH as f64).round() as usize;
    format!("{}{} {:>3.0}%", "━".repeat(full), "─".repeat(BAR_WIDTH - full), (fraction * 100.0).floor())
}

/// `850`, `12.3 k`, `2.7 M`: a number of rows or of rows a second.
pub fn short_number(number: f64) -> String {
    match number {
        n if n >= 1e9 => format!("{:.1} G", n / 1e9),
        n if n >= 1e6 => format!("{:.1} M", n / 1e6),
        n if n >= 1e4 => format!("{:.1} k", n / 1e3),
        n => format!("{n:.0}"),
    }
}

/// `4 s`, `1 min 05 s`, `2 h 10 min`.
pub fn short_time(seconds: f64) -> String {
    let whole = if seconds.is_finite() { seconds.max(0.0).round() as u64 } else { 0 };
    match whole {
        s if s < 60 => format!("{s} s"),
        s if s < 3600 => format!("{} min {:02} s", s / 60, s % 60),
        s => format!("{} h {:02} min", s / 3600, s / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_of_one_width() {
        let widths = [0.0, 0.3, 0.999, 1.0, 7.0, f64::NAN].map(|fraction| bar(fraction).chars().count());
        assert_eq!(widths, [BAR_WIDTH + 5; 6]);
        assert!(bar(0.999).ends_with(" 99%") && bar(1.0).ends_with("100%"));
    }

    #[test]
    fn numbers_and_times_are_short() {
        assert_eq!([7.0, 9_999.0, 12_345.0, 2.7e6, 3e9].map(short_number), ["7", "9999", "12.3 k", "2.7 M", "3.0 G"]);
        assert_eq!([0.4, 65.0, 7800.0, f64::INFINITY].map(short_time), ["0 s", "1 min 05 s", "2 h 10 min", "0 s"]);
    }
}
