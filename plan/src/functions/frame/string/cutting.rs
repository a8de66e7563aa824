//! Parts of a text by place or by what stands at its ends: `slice`, `head`, `tail`, `strip_*`.

use std::ops::Range;

use arrow::array::ArrayRef;
use datafusion::common::Result;

use super::views::parts;
use crate::functions::frame::arguments::{Batch, Takes};
use crate::functions::frame::function::Row;
use crate::functions::frame::results::text;

use Takes::{Int, Text};

pub(super) const ROWS: &[Row] = &[
    Row::new("str.slice", &[Text, Int, Int], text, slice),
    Row::new("str.head", &[Text, Int], text, head),
    Row::new("str.tail", &[Text, Int], text, tail),
    Row::new("str.strip_chars", &[Text, Text], text, |batch| strip(batch, true, true)),
    Row::new("str.strip_chars_start", &[Text, Text], text, |batch| strip(batch, true, false)),
    Row::new("str.strip_chars_end", &[Text, Text], text, |batch| strip(batch, false, true)),
    Row::new("str.strip_prefix", &[Text, Text], text, strip_prefix),
    Row::new("str.strip_suffix", &[Text, Text], text, strip_suffix),
];

/// Where the character of this number starts, the end for one past the last.
fn start_of(text: &str, character: usize) -> usize {
    if text.is_ascii() {
        return character.min(text.len());
    }
    text.char_indices().nth(character).map_or(text.len(), |(at, _)| at)
}

/// The bytes of `count` characters from `offset`, which counts from the end where it is negative.
/// Characters before the first one count: of "abc", 9 from -10 are "ab".
fn characters(text: &str, offset: i64, count: Option<i64>) -> Range<usize> {
    let length = if text.is_ascii() { text.len() } else { text.chars().count() } as i64;
    let from = if offset < 0 { offset.saturating_add(length) } else { offset };
    let to = count.map_or(length, |count| from.saturating_add(count.max(0)));
    let (from, to) = (from.clamp(0, length), to.clamp(0, length));
    if from >= to {
        return 0..0;
    }
    start_of(text, from as usize)..start_of(text, to as usize)
}

fn slice(batch: &Batch) -> Result<ArrayRef> {
    let (texts, offsets, lengths) = (batch.texts(0)?, batch.ints(1)?, batch.ints(2)?);
    parts(&texts, batch.rows, |row, text| Ok(offsets.get(row).map(|offset| characters(text, offset, lengths.get(row)))))
}

/// The first n characters; for a negative n, all but the last -n.
fn head(batch: &Batch) -> Result<ArrayRef> {
    let (texts, counts) = (batch.texts(0)?, batch.ints(1)?);
    let part = |text: &str, n: i64| match n {
        0.. => characters(text, 0, Some(n)),
        _ => 0..text.len() - characters(text, n.max(-(text.len() as i64)), None).len(),
    };
    parts(&texts, batch.rows, |row, text| Ok(counts.get(row).map(|n| part(text, n))))
}

/// The last n characters; for a negative n, all but the first -n.
fn tail(batch: &Batch) -> Result<ArrayRef> {
    let (texts, counts) = (batch.texts(0)?, batch.ints(1)?);
    let part = |text: &str, n: i64| match n {
        0 => 0..0,
        1.. => characters(text, n.saturating_neg(), None),
        _ => characters(text, n.saturating_neg(), None),
    };
    parts(&texts, batch.rows, |row, text| Ok(counts.get(row).map(|n| part(text, n))))
}

/// Without the characters of a set at its ends; whitespace where the set is null.
fn strip(batch: &Batch, start: bool, end: bool) -> Result<ArrayRef> {
    let (texts, sets) = (batch.texts(0)?, batch.texts(1)?);
    parts(&texts, batch.rows, |row, text| {
        let set = sets.get(row);
        let stripped = |c: char| set.map_or_else(|| c.is_whitespace(), |set| set.contains(c));
        let from = if start { text.len() - text.trim_start_matches(stripped).len() } else { 0 };
        let rest = &text[from..];
        Ok(Some(from..from + if end { rest.trim_end_matches(stripped).len() } else { rest.len() }))
    })
}

fn strip_prefix(batch: &Batch) -> Result<ArrayRef> {
    let (texts, prefixes) = (batch.texts(0)?, batch.texts(1)?);
    let part = |text: &str, prefix: &str| if text.starts_with(prefix) { prefix.len()..text.len() } else { 0..text.len() };
    parts(&texts, batch.rows, |row, text| Ok(prefixes.get(row).map(|prefix| part(text, prefix))))
}

fn strip_suffix(batch: &Batch) -> Result<ArrayRef> {
    let (texts, suffixes) = (batch.texts(0)?, batch.texts(1)?);
    let part = |text: &str, suffix: &str| 0..text.len() - if text.ends_with(suffix) { suffix.len() } else { 0 };
    parts(&texts, batch.rows, |row, text| Ok(suffixes.get(row).map(|suffix| part(text, suffix))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_counted_not_bytes() {
        assert_eq!(&"héllo"[characters("héllo", 1, Some(2))], "él");
        assert_eq!(&"abc"[characters("abc", -10, Some(9))], "ab");
        assert_eq!(&"abc"[characters("abc", -2, None)], "bc");
        assert_eq!(characters("abc", 5, Some(2)), 0..0);
        assert_eq!(characters("abc", i64::MAX, Some(i64::MAX)), 0..0);
        assert_eq!(characters("abc", i64::MIN, Some(4)), 0..0);
    }
}
