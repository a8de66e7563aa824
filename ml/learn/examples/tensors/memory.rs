//! What the process holds in memory, as Linux tells it.

use std::fs;

/// Resident memory at some moment.
pub struct Resident {
    kb: f64,
}

impl Resident {
    /// That of now, from which on the peak is taken anew.
    pub fn now() -> Self {
        // What cannot be written leaves the peak of the whole process, which is more.
        let _ = fs::write("/proc/self/clear_refs", "5");
        Resident { kb: field("VmRSS") }
    }

    /// The most since then, above what was there then.
    pub fn peak_above_mb(&self) -> f64 {
        (field("VmHWM") - self.kb) / 1024.0
    }
}

/// A field of the process's status, in KB; NaN where there is none.
fn field(name: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(f64::NAN)
}
