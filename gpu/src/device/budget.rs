//! What may be taken of a device's memory, and what is: counting alone, without a device.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gradframe_ml_core::{Error, Result};

/// The environment variable that sets it: bytes, a size such as `8GB` or `512 MiB`, or a share of what is free, `50%`.
pub const VARIABLE: &str = "GRADFRAME_CUDA_MEMORY";
/// Percent of what is free when a device is opened that may be taken unless that says otherwise.
const SHARE: f64 = 80.0;
/// The driver gives memory in multiples of so many bytes.
const GRAIN: usize = 512;

const UNITS: [(&str, f64); 10] = [
    ("%", 0.0), // of what is free
    ("KiB", 1024.0),
    ("MiB", 1024.0 * 1024.0),
    ("GiB", 1024.0 * 1024.0 * 1024.0),
    ("TiB", 1024.0 * 1024.0 * 1024.0 * 1024.0),
    ("KB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("TB", 1e12),
    ("B", 1.0),
];

/// A number of bytes, and how many of them are taken. Threads share it.
#[derive(Debug)]
pub struct Budget {
    bytes: AtomicUsize,
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
        Budget { bytes: bytes.into(), used: 0.into(), most: 0.into() }
    }

    /// By the environment variable, where so many bytes are free. Errors: `Plan` if it says no size.
    pub fn of_environment(free: usize) -> Result<Self> {
        let text = std::env::var(VARIABLE).ok().filter(|text| !text.trim().is_empty());
        let bytes = text.map_or_else(|| Ok(share(SHARE, free)), |text| size(&text, free))?;
        Ok(Self::new(bytes))
    }

    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// From now on; what is taken already stays so.
    pub fn set(&self, bytes: usize) {
        self.bytes.store(bytes, Ordering::Relaxed);
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
        Error::resources("cuda", what).hint(format!("{VARIABLE} sets the budget: bytes, 8GB, or a share of what is free, 50%"))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

fn share(percent: f64, free: usize) -> usize {
    (percent / 100.0 * free as f64) as usize
}

/// The bytes that a text says.
fn size(text: &str, free: usize) -> Result<usize> {
    let wrong = || {
        Error::plan("cuda", format!("{VARIABLE} is `{text}`, which is no size"))
            .hint("write bytes, a size such as 8GB or 512 MiB, or a share of what is free, 50%")
    };
    let lower = text.trim().to_lowercase();
    let with_unit = |&(unit, factor): &(&str, f64)| Some((lower.strip_suffix(&unit.to_lowercase())?.to_owned(), factor));
    let (number, factor) = UNITS.iter().find_map(with_unit).unwrap_or((lower.clone(), 1.0));
    let number = number.trim_end().parse::<f64>().ok().filter(|n| n.is_finite() && *n > 0.0).ok_or_else(wrong)?;
    match factor {
        0.0 if number > 100.0 => Err(wrong()),
        0.0 => Ok(share(number, free)),
        factor => Ok((number * factor) as usize),
    }
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
    fn sizes_are_read_as_they_are_written() {
        for (text, bytes) in [
            ("1000", 1000),
            ("8GB", 8_000_000_000),
            (" 512 mib ", 512 << 20),
            ("1.5KiB", 1536),
            ("2 tb", 2_000_000_000_000),
            ("7b", 7),
            ("50%", 500_000),
            ("0.1 %", 1000),
        ] {
            assert_eq!(size(text, 1_000_000).unwrap(), bytes, "{text}");
        }
        for text in ["all", "GB", "-1", "0", "120%", "nan", "inf", "8 G B"] {
            let error = size(text, 1_000_000).unwrap_err();
            assert_eq!(error.kind(), "Plan", "{text}");
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
