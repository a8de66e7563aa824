//! Texts cut at a separator: `split` into a list, `split_exact` and `splitn` into a struct of so many fields.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, StructArray};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::Result;

use super::patterns::{Patterns, check};
use super::views::{Parts, part_lists, text_list};
use crate::functions::frame::arguments::{Batch, Call, Takes};
use crate::functions::frame::function::Row;

use Takes::{Count, Flag, Text};

pub(super) const ROWS: &[Row] = &[
    Row::new("str.split", &[Text, Text, Flag, Flag, Flag], split_type, split),
    Row::new("str.split_exact", &[Text, Text, Count, Flag], |call| fields_type(call, 1), |batch| split_fields(batch, 1)),
    Row::new("str.splitn", &[Text, Text, Count], |call| fields_type(call, 0), |batch| split_fields(batch, 0)),
];

/// `by, inclusive, literal, strict`
fn split_type(call: &Call) -> Result<DataType> {
    check(call, 1, call.flag(3), call.flag(4)).map(|()| text_list())
}

fn split(batch: &Batch) -> Result<ArrayRef> {
    let (texts, separators, inclusive, literal) = (batch.texts(0)?, batch.texts(1)?, batch.flag(2), batch.flag(3));
    let mut patterns = Patterns::of(batch, 1, literal, batch.flag(4))?;
    part_lists(&texts, batch.rows, |row, text, found| {
        if separators.get(row) == Some("") {
            each_character(text, |part| found.push(row, part));
            return Ok(true);
        }
        let Some(pattern) = patterns.at(row)? else { return Ok(false) };
        let cuts = pattern.find_iter(text).map(|found| found.range());
        each_piece(text, cuts, inclusive, |part| found.push(row, part));
        if inclusive && !literal && text.is_empty() {
            found.push(row, 0..0);
        }
        Ok(true)
    })
}

fn each_character(text: &str, mut found: impl FnMut(Range<usize>)) {
    text.char_indices().for_each(|(at, c)| found(at..at + c.len_utf8()));
}

/// What stands between cuts. With the cuts included in what ends there, an empty last piece is none, except that the
/// only piece of a text without a cut always is one; Polars leaves it out of literal splits alone.
fn each_piece(text: &str, cuts: impl Iterator<Item = Range<usize>>, inclusive: bool, mut found: impl FnMut(Range<usize>)) {
    let mut start = 0;
    for cut in cuts {
        found(start..if inclusive { cut.end } else { cut.start });
        start = cut.end;
    }
    if !inclusive || start < text.len() {
        found(start..text.len());
    }
}

/// `field_0` to `field_n`: n of `splitn`, n + 1 of `split_exact`, which takes the number of cuts.
fn fields_type(call: &Call, more: i64) -> Result<DataType> {
    let Some(n) = call.count(2) else { return call.wrong("n is null, expected how many pieces there are") };
    if !(1 - more..=MAX_FIELDS).contains(&n) {
        return call.wrong(format!("n is {n}, expected {} to {MAX_FIELDS}", 1 - more));
    }
    Ok(DataType::Struct((0..n + more).map(|at| Field::new(format!("field_{at}"), DataType::Utf8View, true)).collect()))
}

/// More fields are no struct that anybody meant.
const MAX_FIELDS: i64 = 10_000;

/// `splitn` leaves what is behind the last cut uncut; `split_exact` drops it.
fn split_fields(batch: &Batch, more: usize) -> Result<ArrayRef> {
    let DataType::Struct(fields) = batch.returns else { return batch.wrong("the result is no struct") };
    let (texts, separators) = (batch.texts(0)?, batch.texts(1)?);
    let inclusive = more == 1 && batch.flag(3);
    let mut columns: Vec<Parts> = fields.iter().map(|_| Parts::of(&texts, batch.rows)).collect();
    let mut pieces = Vec::new();
    for row in 0..batch.rows {
        pieces.clear();
        if let (Some(text), Some(by)) = (texts.get(row), separators.get(row)) {
            match more {
                0 => up_to(text, by, fields.len(), &mut pieces),
                _ => all(text, by, inclusive, fields.len(), &mut pieces),
            }
        }
        columns.iter_mut().enumerate().for_each(|(at, column)| column.push_option(row, pieces.get(at).cloned()));
    }
    structs(fields, columns, batch.rows)
}

fn all(text: &str, by: &str, inclusive: bool, most: usize, pieces: &mut Vec<Range<usize>>) {
    match by {
        "" => text.char_indices().take(most).for_each(|(at, c)| pieces.push(at..at + c.len_utf8())),
        _ => {
            let cuts = text.match_indices(by).take(most).map(|(at, by)| at..at + by.len());
            each_piece(text, cuts, inclusive, |part| pieces.push(part));
        }
    }
}

fn up_to(text: &str, by: &str, most: usize, pieces: &mut Vec<Range<usize>>) {
    if by.is_empty() {
        let mut starts = text.char_indices().map(|(at, _)| at).take(most).peekable();
        while let Some(start) = starts.next() {
            pieces.push(start..starts.peek().copied().unwrap_or(text.len()));
        }
        return;
    }
    let cuts = text.match_indices(by).take(most - 1).map(|(at, by)| at..at + by.len());
    each_piece(text, cuts, false, |part| pieces.push(part));
}

/// Columns of parts as the fields of a struct that is never null itself.
pub(super) fn structs(fields: &Fields, columns: Vec<Parts>, rows: usize) -> Result<ArrayRef> {
    let columns = columns.into_iter().map(Parts::finish).collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), columns, None, rows)?))
}
