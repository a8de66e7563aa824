//! What a program does with each row, and whether a device would be faster at it.

/// Nanoseconds of a core for an operation on a number, memory included: what stages were measured to take (docs/performance.md).
const OPERATION_NS: f64 = 0.5;
/// Nanoseconds of the bus for a byte: 20 GB/s.
const BUS_NS: f64 = 0.05;
/// Nanoseconds of a core for a byte that is laid side by side for the bus, or taken from it: two copies in memory at 10 GB/s.
const STAGING_NS: f64 = 0.2;
/// Nanoseconds until a device is open and a program compiled for it.
const START_NS: f64 = 5e8;
/// A device has to be estimated this much faster: estimates are rough.
const MARGIN: f64 = 1.5;

/// What a program does with each row.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Work {
    /// Operations on a number.
    pub operations: usize,
    /// Bytes of arguments and results.
    pub bytes: usize,
    /// Threads that share the work on a CPU.
    pub threads: usize,
    /// Whether rows never end.
    pub endless: bool,
    /// A function whose results have other bits on a device.
    pub inexact: Option<String>,
}

impl Work {
    /// Why it has to stay on the CPU.
    pub(super) fn cannot_leave(&self) -> Option<String> {
        match &self.inexact {
            Some(function) => Some(format!("`{function}` has other bits on a device")),
            None if self.endless => Some("rows that never end are computed as they come".to_owned()),
            None => None,
        }
    }

    /// Why a device would not be faster.
    pub(super) fn does_not_pay(&self, rows: impl FnOnce() -> Option<usize>) -> Option<String> {
        let Work { operations, bytes, .. } = self;
        let threads = self.threads.max(1) as f64;
        let on_cpu = *operations as f64 * OPERATION_NS / threads;
        let on_device = *bytes as f64 * (BUS_NS + STAGING_NS / threads);
        if on_cpu < on_device * MARGIN {
            return Some(format!("{operations} operations a row do not pay for {bytes} bytes over the bus"));
        }
        match rows() {
            None => Some("how many rows there are is not known".to_owned()),
            Some(rows) if rows as f64 * (on_cpu - on_device) < START_NS => {
                Some(format!("{rows} rows do not pay for opening a device"))
            }
            Some(_) => None,
        }
    }
}
