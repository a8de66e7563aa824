//! How often each value of a text column occurs.

use gradframe_ml_core::Result;
use rustc_hash::FxHashMap;

use super::Mergeable;
use super::bytes::Reader;
use crate::features::CATEGORIES_MAX;

/// Counts of a column's values, for up to [`CATEGORIES_MAX`] different ones; beyond that only that there are too many.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ValueCounts {
    counts: FxHashMap<Box<str>, u64>,
    text_bytes: usize,
    nulls: u64,
    too_many: bool,
}

impl ValueCounts {
    /// Adds a row.
    pub fn push(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.add(value, 1),
            None => self.nulls += 1,
        }
    }

    /// Number of nulls.
    pub fn nulls(&self) -> u64 {
        self.nulls
    }

    /// Number of different values; None if there are too many to count.
    pub fn distinct(&self) -> Option<usize> {
        (!self.too_many).then_some(self.counts.len())
    }

    /// The `top` most frequent of the values that occur `frequency_min` times or more (of equally frequent ones the first
    /// in the alphabet), in the order of the alphabet.
    pub fn vocabulary(&self, top: usize, frequency_min: u64) -> Vec<String> {
        let mut values = self.by_frequency();
        values.retain(|(_, count)| *count >= frequency_min);
        values.truncate(top);
        let mut values: Vec<String> = values.into_iter().map(|(value, _)| value.to_owned()).collect();
        values.sort_unstable();
        values
    }

    /// The value that occurs most often, of equally frequent ones the first in the alphabet; None without values.
    pub fn most_frequent(&self) -> Option<&str> {
        self.by_frequency().first().map(|(value, _)| *value)
    }

    fn by_frequency(&self) -> Vec<(&str, u64)> {
        let mut values: Vec<(&str, u64)> = self.counts.iter().map(|(value, count)| (value.as_ref(), *count)).collect();
        values.sort_unstable_by(|(a, n), (b, m)| m.cmp(n).then_with(|| a.cmp(b)));
        values
    }

    fn add(&mut self, value: &str, count: u64) {
        if self.too_many {
            return;
        }
        match self.counts.get_mut(value) {
            Some(total) => *total += count,
            None => {
                self.text_bytes += value.len();
                self.counts.insert(value.into(), count);
                self.give_up_if_too_many();
            }
        }
    }

    fn give_up_if_too_many(&mut self) {
        if self.counts.len() > CATEGORIES_MAX {
            (self.counts, self.text_bytes, self.too_many) = (FxHashMap::default(), 0, true);
        }
    }
}

impl Mergeable for ValueCounts {
    fn merge(&mut self, other: &Self) {
        self.nulls += other.nulls;
        other.counts.iter().for_each(|(value, count)| self.add(value, *count));
        if other.too_many {
            (self.counts, self.text_bytes, self.too_many) = (FxHashMap::default(), 0, true);
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut values: Vec<(&str, u64)> = self.counts.iter().map(|(value, count)| (value.as_ref(), *count)).collect();
        values.sort_unstable();
        let mut out = Vec::with_capacity(16 + self.text_bytes + 16 * values.len());
        out.extend(self.nulls.to_le_bytes());
        out.extend(u64::from(self.too_many).to_le_bytes());
        for (value, count) in values {
            out.extend((value.len() as u64).to_le_bytes());
            out.extend(value.as_bytes());
            out.extend(count.to_le_bytes());
        }
        out
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader(bytes);
        let mut counts = ValueCounts { nulls: reader.u64()?, too_many: reader.u64()? != 0, ..Self::default() };
        while !reader.is_empty() {
            let value = reader.text()?;
            counts.text_bytes += value.len();
            counts.counts.insert(value.into(), reader.u64()?);
        }
        Ok(counts)
    }

    fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.text_bytes + self.counts.capacity() * (size_of::<(Box<str>, u64)>() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(values: &[Option<&str>]) -> ValueCounts {
        let mut counts = ValueCounts::default();
        values.iter().for_each(|value| counts.push(*value));
        counts
    }

    #[test]
    fn the_most_frequent_values_make_the_vocabulary() {
        let counts = counts(&["b", "a", "c", "b", "c", "d"].map(Some));
        assert_eq!(counts.vocabulary(3, 1), ["a", "b", "c"]);
        assert_eq!(counts.vocabulary(9, 2), ["b", "c"]);
        assert_eq!(counts.most_frequent(), Some("b"));
        assert_eq!(counts.distinct(), Some(4));
    }

    #[test]
    fn states_merge_in_any_order_to_the_same_bytes() {
        let (a, b) = (counts(&[Some("x"), None, Some("é")]), counts(&[Some("x"), Some("y")]));
        let (mut ab, mut ba) = (a.clone(), b.clone());
        ab.merge(&b);
        ba.merge(&a);
        assert_eq!(ab.to_bytes(), ba.to_bytes());
        assert_eq!(ValueCounts::from_bytes(&ab.to_bytes()).unwrap(), ab);
        assert_eq!(ab.nulls(), 1);
    }

    #[test]
    fn too_many_values_are_not_kept() {
        let mut counts = ValueCounts::default();
        (0..=CATEGORIES_MAX).for_each(|i| counts.push(Some(&i.to_string())));
        assert_eq!(counts.distinct(), None);
        assert_eq!(ValueCounts::from_bytes(&counts.to_bytes()).unwrap().distinct(), None);
    }
}
