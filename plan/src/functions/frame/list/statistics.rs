//! Numbers of elements: `sum`, `mean`, `median`, `std`, `var`. Nulls are passed over.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, PrimitiveArray};
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{
    ArrowPrimitiveType, DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, DecimalType, Float64Type, Int64Type, TimeUnit,
    UInt64Type,
};
use datafusion::common::Result;

use super::lists::{Lists, element, element_type};
use crate::functions::frame::arguments::{Batch, Call, Takes};
use crate::functions::frame::function::Row;

use Takes::{Count, List};

pub(super) const ROWS: &[Row] = &[
    Row::new("list.sum", &[List], sum_type, sum),
    Row::new("list.mean", &[List], middle_type, |batch| of_numbers(batch, mean)),
    Row::new("list.median", &[List], middle_type, |batch| of_numbers(batch, median)),
    Row::new("list.var", &[List, Count], spread_type, |batch| of_spread(batch, |variance| variance)),
    Row::new("list.std", &[List, Count], spread_type, |batch| of_spread(batch, f64::sqrt)),
];

/// Small integers are summed as Int64, truths counted as UInt32; a sum of decimals has all digits that there are.
fn sum_type(call: &Call) -> Result<DataType> {
    use DataType::{Boolean, Decimal32, Decimal64, Decimal128, Duration, Float32, Float64, Null};
    use DataType::{Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64};
    match element_type(call)? {
        Boolean => Ok(UInt32),
        Int8 | Int16 | UInt8 | UInt16 => Ok(Int64),
        t @ (Int32 | Int64 | UInt32 | UInt64 | Float32 | Float64 | Duration(_) | Null) => Ok(t),
        Decimal32(_, scale) | Decimal64(_, scale) | Decimal128(_, scale) => Ok(Decimal128(DECIMAL128_MAX_PRECISION, scale)),
        _ => Err(call.unfit(0, "a list of numbers")),
    }
}

/// The middle of moments is one; of numbers it is a float, of 32 bits where they are.
fn middle_type(call: &Call) -> Result<DataType> {
    use DataType::{Boolean, Date32, Duration, Float32, Float64, Null, Time32, Time64, Timestamp};
    match element_type(call)? {
        Float32 => Ok(Float32),
        t if t.is_integer() || t.is_decimal() || matches!(t, Float64 | Boolean | Null) => Ok(Float64),
        t @ (Timestamp(..) | Duration(_) | Time64(_) | Time32(_)) => Ok(t),
        Date32 => Ok(Timestamp(TimeUnit::Microsecond, None)),
        _ => Err(call.unfit(0, "a list of numbers or of dates and times")),
    }
}

fn spread_type(call: &Call) -> Result<DataType> {
    match element(call, 0)?.data_type() {
        DataType::Float32 => Ok(DataType::Float32),
        t if t.is_integer() || t.is_decimal() || matches!(t, DataType::Float64 | DataType::Null) => Ok(DataType::Float64),
        _ => Err(call.unfit(0, "a list of numbers")),
    }
}

/// 0 where there is nothing. Errors: `Execution` for a sum that its type does not hold.
fn sum(batch: &Batch) -> Result<ArrayRef> {
    let sums: ArrayRef = match batch.returns {
        DataType::Float32 | DataType::Float64 => {
            let lists = Lists::of_type(batch, 0, &DataType::Float64)?;
            let values = lists.values.as_primitive::<Float64Type>();
            let sum = |range| each(values, range).sum::<f64>();
            Arc::new((0..batch.rows).map(|row| lists.range(row).map(sum)).collect::<Float64Array>())
        }
        DataType::UInt64 => {
            let lists = Lists::of_type(batch, 0, &DataType::UInt64)?;
            let values = lists.values.as_primitive::<UInt64Type>();
            let sum = |range| each(values, range).try_fold(0_u64, u64::checked_add);
            Arc::new(checked::<UInt64Type>(batch, &lists, sum)?)
        }
        DataType::Decimal128(digits, _) => {
            let lists = Lists::of_type(batch, 0, batch.returns)?;
            let values = lists.values.as_primitive::<Decimal128Type>();
            let fits = |sum: &i128| Decimal128Type::is_valid_decimal_precision(*sum, *digits);
            let sum = |range| each(values, range).try_fold(0_i128, |sum, value| sum.checked_add(value).filter(fits));
            let sums = checked::<Decimal128Type>(batch, &lists, sum)?;
            Arc::new(sums.with_data_type(batch.returns.clone()))
        }
        _ => {
            // Durations pass through their own numbers; other elements are numbers.
            let own = Lists::of(batch, 0)?;
            let values = cast(&own.values, &DataType::Int64)?;
            let values = values.as_primitive::<Int64Type>();
            let sum = |range| each(values, range).try_fold(0_i64, i64::checked_add);
            Arc::new(checked::<Int64Type>(batch, &own, sum)?)
        }
    };
    Ok(cast_with_options(&sums, batch.returns, &CastOptions { safe: false, ..CastOptions::default() })?)
}

