//! Matches replaced: `replace`, `replace_all`, `escape_regex`.

use std::fmt::Write;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use regex::{Captures, Regex};

use super::patterns::{Patterns, check};
use super::views::written;
use crate::functions::frame::arguments::{Batch, Call, Takes};
use crate::functions::frame::function::Row;
use crate::functions::frame::results::text;

use Takes::{Count, Flag, Text};

pub(super) const ROWS: &[Row] = &[
    Row::new("str.replace", &[Text, Text, Text, Flag, Count], replace_type, replace),
    Row::new("str.escape_regex", &[Text], text, escape_regex),
];

/// `pattern, value, literal, n`: the first n matches, all of them where n is negative.
fn replace_type(call: &Call) -> Result<DataType> {
    match call.constant(1) {
        Some(pattern) if pattern.is_null() => call.wrong("the pattern is null"),
        _ => check(call, 1, call.flag(3), true).map(|()| DataType::Utf8View),
    }
}

/// Where the pattern or the value is null, the text stays as it is.
fn replace(batch: &Batch) -> Result<ArrayRef> {
    let (texts, values, literal) = (batch.texts(0)?, batch.texts(2)?, batch.flag(3));
    let n = batch.count(4).unwrap_or(1);
    let most = if n < 0 { usize::MAX } else { n as usize };
    let mut patterns = Patterns::of(batch, 1, literal, true)?;
    written(&texts, batch.rows, |row, text, out| {
        match (patterns.at(row)?, values.get(row)) {
            (Some(pattern), Some(value)) if literal || !value.contains('$') => {
                replace_plainly(text, pattern, value, most, out);
            }
            (Some(pattern), Some(value)) => replace_groups(text, pattern, value, most, out),
            _ => out.push_str(text),
        }
        Ok(true)
    })
}

fn replace_plainly(text: &str, pattern: &Regex, value: &str, most: usize, out: &mut String) {
    let mut end = 0;
    for found in pattern.find_iter(text).take(most) {
        out.push_str(&text[end..found.start()]);
        out.push_str(value);
        end = found.end();
    }
    out.push_str(&text[end..]);
}

/// `$1`, `${1}` and `$name` in the value stand for what the group matched.
fn replace_groups(text: &str, pattern: &Regex, value: &str, most: usize, out: &mut String) {
    let mut end = 0;
    for groups in pattern.captures_iter(text).take(most) {
        let Some(found) = Captures::get(&groups, 0) else { continue };
        out.push_str(&text[end..found.start()]);
        groups.expand(value, out);
        end = found.end();
    }
    out.push_str(&text[end..]);
}

fn escape_regex(batch: &Batch) -> Result<ArrayRef> {
    written(&batch.texts(0)?, batch.rows, |_, text, out| Ok(write!(out, "{}", regex::escape(text)).is_ok()))
}
