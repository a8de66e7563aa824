//! What a pattern matched: `extract`, `extract_all`, `extract_groups`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StructArray};
use arrow::datatypes::{DataType, Field};
use datafusion::common::Result;

use super::patterns::{Patterns, check, regex};
use super::views::{Parts, part_lists, parts, text_list};
use crate::functions::frame::arguments::{Batch, Call, Takes};
use crate::functions::frame::function::Row;

use Takes::{Count, Text, Word};

pub(super) const ROWS: &[Row] = &[
    Row::new("str.extract", &[Text, Text, Count], extract_type, extract),
    Row::new("str.extract_all", &[Text, Text], extract_all_type, extract_all),
    Row::new("str.extract_groups", &[Text, Word], groups_type, extract_groups),
];

fn extract_type(call: &Call) -> Result<DataType> {
    match call.count(2) {
        Some(0..) => check(call, 1, false, true).map(|()| DataType::Utf8View),
        Some(group) => call.wrong(format!("group {group} is none: groups count from 1, and 0 is the whole match")),
        None => call.wrong("the group is null, expected its number"),
    }
}

fn extract(batch: &Batch) -> Result<ArrayRef> {
    let texts = batch.texts(0)?;
    let group = batch.count(2).unwrap_or_default() as usize;
    let mut patterns = Patterns::of(batch, 1, false, true)?;
    let mut places = None;
    parts(&texts, batch.rows, |row, text| {
        let Some(pattern) = patterns.at(row)? else { return Ok(None) };
        if group == 0 {
            return Ok(pattern.find(text).map(|found| found.range()));
        }
        let places = places.get_or_insert_with(|| pattern.capture_locations());
        if places.len() != pattern.captures_len() {
            *places = pattern.capture_locations();
        }
        pattern.captures_read(places, text);
        Ok(places.get(group).map(|(start, end)| start..end).filter(|_| pattern.is_match(text)))
    })
}

fn extract_all_type(call: &Call) -> Result<DataType> {
    check(call, 1, false, true).map(|()| text_list())
}

fn extract_all(batch: &Batch) -> Result<ArrayRef> {
    let texts = batch.texts(0)?;
    let mut patterns = Patterns::of(batch, 1, false, true)?;
    part_lists(&texts, batch.rows, |row, text, found| {
        let Some(pattern) = patterns.at(row)? else { return Ok(false) };
        pattern.find_iter(text).for_each(|place| found.push(row, place.range()));
        Ok(true)
    })
}

/// A field for each group, named as the group is, else by its number.
fn groups_type(call: &Call) -> Result<DataType> {
    let Some(pattern) = call.word(1) else { return call.wrong("the pattern is null") };
    let pattern = regex(call.name, pattern)?;
    let names = pattern.capture_names().enumerate().skip(1);
    let field = |(at, name): (usize, Option<&str>)| {
        Field::new(name.map_or_else(|| at.to_string(), str::to_owned), DataType::Utf8View, true)
    };
    Ok(DataType::Struct(names.map(field).collect()))
}

fn extract_groups(batch: &Batch) -> Result<ArrayRef> {
    let DataType::Struct(fields) = batch.returns else { return batch.wrong("the result is no struct") };
    let texts = batch.texts(0)?;
    let pattern = regex(batch.name, batch.word(1).unwrap_or_default())?;
    let mut places = pattern.capture_locations();
    let mut columns: Vec<Parts> = fields.iter().map(|_| Parts::of(&texts, batch.rows)).collect();
    for row in 0..batch.rows {
        let matched = texts.get(row).is_some_and(|text| pattern.captures_read(&mut places, text).is_some());
        for (at, column) in columns.iter_mut().enumerate() {
            let place = places.get(at + 1).filter(|_| matched);
            column.push_option(row, place.map(|(start, end)| start..end));
        }
    }
    let columns = columns.into_iter().map(Parts::finish).collect::<Result<Vec<_>>>()?;
    let nulls = if fields.is_empty() { None } else { batch.array(0)?.logical_nulls() };
    Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), columns, nulls, batch.rows)?))
}
