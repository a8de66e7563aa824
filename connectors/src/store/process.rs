//! Which process something belongs to, and whether that process is still there.
//!
//! Two things say so. A lock on a file of the process (`lease.rs`), which the system takes away the moment the process
//! ends: it holds across containers. And the process's identifier with its start time and boot, for a lock that is not
//! there (a file system without locks), or that a forked child holds on to. What neither says counts as alive.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use super::lease::{LockState, lock_state};

/// Stands for a part that the system does not tell.
const UNKNOWN: &str = "-";

/// Where a process is and which one it is. A process identifier alone comes back; with its start time it does not.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity<'a> {
    host: &'a str,
    boot: &'a str,
    /// Process identifiers mean something only within their namespace (container).
    namespace: &'a str,
    process_id: &'a str,
    start: &'a str,
    /// The file that it keeps locked.
    lock: &'a str,
}

/// This process, as text that [`is_gone`] reads in another one. `lock` is the name of the file that it keeps locked.
pub(super) fn this_process(lock: Option<&str>) -> String {
    let [host, boot, namespace] = &*SURROUNDINGS;
    let process_id = std::process::id().to_string();
    let start = start_time(&process_id).unwrap_or_default();
    let parts = [host.as_str(), boot, namespace, &process_id, &start, lock.unwrap_or_default()];
    parts.map(|part| if part.is_empty() { UNKNOWN } else { part }).join(" ")
}

/// True only if the process is surely gone. `locks` is the directory of the files that processes keep locked.
pub(super) fn is_gone(process: &str, locks: &Path) -> bool {
    let Some(other) = Identity::parse(process) else { return false };
    match lock_state(locks, other.lock) {
        LockState::Free => true,
        LockState::Held => other.is_of_this_system() && other.has_ended(),
        LockState::Unknown if other.host != SURROUNDINGS[0] => false,
        LockState::Unknown => other.is_of_another_boot() || other.is_of_this_system() && other.has_ended(),
    }
}

/// True only if the process keeps its lock in `locks` and has let go of it: nothing is guessed from names of machines.
pub(super) fn has_freed_its_lock(process: &str, locks: &Path) -> bool {
    let Some(other) = Identity::parse(process) else { return false };
    match lock_state(locks, other.lock) {
        LockState::Free => true,
        LockState::Held => other.is_of_this_system() && other.has_ended(),
        LockState::Unknown => false,
    }
}

impl<'a> Identity<'a> {
    /// None unless it is five parts, or six with the lock.
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(' ').filter(|part| !part.is_empty());
        let identity = Identity {
            host: parts.next()?,
            boot: parts.next()?,
            namespace: parts.next()?,
            process_id: parts.next()?,
            start: parts.next()?,
            lock: parts.next().unwrap_or(UNKNOWN),
        };
        parts.next().is_none().then_some(identity)
    }

    fn is_of_another_boot(&self) -> bool {
        let boot = &SURROUNDINGS[1];
        self.boot != UNKNOWN && !boot.is_empty() && self.boot != boot
    }

    /// True if its identifier means here what it means there.
    fn is_of_this_system(&self) -> bool {
        let [_, boot, namespace] = &*SURROUNDINGS;
        self.boot == boot && self.namespace == namespace
    }

    fn has_ended(&self) -> bool {
        self.start != UNKNOWN && start_time(self.process_id).is_none_or(|start| start != self.start)
    }
}

/// Host, boot and process namespace of this process; empty where the system does not say.
static SURROUNDINGS: LazyLock<[String; 3]> = LazyLock::new(|| {
    let namespace = fs::read_link("/proc/self/ns/pid").map(|link| word(&link.to_string_lossy())).unwrap_or_default();
    [read_word("/proc/sys/kernel/hostname"), read_word("/proc/sys/kernel/random/boot_id"), namespace]
});

/// Clock ticks from boot to the start of a process (field 22 of `/proc/<id>/stat`); None if it is not there.
fn start_time(process_id: &str) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{process_id}/stat")).ok()?;
    // The second field is the program's name in parentheses and may hold anything.
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(19).map(str::to_string)
}

fn read_word(path: &str) -> String {
    word(&fs::read_to_string(path).unwrap_or_default())
}

fn word(text: &str) -> String {
    text.split_whitespace().collect()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn described(process_id: u32, start: &str) -> String {
        let [host, boot, namespace] = &*SURROUNDINGS;
        format!("{host} {boot} {namespace} {process_id} {start}")
    }

    fn is_gone_without_lock(process: &str) -> bool {
        is_gone(process, Path::new("/nowhere"))
    }

    #[test]
    fn this_process_is_there() {
        assert!(!is_gone_without_lock(&this_process(None)));
        assert!(!is_gone_without_lock(&this_process(Some("lost.lock"))));
    }

    #[test]
    fn a_process_that_ended_is_gone() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let described = described(child.id(), "1");
        child.wait().unwrap();
        assert!(is_gone_without_lock(&described));
    }

    #[test]
    fn an_identifier_that_came_back_is_another_process() {
        assert!(is_gone_without_lock(&described(std::process::id(), "1")));
    }

    #[test]
    fn what_is_unknown_counts_as_alive() {
        for unknown in ["", "elsewhere boot namespace 1 1", "- - - 1 - -", "a b"] {
            assert!(!is_gone_without_lock(unknown), "{unknown}");
        }
    }
}
