//! What this process and its machine use just now. Read from Linux's /proc; elsewhere nothing is known.

use std::fs::read_to_string;
use std::time::Instant;

/// Units of processor time a second, in what /proc says to programs: fixed, whatever the kernel's own clock.
const TICKS_PER_SECOND: f64 = 100.0;

/// Counters at one moment. Two of them say what was used in between.
#[derive(Debug, Clone)]
pub struct Usage {
    at: Instant,
    /// Seconds of processors that this process has had.
    cpu_seconds: f64,
    memory_bytes: f64,
    /// Bytes that went in and out by calls of the system: files, pipes, sockets. Unknown where the system hides it.
    moved_bytes: Option<(f64, f64)>,
    /// Ticks of all processors, and those of them in which there was nothing to do.
    machine_ticks: (f64, f64),
    machine_memory_bytes: f64,
}

impl Usage {
    /// None where the system does not say.
    pub fn now() -> Option<Usage> {
        let own = read_to_string("/proc/self/stat").ok()?;
        let io = read_to_string("/proc/self/io").ok();
        let memory = read_to_string("/proc/meminfo").ok()?;
        Some(Usage {
            at: Instant::now(),
            cpu_seconds: cpu_ticks(&own)? / TICKS_PER_SECOND,
            memory_bytes: 1024.0 * named(&read_to_string("/proc/self/status").ok()?, "VmRSS:")?,
            moved_bytes: io.and_then(|io| Some((named(&io, "rchar:")?, named(&io, "wchar:")?))),
            machine_ticks: machine_ticks(&read_to_string("/proc/stat").ok()?)?,
            machine_memory_bytes: 1024.0 * (named(&memory, "MemTotal:")? - named(&memory, "MemAvailable:")?),
        })
    }

    /// Names and values of what was used since `before`. Of this process: `system/cpu_percent`, where 100 is one processor, memory,
    /// and bytes read and written a second; of the machine its processors, of which 100 are all of them, and its memory.
    pub fn since(&self, before: &Usage) -> Vec<(&'static str, f64)> {
        let seconds = self.at.duration_since(before.at).as_secs_f64().max(1e-9);
        let mut values = vec![
            ("system/cpu_percent", 100.0 * (self.cpu_seconds - before.cpu_seconds) / seconds),
            ("system/memory_bytes", self.memory_bytes),
            ("system/machine_memory_bytes", self.machine_memory_bytes),
        ];
        let ticks = self.machine_ticks.0 - before.machine_ticks.0;
        if ticks > 0.0 {
            let idle = self.machine_ticks.1 - before.machine_ticks.1;
            values.push(("system/machine_cpu_percent", (100.0 * (1.0 - idle / ticks)).clamp(0.0, 100.0)));
        }
        if let (Some(now), Some(then)) = (self.moved_bytes, before.moved_bytes) {
            values.push(("system/read_bytes_per_second", (now.0 - then.0) / seconds));
            values.push(("system/written_bytes_per_second", (now.1 - then.1) / seconds));
        }
        values
    }
}

/// In user and system mode. The name before them may hold spaces and brackets.
fn cpu_ticks(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    Some(user + fields.next()?.parse::<f64>().ok()?)
}

/// All ticks, and idle ones: those that wait for a disk are such.
fn machine_ticks(stat: &str) -> Option<(f64, f64)> {
    let ticks: Vec<f64> = stat.lines().next()?.split_whitespace().skip(1).take(8).map_while(|tick| tick.parse().ok()).collect();
    Some((ticks.iter().sum(), ticks.get(3)? + ticks.get(4)?))
}

/// The number behind a name, in a text of such lines.
fn named(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_proc_says_is_read() {
        assert_eq!(cpu_ticks("7 (a) b) c) S 1 7 7 0 -1 4194560 1 2 3 4 250 50 0 0 20"), Some(300.0));
        assert_eq!(machine_ticks("cpu  10 0 5 80 5 0 0 0 0 0\ncpu0 1"), Some((100.0, 85.0)));
        assert_eq!(named("A: 1 kB\nVmRSS:\t  12 kB\n", "VmRSS:"), Some(12.0));
        assert_eq!((cpu_ticks(""), machine_ticks(""), named("", "x")), (None, None, None));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_busy_process_is_seen_to_be_busy() {
        let before = Usage::now().unwrap();
        while before.at.elapsed().as_millis() < 200 {
            std::hint::black_box((0..1000).sum::<u64>());
        }
        let used = Usage::now().unwrap().since(&before);
        let value = |wanted: &str| used.iter().find(|(name, _)| *name == wanted).unwrap().1;
        assert!(value("system/cpu_percent") > 1.0 && value("system/memory_bytes") > 1e6, "{used:?}");
        assert!((0.0..=100.0).contains(&value("system/machine_cpu_percent")), "{used:?}");
    }
}
