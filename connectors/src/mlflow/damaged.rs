//! What of a store cannot be understood: it is left out and named, while all else is taken in.

use gradframe_ml_core::{Error, Result};

use super::OP;

/// Damaged things are named up to so many, the others counted.
const NAMED_MAX: usize = 20;

/// What was left out, in the order in which it was met.
#[derive(Debug, Default)]
pub struct Damaged(Vec<Error>);

impl Damaged {
    /// What was read; None, and remembered, if it could not be.
    pub(super) fn unless<T>(&mut self, read: Result<T>) -> Option<T> {
        read.map_err(|error| self.add(error)).ok()
    }

    /// Once, however often it is met.
    pub(super) fn add(&mut self, error: Error) {
        if self.0.iter().all(|known| known.detail().what != error.detail().what) {
            self.0.push(error);
        }
    }

    /// Errors: if something was left out, naming it.
    pub fn outcome(mut self) -> Result<()> {
        const REST: &str = "all other runs have been taken in, and all other models";
        if self.0.len() < 2 {
            return self.0.pop().map_or(Ok(()), |error| Err(error.hint(REST)));
        }
        let named: Vec<&str> = self.0.iter().take(NAMED_MAX).map(|error| error.detail().what.as_str()).collect();
        let more = self.0.len().saturating_sub(NAMED_MAX);
        let more = if more == 0 { String::new() } else { format!("\nand {more} more") };
        let what = format!("{} are damaged and were left out:\n{}{more}", self.0.len(), named.join("\n"));
        Err(Error::execution(OP, what).hint(REST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_damaged_is_named_once() {
        let wrong = |what: &str| Error::external(OP, what);
        assert!(Damaged::default().outcome().is_ok());
        let mut damaged = Damaged::default();
        assert_eq!(damaged.unless(Ok(3)), Some(3));
        (0..2).for_each(|_| damaged.add(wrong("a")));
        let mut more = Damaged(vec![wrong("a")]);
        assert_eq!(damaged.outcome().unwrap_err().kind(), "External");
        (0..30).for_each(|i| assert_eq!(more.unless::<()>(Err(wrong(&format!("b{i}")))), None));
        let said = more.outcome().unwrap_err().to_string();
        for part in ["31 are damaged", "a\nb0\n", "b18\nand 11 more", "all other runs have been taken in"] {
            assert!(said.contains(part), "{said}");
        }
    }
}
