//! The machine: system, processor, threads, memory, graphics driver, by what the system's files say.

use std::fs;
use std::sync::LazyLock;

use gradframe_plan::services::Environment;
use sha2::{Digest, Sha256};

/// What is known of the machine and of this program. What the system does not tell is not there.
pub fn environment() -> &'static Environment {
    static MACHINE: LazyLock<Environment> = LazyLock::new(look);
    &MACHINE
}

fn look() -> Environment {
    let threads = std::thread::available_parallelism().map(|threads| threads.to_string()).ok();
    let facts = [
        ("system", Some(format!("{} {}", std::env::consts::OS, std::env::consts::ARCH))),
        ("kernel", first_line("/proc/sys/kernel/osrelease")),
        ("host", first_line("/proc/sys/kernel/hostname")),
        ("cpu", field("/proc/cpuinfo", "model name")),
        ("memory", field("/proc/meminfo", "MemTotal")),
        ("gpu_driver", first_line("/proc/driver/nvidia/version")),
        ("threads", threads),
        ("gradframe", Some(env!("CARGO_PKG_VERSION").to_owned())),
    ];
    let known = facts.into_iter().filter_map(|(name, value)| Some((("machine".to_owned(), name.to_owned()), value?)));
    known.collect()
}

/// What tells this machine from others, and cannot be guessed there; None of a system that has nothing of the kind. What the system says
/// itself is not to be shown around, so it is a hash.
pub fn machine_identity() -> Option<String> {
    let said = first_line("/etc/machine-id").or_else(|| first_line("/var/lib/dbus/machine-id"));
    let said = said.or_else(|| first_line("/proc/sys/kernel/random/boot_id"))?;
    let hash = Sha256::digest(format!("gradframe program {said}"));
    Some(hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}

fn first_line(path: &str) -> Option<String> {
    let line = fs::read_to_string(path).ok()?.lines().next()?.trim().to_owned();
    (!line.is_empty()).then_some(line)
}

/// The value of the first line `name : value`.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let value = |line: &str| line.strip_prefix(name)?.trim_start().strip_prefix(':').map(|value| value.trim().to_owned());
    text.lines().find_map(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_threads_and_a_system() {
        let found = environment();
        for name in ["system", "threads", "gradframe"] {
            assert!(found.contains_key(&("machine".into(), name.into())), "{name}: {found:?}");
        }
    }
}
