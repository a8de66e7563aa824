//! A size of memory as users write it: bytes, `8GB`, `512 MiB`, or a share of what is free, `50%`.

use std::fmt;
use std::str::FromStr;

/// What a text must be, for errors.
pub const EXPECTED: &str = "bytes, a size such as 8GB or 512 MiB, or a share of what is free, 50%";

const UNITS: [(&str, f64); 9] = [
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

/// See the module. Shown as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemorySize {
    text: String,
    amount: Amount,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Amount {
    Bytes(usize),
    /// Millionths of what is free.
    Share(u32),
}

impl MemorySize {
    /// The bytes that this is where so many are free. Never none: one byte at least.
    pub fn bytes(&self, free: usize) -> usize {
        match self.amount {
            Amount::Bytes(bytes) => bytes,
            Amount::Share(millionths) => ((free as u128 * u128::from(millionths) / 1_000_000) as usize).max(1),
        }
    }
}

impl FromStr for MemorySize {
    type Err = ();

    /// In any case of letters. Errors: a text that is not [`EXPECTED`], of nothing, or of more than all.
    fn from_str(text: &str) -> Result<Self, ()> {
        let text = text.trim();
        let lower = text.to_lowercase();
        let amount = match lower.strip_suffix('%') {
            Some(percent) => {
                let percent = number(percent).filter(|percent| *percent <= 100.0).ok_or(())?;
                Amount::Share(((percent * 1e4) as u32).max(1))
            }
            None => {
                let with_unit = |&(unit, factor): &(&str, f64)| Some((lower.strip_suffix(&unit.to_lowercase())?, factor));
                let (amount, factor) = UNITS.iter().find_map(with_unit).unwrap_or((&lower, 1.0));
                Amount::Bytes(((number(amount).ok_or(())? * factor) as usize).max(1))
            }
        };
        Ok(MemorySize { text: text.to_owned(), amount })
    }
}

fn number(text: &str) -> Option<f64> {
    text.trim_end().parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0)
}

impl fmt::Display for MemorySize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("100%", 1_000_000),
            ("0.2", 1),
        ] {
            let size: MemorySize = text.parse().unwrap();
            assert_eq!(size.bytes(1_000_000), bytes, "{text}");
            assert_eq!(size.to_string(), text.trim());
        }
        for text in ["all", "GB", "%", "", "-1", "0", "0%", "120%", "nan", "inf", "8 G B"] {
            assert!(text.parse::<MemorySize>().is_err(), "{text}");
        }
    }
}
