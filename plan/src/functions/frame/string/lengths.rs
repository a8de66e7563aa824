//! How long texts are, in bytes and characters: read from their layout, without looking at texts where that tells.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, GenericStringArray, OffsetSizeTrait, StringViewArray, UInt32Array};
use arrow::datatypes::DataType;
use datafusion::common::Result;

use crate::functions::frame::arguments::{Batch, Takes};
use crate::functions::frame::function::Row;
use crate::functions::frame::results::uint32;

pub(super) const ROWS: &[Row] = &[
    Row::new("str.len_bytes", &[Takes::Text], uint32, |batch| lengths(batch, Counted::Bytes)),
    Row::new("str.len_chars", &[Takes::Text], uint32, |batch| lengths(batch, Counted::Characters)),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    Bytes,
    Characters,
}

fn lengths(batch: &Batch, counted: Counted) -> Result<ArrayRef> {
    let texts = batch.array(0)?;
    let lengths = match texts.data_type() {
        DataType::Utf8 => of_offsets(texts.as_string::<i32>(), counted),
        DataType::LargeUtf8 => of_offsets(texts.as_string::<i64>(), counted),
        _ => of_views(batch.array_as(0, &DataType::Utf8View)?.as_string_view(), counted),
    };
    Ok(Arc::new(UInt32Array::new(lengths.into(), texts.logical_nulls())))
}

/// Texts that lie one after the other.
fn of_offsets<O: OffsetSizeTrait>(texts: &GenericStringArray<O>, counted: Counted) -> Vec<u32> {
    let offsets = texts.value_offsets();
    let (first, last) = (offsets[0].as_usize(), offsets[offsets.len() - 1].as_usize());
    if counted == Counted::Bytes || texts.value_data()[first..last].is_ascii() {
        return offsets.windows(2).map(|ends| (ends[1] - ends[0]).as_usize() as u32).collect();
    }
    (0..texts.len()).map(|row| texts.value(row).chars().count() as u32).collect()
}

fn of_views(texts: &StringViewArray, counted: Counted) -> Vec<u32> {
    let of_row = |(row, view): (usize, &u128)| match *view as u32 {
        bytes if counted == Counted::Bytes => bytes,
        bytes @ 0..=12 => bytes - continuations(*view >> 32 & ((1 << (8 * bytes)) - 1)),
        // The view of a null may point anywhere.
        _ if texts.is_null(row) => 0,
        _ => texts.value(row).chars().count() as u32,
    };
    texts.views().iter().enumerate().map(of_row).collect()
}

/// Bytes that begin no character, of a text of up to 12 bytes, which lies in its view behind its length.
fn continuations(text: u128) -> u32 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    // Such a byte begins with the bits 10.
    let of = |bytes: u64| ((bytes >> 7) & !(bytes >> 6) & ONES).count_ones();
    of(text as u64) + of((text >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use arrow::array::{LargeStringArray, StringArray};

    use super::*;

    #[test]
    fn characters_are_counted_in_every_layout() {
        let texts =
            [Some(""), Some("aé"), None, Some("ß漢🦀yzt"), Some("twelve bytes"), Some("über zwölf Bytes 🦀🦀"), Some("a\u{301}")];
        let characters: Vec<u32> = texts.iter().map(|text| text.map_or(0, |text| text.chars().count() as u32)).collect();
        let bytes: Vec<u32> = texts.iter().map(|text| text.map_or(0, |text| text.len() as u32)).collect();
        for (counted, expected) in [(Counted::Characters, &characters), (Counted::Bytes, &bytes)] {
            assert_eq!(&of_views(&StringViewArray::from_iter(texts), counted), expected);
            assert_eq!(&of_offsets(&StringArray::from_iter(texts), counted), expected);
            assert_eq!(of_offsets(&LargeStringArray::from_iter(texts).slice(2, 3), counted), expected[2..5]);
        }
        assert_eq!(of_offsets(&StringArray::from(vec!["abc", "", "de"]), Counted::Characters), [3, 0, 2]);
        assert_eq!(of_offsets(&StringArray::new_null(0), Counted::Characters), [0; 0]);
    }
}
