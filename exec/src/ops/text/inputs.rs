//! The texts of a row, and a column of them.

use std::borrow::Cow;

use arrow::array::{ArrayRef, AsArray, LargeStringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use gradframe_ml_core::{Error, Result};

/// A row's text, or the two of a pair.
pub type Texts<'t> = (&'t str, Option<&'t str>);

/// A column of texts of any type, or of nulls.
pub fn inputs(op: &str, column: &ArrayRef) -> Result<LargeStringArray> {
    let texts = cast(column, &DataType::LargeUtf8).map_err(|e| Error::internal(op, e.to_string()).because(e))?;
    Ok(texts.as_string::<i64>().clone())
}

/// What tells the texts of rows apart: of pairs, where the first one ends too.
pub fn key<'t>(texts: Texts<'t>) -> Cow<'t, str> {
    match texts {
        (only, None) => Cow::Borrowed(only),
        (first, Some(second)) => Cow::Owned(format!("{}:{first}{second}", first.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_the_same_letters_are_not_the_same() {
        assert_ne!(key(("ab", Some("c"))), key(("a", Some("bc"))));
        assert_eq!(key(("ab", Some("c"))), key(("ab", Some("c"))));
    }
}
