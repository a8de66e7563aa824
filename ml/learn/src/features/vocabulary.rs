//! Strings to category codes.

use rustc_hash::FxHashMap;

use crate::model::Encoding;

/// The categories of a one-hot column, for looking up codes.
#[derive(Debug, Clone, PartialEq)]
pub struct Vocabulary {
    codes: FxHashMap<Box<str>, i32>,
    null_code: i32,
}

impl Vocabulary {
    /// The code of no category: an unseen value, or a null where training saw none.
    pub const NONE: i32 = -1;

    /// The lookup of a one-hot encoding; None for a numeric one.
    pub fn of(encoding: &Encoding) -> Option<Self> {
        match encoding {
            Encoding::OneHot { vocabulary, nulls } => Some(Self::new(vocabulary, *nulls)),
            Encoding::Standard { .. } | Encoding::Raw { .. } => None,
        }
    }

    /// The lookup of these values (at most `CATEGORIES_MAX`); nulls are the category after them, if there were any.
    pub fn new(values: &[String], nulls: u64) -> Self {
        let codes = values.iter().enumerate().map(|(i, value)| (value.as_str().into(), i as i32)).collect();
        Vocabulary { codes, null_code: if nulls > 0 { values.len() as i32 } else { Self::NONE } }
    }

    /// The code of a value (or of null); `NONE` if it is no category.
    pub fn code(&self, value: Option<&str>) -> i32 {
        match value {
            Some(value) => self.codes.get(value).copied().unwrap_or(Self::NONE),
            None => self.null_code,
        }
    }

    /// Number of categories, the null category included.
    pub fn size(&self) -> usize {
        self.codes.len() + usize::from(self.null_code != Self::NONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_are_the_last_category_only_if_training_saw_them() {
        let values = ["a".to_string(), "b".to_string()];
        let with_nulls = Vocabulary::new(&values, 3);
        assert_eq!((with_nulls.code(Some("b")), with_nulls.code(None), with_nulls.size()), (1, 2, 3));
        let without = Vocabulary::new(&values, 0);
        assert_eq!((without.code(Some("a")), without.code(None), without.size()), (0, -1, 2));
    }

    #[test]
    fn an_unseen_value_is_no_category() {
        assert_eq!(Vocabulary::new(&["a".to_string()], 1).code(Some("z")), Vocabulary::NONE);
    }
}
