//! The least and the greatest element: `min`, `max`, `arg_min`, `arg_max`. Nulls are passed over, NaNs where there is a number.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, UInt32Array};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use datafusion::common::Result;

use super::lists::{Keys, Lists, element_type, picked};
use crate::functions::frame::arguments::{Batch, Call, Takes};
use crate::functions::frame::function::Row;
use crate::functions::frame::results::uint32;

use Takes::List;

pub(super) const ROWS: &[Row] = &[
    Row::new("list.min", &[List], ordered_type, |batch| extreme(batch, false)),
    Row::new("list.max", &[List], ordered_type, |batch| extreme(batch, true)),
    Row::new("list.arg_min", &[List], uint32, |batch| place_of_extreme(batch, false)),
    Row::new("list.arg_max", &[List], uint32, |batch| place_of_extreme(batch, true)),
];

/// Lists and structs have no order.
fn ordered_type(call: &Call) -> Result<DataType> {
    let own = element_type(call)?;
    if own.is_nested() { Err(call.unfit(0, "a list of values that have an order")) } else { Ok(own) }
}

/// For each row the place among all values of its least or greatest element, the first of equal ones.
fn extremes(batch: &Batch, lists: &Lists, greatest: bool) -> Result<Vec<Option<usize>>> {
    let keys = Keys::new(lists.values.data_type(), greatest, true)?.of(&lists.values)?;
    let (nulls, nans) = (lists.values.logical_nulls(), nans(&lists.values));
    let is_some = |place: &usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(*place));
    let is_number = |place: &usize| nans.as_ref().is_none_or(|nans| !nans.value(*place));
    let best = |row| {
        let range = lists.range(row)?;
        let numbers = range.clone().filter(is_some).filter(is_number).min_by_key(|place| keys.row(*place));
        numbers.or_else(|| range.clone().find(is_some))
    };
    Ok((0..batch.rows).map(best).collect())
}

/// Which values are NaN, where some can be.
fn nans(values: &ArrayRef) -> Option<BooleanArray> {
    match values.data_type() {
        DataType::Float64 => Some(BooleanArray::from_unary(values.as_primitive::<Float64Type>(), f64::is_nan)),
        DataType::Float32 => Some(BooleanArray::from_unary(values.as_primitive::<Float32Type>(), f32::is_nan)),
        _ => None,
    }
}

fn extreme(batch: &Batch, greatest: bool) -> Result<ArrayRef> {
    let lists = Lists::of(batch, 0)?;
    let places = extremes(batch, &lists, greatest)?;
    picked(batch, &lists.values, |row| Ok(places[row]))
}

fn place_of_extreme(batch: &Batch, greatest: bool) -> Result<ArrayRef> {
    let lists = Lists::of(batch, 0)?;
    let places = extremes(batch, &lists, greatest)?;
    let within = |row: usize| Some((places[row]? - lists.range(row)?.start) as u32);
    Ok(Arc::new((0..batch.rows).map(within).collect::<UInt32Array>()))
}
