//! What may be taken of a device's memory, and what is: counting alone, without a device.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gradframe_ml_core::memory_size::EXPECTED;
use gradframe_ml_core::{Error, MemorySize, Result};

/// The environment variable that sets it: bytes, a size such as `8GB` or `512 MiB`, or a share of what is free, `50%`.
pub const VARIABLE: &str = "GRADFRAME_CUDA_MEMORY";
/// Percent of what is free when a device is opened that may be taken unless that says otherwise.
const SHARE: usize = 80;
/// The driver gives memory in multiples of so many bytes.
const GRAIN: usize = 512;

/// A number of bytes, and how many of them are taken. Threads share it.
#[derive(Debug)]
pub struct Budget {
    bytes: AtomicUsize,
    /// Bytes that were free when it was made, and what it was then.
    free: usize,
    initial: usize,
    used: AtomicUsize,
    most: AtomicUsize,
}

/// Bytes that were taken; they are given back when this is dropped.
#[derive(Debug)]
pub struct Taken {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    pub fn new(bytes: usize) -> Self {
        Self::among(bytes, bytes)
    }

    fn among(bytes: usize, free: usize) -> Self {
        Budget { bytes: bytes.into(), free, initial: bytes, used: 0.into(), most: 0.into() }
    }

    /// By the environment variable, where so many bytes are free. Errors: `Plan` if it says no size.
    pub fn of_environment(free: usize) -> Result<Self> {
        let text = std::env::var(VARIABLE).ok().filter(|text| !text.trim().is_empty());
        let bytes = match text {
            Some(text) => text.parse::<MemorySize>().map_err(|()| no_size(&text))?.bytes(free),
            None => free / 100 * SHARE,
        };
        Ok(Self::among(bytes, free))
    }

    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// From now on; what is taken already stays so.
    pub fn set(&self, bytes: usize) {
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    /// From now on this size, a share being one of what was free at first; None is what it was then.
    pub fn limit(&self, size: Option<&MemorySize>) {
        self.set(size.map_or(self.initial, |size| size.bytes(self.free)));
    }

    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// The most that was used at once since [`Budget::forget_most`].
    pub fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }

    pub fn forget_most(&self) {
        self.most.store(self.used(), Ordering::Relaxed);
    }

    /// Takes bytes. Errors: `Resources` with what is left if there are not so many.
    pub fn take(self: &Arc<Self>, bytes: usize) -> Result<Taken> {
        let counted = bytes.max(1).checked_next_multiple_of(GRAIN).unwrap_or(usize::MAX);
        let fits = |used: usize| used.checked_add(counted).filter(|&all| all <= self.bytes());
        let before = self.used.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits);
        let before = before.map_err(|_| self.short_of(bytes))?;
        self.most.fetch_max(before + counted, Ordering::Relaxed);
        Ok(Taken { budget: Arc::clone(self), bytes: counted })
    }

    /// The error of who asks for more than there is.
    pub fn short_of(&self, bytes: usize) -> Error {
        let (used, budget) = (self.used(), self.bytes());
        let what = format!("the device's memory is short: {bytes} bytes asked for, {used} of a budget of {budget} in use");
        let hint = "SET gradframe.device_memory_limit = '8 GB' sets the budget";
        Error::resources("cuda", what).hint(format!("{hint}, and {VARIABLE} before the process starts"))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

fn no_size(text: &str) -> Error {
    Error::plan("cuda", format!("{VARIABLE} is `{text}`, which is no size")).hint(format!("write {EXPECTED}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_given_back() {
        let budget = Arc::new(Budget::new(4096));
        let (one, two) = (budget.take(1).unwrap(), budget.take(1500).unwrap());
        assert_eq!((budget.used(), budget.most()), (512 + 1536, 2048));
        drop(one);
        assert_eq!((budget.used(), budget.most()), (1536, 2048));
        budget.forget_most();
        assert_eq!(budget.most(), 1536);
        drop(two);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn more_than_the_budget_is_an_error_with_its_numbers() {
        let budget = Arc::new(Budget::new(4096));
        let _one = budget.take(3000).unwrap();
        let error = budget.take(2000).unwrap_err();
        assert_eq!(error.kind(), "Resources");
        let said = error.to_string();
        assert!(said.contains("2000 bytes asked for, 3072 of a budget of 4096 in use"), "{said}");
        assert!(said.contains(VARIABLE), "{said}");
        assert!(budget.take(usize::MAX).is_err());
        assert_eq!(budget.used(), 3072);
        budget.set(1 << 20);
        assert!(budget.take(2000).is_ok());
    }

    #[test]
    fn threads_never_take_more_than_there_is() {
        let budget = Arc::new(Budget::new(10 * GRAIN));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        let taken = budget.take(3 * GRAIN);
                        assert!(budget.used() <= 10 * GRAIN);
                        drop(taken);
                    }
                });
            }
        });
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_limit_is_a_size_or_a_share_of_what_was_free_until_there_is_none() {
        let budget = Budget::among(800, 1000);
        let limited = |text: &str| {
            budget.limit(Some(&text.parse().unwrap()));
            budget.bytes()
        };
        assert_eq!((limited("4 GiB"), limited("50%"), limited("300")), (4 << 30, 500, 300));
        budget.limit(None);
        assert_eq!(budget.bytes(), 800);
    }
}
