//! Lists put together: `join` into a text, `concat` into a longer list.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewBuilder};
use arrow::compute::concat;
use arrow::datatypes::DataType;
use datafusion::common::Result;

use super::lists::{Lists, common, element, element_type, gathered};
use crate::functions::frame::arguments::{Batch, Call, Takes, is_list};
use crate::functions::frame::function::Row;
use crate::functions::frame::results::list_of;

use Takes::{Flag, List, Rest, Text};

pub(super) const ROWS: &[Row] = &[
    Row::new("list.join", &[List, Text, Flag], join_type, join),
    Row::new("list.concat", &[List, Rest], concat_type, concat_lists),
];

fn join_type(call: &Call) -> Result<DataType> {
    match element(call, 0)?.data_type() {
        t if t.is_string() || t.is_null() => Ok(DataType::Utf8View),
        _ => Err(call.unfit(0, "a list of texts")),
    }
}

/// `separator, ignore_nulls`
fn join(batch: &Batch) -> Result<ArrayRef> {
    let lists = Lists::of_type(batch, 0, &DataType::Utf8View)?;
    let (texts, separators, ignore_nulls) = (lists.values.as_string_view(), batch.texts(1)?, batch.flag(2));
    let mut out = StringViewBuilder::with_capacity(batch.rows);
    let mut one = String::new();
    for row in 0..batch.rows {
        let (Some(range), Some(separator)) = (lists.range(row), separators.get(row)) else {
            out.append_null();
            continue;
        };
        if !ignore_nulls && range.clone().any(|place| texts.is_null(place)) {
            out.append_null();
            continue;
        }
        one.clear();
        for (n, place) in range.filter(|place| texts.is_valid(*place)).enumerate() {
            one.push_str(if n == 0 { "" } else { separator });
            one.push_str(texts.value(place));
        }
        out.append_value(&one);
    }
    Ok(Arc::new(out.finish()))
}

/// What is no list is taken for a list of it alone.
fn concat_type(call: &Call) -> Result<DataType> {
    let mut united = element_type(call)?;
    for at in 1..call.len() {
        let other = if is_list(call.data_type(at)) { element(call, at)?.data_type().clone() } else { call.data_type(at).clone() };
        united = common(call, at, &united, &other)?;
    }
    Ok(list_of(united))
}

fn concat_lists(batch: &Batch) -> Result<ArrayRef> {
    let DataType::List(field) = batch.returns else { return batch.wrong("the result is no list") };
    let lists = (0..batch.len()).map(|at| Lists::of_type(batch, at, field.data_type())).collect::<Result<Vec<_>>>()?;
    let values: Vec<&dyn Array> = lists.iter().map(|lists| lists.values.as_ref()).collect();
    let values = concat(&values)?;
    gathered(batch, &values, |row, places| {
        let (from, mut start) = (places.len(), 0);
        for lists in &lists {
            let Some(range) = lists.range(row) else {
                places.truncate(from);
                return Ok(false);
            };
            places.extend(range.map(|place| Some((start + place) as u32)));
            start += lists.values.len();
        }
        Ok(true)
    })
}
