//! Telling whether the process that opened a run is still there.

use std::fs;
use std::sync::LazyLock;

/// Where a process is and which one it is. A process identifier alone comes back; with its start time it does not.
/// Empty parts are unknown (systems without `/proc`), and what is unknown counts as alive.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity<'a> {
    host: &'a str,
    boot: &'a str,
    /// Process identifiers mean something only within their namespace (container).
    namespace: &'a str,
    process_id: &'a str,
    start: &'a str,
}

/// This process, as text that [`is_gone`] reads in another one.
pub(super) fn this_process() -> String {
    let [host, boot, namespace] = &*SURROUNDINGS;
    let process_id = std::process::id();
    format!("{host} {boot} {namespace} {process_id} {}", start_time(&process_id.to_string()).unwrap_or_default())
}

/// True only if the process is surely gone.
pub(super) fn is_gone(process: &str) -> bool {
    let Some(other) = Identity::parse(process) else { return false };
    let [host, boot, namespace] = &*SURROUNDINGS;
    if other.host != host {
        return false;
    }
    if other.boot != boot {
        return true;
    }
    other.namespace == namespace && start_time(other.process_id).is_none_or(|start| start != other.start)
}

impl<'a> Identity<'a> {
    /// None unless every part is known.
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(' ').filter(|part| !part.is_empty());
        let identity = Identity {
            host: parts.next()?,
            boot: parts.next()?,
            namespace: parts.next()?,
            process_id: parts.next()?,
            start: parts.next()?,
        };
        parts.next().is_none().then_some(identity)
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

    #[test]
    fn this_process_is_there() {
        assert!(!is_gone(&this_process()));
    }

    #[test]
    fn a_process_that_ended_is_gone() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let [host, boot, namespace] = &*SURROUNDINGS;
        let described = format!("{host} {boot} {namespace} {} 1", child.id());
        child.wait().unwrap();
        assert!(is_gone(&described));
    }

    #[test]
    fn what_is_unknown_counts_as_alive() {
        assert!(!is_gone(""));
        assert!(!is_gone("elsewhere boot namespace 1 1"));
    }
}
