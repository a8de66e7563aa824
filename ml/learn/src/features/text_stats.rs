//! Statistics of a string column.

use gradframe_ml_core::{Error, Result};
use rustc_hash::FxHashSet;

use crate::model::Encoding;

/// Most distinct values that a string column may have in training.
pub const CATEGORIES_MAX: usize = 1_000_000;

/// The distinct values of a string column.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TextStats {
    values: FxHashSet<Box<str>>,
    bytes: usize,
    nulls: u64,
}

impl TextStats {
    /// Adds a chunk's values. Values beyond the limit are not kept; `finish` reports them.
    pub fn update<'a>(&mut self, values: impl IntoIterator<Item = Option<&'a str>>) {
        for value in values {
            match value {
                Some(value) => self.add(value),
                None => self.nulls += 1,
            }
        }
    }

    /// Adds the statistics of other rows.
    pub fn merge(&mut self, other: &Self) {
        self.nulls += other.nulls;
        other.values.iter().for_each(|value| self.add(value));
    }

    /// Distinct values so far.
    pub fn distinct(&self) -> usize {
        self.values.len()
    }

    /// Memory held, for the accounts of whoever folds.
    pub fn memory_bytes(&self) -> usize {
        self.bytes + self.values.capacity() * (size_of::<Box<str>>() + 1)
    }

    /// The column's encoding. Errors: `Execution` naming the column if it has too many distinct values.
    pub fn finish(self, column: &str) -> Result<Encoding> {
        if self.values.len() > CATEGORIES_MAX {
            let what = format!("column `{column}` has more than {CATEGORIES_MAX} distinct values, too many categories");
            return Err(
                Error::execution("train", what).hint("leave out identifiers and free text, or group rare values in the query")
            );
        }
        let mut vocabulary: Vec<String> = self.values.into_iter().map(String::from).collect();
        vocabulary.sort_unstable();
        Ok(Encoding::OneHot { vocabulary, nulls: self.nulls })
    }

    fn add(&mut self, value: &str) {
        if self.values.len() <= CATEGORIES_MAX && !self.values.contains(value) {
            self.bytes += value.len();
            self.values.insert(value.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vocabulary_is_sorted_whatever_the_order_of_chunks() {
        let (mut a, mut b) = (TextStats::default(), TextStats::default());
        a.update([Some("pear"), None, Some("apple")]);
        b.update([Some("fig"), Some("pear")]);
        let mut ba = b.clone();
        ba.merge(&a);
        a.merge(&b);
        let expected = Encoding::OneHot { vocabulary: ["apple", "fig", "pear"].map(String::from).to_vec(), nulls: 1 };
        assert_eq!(a.finish("fruit").unwrap(), expected);
        assert_eq!(ba.finish("fruit").unwrap(), expected);
    }

    #[test]
    fn too_many_categories_are_an_error_that_names_the_column() {
        let mut stats = TextStats::default();
        for i in 0..CATEGORIES_MAX + 5 {
            stats.update([Some(i.to_string().as_str())]);
        }
        let error = stats.finish("id").unwrap_err();
        assert!(error.to_string().contains("column `id` has more than 1000000 distinct values"), "{error}");
    }
}
