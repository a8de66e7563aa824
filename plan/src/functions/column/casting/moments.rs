//! Dates, times, datetimes and durations as each other and as numbers.
//!
//! A datetime is a number of units since 1970 in UTC, whatever its zone, and what is left over of a coarser unit is cut off
//! downwards; of a duration, towards zero.

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, make_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit};
use datafusion::common::Result;

use super::value::arrows;

const SECONDS_A_DAY: i64 = 86_400;

/// Dates, times of the day, datetimes and durations.
pub(super) fn is_moment(data_type: &DataType) -> bool {
    use DataType::{Date32, Duration, Time32, Time64, Timestamp};
    matches!(data_type, Date32 | Time32(_) | Time64(_) | Timestamp(..) | Duration(_))
}

/// Whether the one is also the other; numbers are counts of days or units.
pub(super) fn can_become(from: &DataType, to: &DataType) -> bool {
    use DataType::{Boolean, Date32, Date64, Duration, Time32, Time64, Timestamp};
    match (from, to) {
        (Timestamp(..), Timestamp(..) | Date32 | Time32(_) | Time64(_)) => true,
        (Date32, Date32 | Timestamp(..)) => true,
        (Duration(_), Duration(_)) => true,
        (Time32(_) | Time64(_), Time32(_) | Time64(_) | Duration(_)) => true,
        (Date64, Date32 | Timestamp(..)) => true,
        (Boolean, _) => true,
        (number, _) => number.is_integer() || number.is_floating(),
    }
}

/// What one of them or a number is as the other.
pub(super) fn moved(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let from = array.data_type().clone();
    if from == DataType::Date64 {
        return moved(&cast(array, &DataType::Timestamp(TimeUnit::Millisecond, None))?, to);
    }
    let numbers = numbers(array)?;
    if !is_moment(to) {
        let numbers: ArrayRef = std::sync::Arc::new(numbers);
        return arrows(&numbers, to);
    }
    let moved = numbers.unary_opt::<_, Int64Type>(|value| moved_value(value, &from, to).filter(|value| fits(*value, to)));
    labelled(moved, to)
}

/// The numbers that moments are, or whole numbers.
fn numbers(array: &ArrayRef) -> Result<Int64Array> {
    let whole = match array.data_type() {
        DataType::Date32 | DataType::Time32(_) => cast(&cast(array, &DataType::Int32)?, &DataType::Int64)?,
        _ => arrows(array, &DataType::Int64)?,
    };
    Ok(whole.as_primitive::<Int64Type>().clone())
}

fn moved_value(value: i64, from: &DataType, to: &DataType) -> Option<i64> {
    use DataType::{Date32, Duration, Time32, Time64, Timestamp};
    match (from, to) {
        (Timestamp(own, _), Timestamp(unit, _)) => down(value, *own, *unit),
        (Timestamp(own, _), Date32) => Some(value.div_euclid(SECONDS_A_DAY * per_second(*own))),
        (Timestamp(own, _), Time32(unit) | Time64(unit)) => down(value.rem_euclid(SECONDS_A_DAY * per_second(*own)), *own, *unit),
        (Date32, Timestamp(unit, _)) => value.checked_mul(SECONDS_A_DAY * per_second(*unit)),
        (Time32(own) | Time64(own), Time32(unit) | Time64(unit) | Duration(unit)) => down(value, *own, *unit),
        (Duration(own), Duration(unit)) => {
            let (own, unit) = (per_second(*own), per_second(*unit));
            if unit >= own { value.checked_mul(unit / own) } else { Some(value / (own / unit)) }
        }
        _ => Some(value),
    }
}

fn down(value: i64, own: TimeUnit, unit: TimeUnit) -> Option<i64> {
    let (own, unit) = (per_second(own), per_second(unit));
    if unit >= own { value.checked_mul(unit / own) } else { Some(value.div_euclid(own / unit)) }
}

fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// A date has 32 bits; a time lies within a day.
fn fits(value: i64, to: &DataType) -> bool {
    match to {
        DataType::Date32 => i32::try_from(value).is_ok(),
        DataType::Time32(unit) | DataType::Time64(unit) => (0..SECONDS_A_DAY * per_second(*unit)).contains(&value),
        _ => true,
    }
}

fn labelled(numbers: Int64Array, to: &DataType) -> Result<ArrayRef> {
    let numbers: ArrayRef = std::sync::Arc::new(numbers);
    let narrow = matches!(to, DataType::Date32 | DataType::Time32(_));
    let numbers = if narrow { cast(&numbers, &DataType::Int32)? } else { numbers };
    Ok(make_array(numbers.to_data().into_builder().data_type(to.clone()).build()?))
}