fn checked<T: ArrowPrimitiveType>(
    batch: &Batch,
    lists: &Lists,
    sum: impl Fn(Range<usize>) -> Option<T::Native>,
) -> Result<PrimitiveArray<T>> {
    let mut sums = Vec::with_capacity(batch.rows);
    for row in 0..batch.rows {
        sums.push(match lists.range(row).map(&sum) {
            Some(None) => return batch.bad_value("a sum is beyond the range of its type", "cast the elements to Float64"),
            other => other.flatten(),
        });
    }
    Ok(PrimitiveArray::<T>::from_iter(sums))
}

fn each<T: ArrowPrimitiveType>(values: &PrimitiveArray<T>, range: Range<usize>) -> impl Iterator<Item = T::Native> + '_ {
    range.filter(|place| values.is_valid(*place)).map(|place| values.value(place))
}

/// The lists' elements as floats: moments by their numbers, a date by its microseconds.
fn numbers(batch: &Batch) -> Result<(Lists, Float64Array)> {
    let lists = Lists::of(batch, 0)?;
    let values = match lists.values.data_type() {
        DataType::Date32 => cast(&lists.values, &DataType::Timestamp(TimeUnit::Microsecond, None))?,
        _ => Arc::clone(&lists.values),
    };
    let values = if values.data_type().is_temporal() { cast_to_number(&values)? } else { values };
    let values = cast(&values, &DataType::Float64)?.as_primitive::<Float64Type>().clone();
    Ok((lists, values))
}

fn cast_to_number(values: &ArrayRef) -> Result<ArrayRef> {
    let narrow = matches!(values.data_type(), DataType::Time32(_));
    Ok(cast(values, if narrow { &DataType::Int32 } else { &DataType::Int64 })?)
}

fn of_numbers(batch: &Batch, number: fn(&mut [f64]) -> Option<f64>) -> Result<ArrayRef> {
    let (lists, values) = numbers(batch)?;
    let mut some = Vec::new();
    let found = (0..batch.rows).map(|row| {
        some.clear();
        some.extend(each(&values, lists.range(row)?));
        number(&mut some)
    });
    let found: Float64Array = found.collect();
    if !batch.returns.is_temporal() {
        return Ok(cast(&found, batch.returns)?);
    }
    let whole: Int64Array = found.unary(|x| x as i64);
    let narrow = matches!(batch.returns, DataType::Time32(_));
    let whole = if narrow { cast(&whole, &DataType::Int32)? } else { Arc::new(whole) };
    Ok(cast(&whole, batch.returns)?)
}

fn mean(values: &mut [f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The value in the middle, or the mean of the two there; NaNs stand above all numbers.
fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        n if n % 2 == 1 => Some(values[middle]),
        _ => Some(values[middle - 1] / 2.0 + values[middle] / 2.0),
    }
}

/// `ddof`: the divisor is the number of values less that; null where it is not above 0.
fn of_spread(batch: &Batch, of_variance: fn(f64) -> f64) -> Result<ArrayRef> {
    let (lists, values) = numbers(batch)?;
    let ddof = batch.count(1).unwrap_or(1) as f64;
    let spread = |row| {
        let range = lists.range(row)?;
        let n = each(&values, range.clone()).count() as f64;
        let mean = each(&values, range.clone()).sum::<f64>() / n;
        let squares: f64 = each(&values, range).map(|x| (x - mean).powi(2)).sum();
        (n > ddof).then(|| of_variance(squares / (n - ddof)))
    };
    let found: Float64Array = (0..batch.rows).map(spread).collect();
    Ok(cast(&found, batch.returns)?)
}
