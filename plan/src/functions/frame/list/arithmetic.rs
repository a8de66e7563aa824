//! Arithmetic between elements: `diff` of neighbours, `dot` of two arrays.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, UInt32Array};
use arrow::compute::kernels::numeric::sub_wrapping;
use arrow::compute::{CastOptions, cast, cast_with_options, take};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};
use datafusion::common::Result;

use super::choosing::shifted;
use super::lists::{Lists, common, element, element_type, gathered};
use crate::functions::frame::arguments::{Batch, Call, Takes};
use crate::functions::frame::function::Row;
use crate::functions::frame::results::list_of;

use Takes::{Count, List, Word};

pub(super) const ROWS: &[Row] = &[
    Row::new("list.diff", &[List, Count, Word], |call| difference_type(call).map(list_of), diff),
    Row::new("arr.dot", &[List, List], dot_type, dot),
];

/// The type in which elements are subtracted, from which the type of a difference follows.
fn subtracted_type(element: &DataType) -> Option<DataType> {
    use DataType::{
        Date32, Duration, Float32, Float64, Int8, Int16, Int32, Int64, Time64, Timestamp, UInt8, UInt16, UInt32, UInt64,
    };
    match element {
        Date32 => Some(Timestamp(TimeUnit::Microsecond, None)),
        UInt8 => Some(Int16),
        UInt16 => Some(Int32),
        UInt32 | UInt64 => Some(Int64),
        Time64(_) => Some(Duration(TimeUnit::Nanosecond)),
        t @ (Int8 | Int16 | Int32 | Int64 | Float32 | Float64 | Duration(_) | Timestamp(..)) => Some(t.clone()),
        _ => None,
    }
}

fn difference_type(call: &Call) -> Result<DataType> {
    if !matches!(call.word(2), Some("ignore" | "drop")) {
        return call.wrong("null_behavior is `ignore` or `drop`");
    }
    match subtracted_type(element(call, 0)?.data_type()) {
        Some(DataType::Timestamp(unit, _)) => Ok(DataType::Duration(unit)),
        Some(t) => Ok(t),
        None => Err(call.unfit(0, "a list of numbers or of dates and times")),
    }
}

/// `n, null_behavior`: each element less the one n places before it.
fn diff(batch: &Batch) -> Result<ArrayRef> {
    let (lists, n, drop) = (Lists::of(batch, 0)?, batch.count(1).unwrap_or(1), batch.word(2) == Some("drop"));
    let subtracted = subtracted_type(lists.values.data_type()).unwrap_or(DataType::Int64);
    let values = match lists.values.data_type() {
        DataType::Time64(_) => cast(&cast(&lists.values, &DataType::Int64)?, &subtracted)?,
        _ => cast(&lists.values, &subtracted)?,
    };
    let mut before = vec![None; values.len()];
    for range in (0..batch.rows).filter_map(|row| lists.range(row)) {
        range.clone().enumerate().for_each(|(at, place)| before[place] = shifted(&range, at as i64, n));
    }
    let differences = sub_wrapping(&values, &take(&values, &UInt32Array::from(before), None)?)?;
    gathered(batch, &differences, |row, places| {
        let Some(range) = lists.range(row) else { return Ok(false) };
        let skipped = if drop { usize::try_from(n).unwrap_or_default() } else { 0 };
        places.extend(range.skip(skipped).map(|place| Some(place as u32)));
        Ok(true)
    })
}

fn dot_type(call: &Call) -> Result<DataType> {
    let united = common(call, 1, &element_type(call)?, element(call, 1)?.data_type())?;
    match (call.data_type(0), call.data_type(1)) {
        (DataType::FixedSizeList(_, one), DataType::FixedSizeList(_, other)) if one != other => {
            call.wrong(format!("arrays of {one} and of {other} elements have no dot product"))
        }
        _ if united.is_numeric() && !united.is_decimal() => Ok(united),
        _ => Err(call.unfit(0, "an array of numbers")),
    }
}

/// Pairs with a null are passed over.
fn dot(batch: &Batch) -> Result<ArrayRef> {
    let one = Lists::of_type(batch, 0, batch.returns)?;
    let other = Lists::of_type(batch, 1, batch.returns)?;
    if batch.returns.is_integer() {
        return whole_dot(batch, &one, &other);
    }
    let (a, b) = (cast(&one.values, &DataType::Float64)?, cast(&other.values, &DataType::Float64)?);
    let (a, b) = (a.as_primitive::<Float64Type>(), b.as_primitive::<Float64Type>());
    let product = |row| {
        let pairs = one.range(row)?.zip(other.range(row)?);
        Some(pairs.filter(|(i, j)| a.is_valid(*i) && b.is_valid(*j)).map(|(i, j)| a.value(i) * b.value(j)).sum::<f64>())
    };
    let found: Float64Array = (0..batch.rows).map(product).collect();
    Ok(cast(&found, batch.returns)?)
}

fn whole_dot(batch: &Batch, one: &Lists, other: &Lists) -> Result<ArrayRef> {
    let (a, b) = (cast(&one.values, &DataType::Int64)?, cast(&other.values, &DataType::Int64)?);
    let (a, b) = (a.as_primitive::<Int64Type>(), b.as_primitive::<Int64Type>());
    let mut found = Vec::with_capacity(batch.rows);
    for row in 0..batch.rows {
        let (Some(left), Some(right)) = (one.range(row), other.range(row)) else {
            found.push(None);
            continue;
        };
        let pairs = left.zip(right).filter(|(i, j)| a.is_valid(*i) && b.is_valid(*j));
        let sum = pairs.map(|(i, j)| a.value(i).checked_mul(b.value(j))).try_fold(0_i64, |sum, x| sum.checked_add(x?));
        match sum {
            Some(sum) => found.push(Some(sum)),
            None => return batch.bad_value("a product is beyond the range of Int64", "cast the elements to Float64"),
        }
    }
    let found: ArrayRef = Arc::new(arrow::array::Int64Array::from(found));
    Ok(cast_with_options(&found, batch.returns, &CastOptions { safe: false, ..CastOptions::default() })?)
}
