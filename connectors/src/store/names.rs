//! Names of models as names of directories: readable, one to one, and never a way out of the store.

use gradframe_ml_core::{Error, Result};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use xxhash_rust::xxh3::xxh3_128;

/// Dots and slashes are encoded too: no name means a parent, a hidden file or a path.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-');
/// File systems allow 255 bytes.
const LONGEST: usize = 200;
const PREFIX: usize = 120;

/// The directory name of a model. Errors: `Plan` if the name is empty.
pub(super) fn directory_name(model: &str) -> Result<String> {
    if model.is_empty() {
        return Err(Error::plan("model", "the name is empty").hint("give the model a name of at least one character"));
    }
    let encoded = utf8_percent_encode(model, ENCODED).to_string();
    if encoded.len() <= LONGEST {
        return Ok(encoded);
    }
    // `~` is never in an encoded name, so a shortened name equals no other.
    Ok(format!("{}~{:032x}", &encoded[..PREFIX], xxh3_128(model.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_stay_readable() {
        assert_eq!(directory_name("arrival_delay-2").unwrap(), "arrival_delay-2");
    }

    #[test]
    fn paths_are_no_paths() {
        assert_eq!(directory_name("../../x").unwrap(), "%2E%2E%2F%2E%2E%2Fx");
        assert_eq!(directory_name("..").unwrap(), "%2E%2E");
        assert_eq!(directory_name("a\\b\0c").unwrap(), "a%5Cb%00c");
    }

    #[test]
    fn long_names_stay_short_and_distinct() {
        let long = "é".repeat(500);
        let other = format!("{long}!");
        let (a, b) = (directory_name(&long).unwrap(), directory_name(&other).unwrap());
        assert!(a.len() <= LONGEST && b.len() <= LONGEST);
        assert_ne!(a, b);
    }

    #[test]
    fn an_empty_name_is_refused() {
        assert_eq!(directory_name("").unwrap_err().kind(), "Plan");
    }
}
