//! The system's clock, which is asked at each query: DataFusion takes none that stands before 1970.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::{Error, Result};

/// Errors: `External` for such a clock.
pub(crate) fn check(op: &str) -> Result<()> {
    if is_set(SystemTime::now()) { Ok(()) } else { Err(unset(op)) }
}

/// The error of a panic below: the clock may have been set while a query ran.
pub(crate) fn unset(op: &str) -> Error {
    Error::external(op, "the system's clock stands before 1970").hint("`date` shows it, and sets it")
}

/// Whether that is why something below has panicked.
pub(crate) fn explains(panic: &str) -> bool {
    panic.contains("before Unix epoch")
}

fn is_set(now: SystemTime) -> bool {
    now >= UNIX_EPOCH
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_clock_before_1970_is_not_set() {
        assert!(is_set(UNIX_EPOCH) && is_set(SystemTime::now()));
        assert!(!is_set(UNIX_EPOCH - Duration::from_nanos(1)));
        assert!(check("sql").is_ok());
        assert!(unset("sql").kind() == "External" && explains("system time before Unix epoch: SystemTimeError(1s)"));
    }
}
