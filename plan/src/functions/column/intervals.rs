//! How long intervals and durations are, the parts that they are written in, and days as moments.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array, Int32Array, Int64Array};
use arrow::compute::interleave;
use arrow::datatypes::{
    DataType, Date32Type, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    IntervalDayTimeType, IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use datafusion::common::{Result, ScalarValue};
use gradframe_ml_core::Error;

use super::kernel::{Columns, Kernel, as_first};
use crate::error::to_datafusion;

pub(super) const KERNELS: &[Kernel] = &[
    Kernel { name: "interval_length", result: length_type, run: |columns| Ok(Arc::new(lengths(&columns.values[0])?)) },
    Kernel { name: "duration_part", result: part_type, run: part },
    // [intervals, ...] of one type; constants: whether the longest is asked for, or the shortest.
    Kernel { name: "longest", result: as_first, run: longest },
    // Days and moments in nanoseconds; those beyond are the first or the last moment.
    Kernel { name: "held_moment", result: held_type, run: held },
];

/// Nanoseconds as they are compared: a month of an interval may have 2^31 times 30 days.
fn length_type(_types: &[DataType], _constants: &[ScalarValue]) -> Result<DataType> {
    Ok(DataType::Decimal128(38, 0))
}

const SECOND: i128 = 1_000_000_000;
const DAY: i128 = 86_400 * SECOND;

/// As PostgreSQL and DuckDB compare intervals: a month is of 30 days, a day of 24 hours.
fn length(months: i32, days: i32, nanoseconds: i128) -> i128 {
    (i128::from(months) * 30 + i128::from(days)) * DAY + nanoseconds
}

/// Nanoseconds; null where the interval is.
fn lengths(values: &ArrayRef) -> Result<Decimal128Array> {
    use DataType::{Duration, Interval};
    macro_rules! of {
        ($t:ty, $length:expr) => {
            values.as_primitive::<$t>().unary($length)
        };
    }
    let lengths: Decimal128Array = match values.data_type() {
        Interval(IntervalUnit::YearMonth) => of!(IntervalYearMonthType, |months| length(months, 0, 0)),
        Interval(IntervalUnit::DayTime) => {
            of!(IntervalDayTimeType, |x| length(0, x.days, i128::from(x.milliseconds) * 1_000_000))
        }
        Interval(IntervalUnit::MonthDayNano) => {
            of!(IntervalMonthDayNanoType, |x| length(x.months, x.days, i128::from(x.nanoseconds)))
        }
        Duration(TimeUnit::Second) => of!(DurationSecondType, |x| i128::from(x) * SECOND),
        Duration(TimeUnit::Millisecond) => of!(DurationMillisecondType, |x| i128::from(x) * 1_000_000),
        Duration(TimeUnit::Microsecond) => of!(DurationMicrosecondType, |x| i128::from(x) * 1_000),
        Duration(TimeUnit::Nanosecond) => of!(DurationNanosecondType, i128::from),
        other => return Err(to_datafusion(Error::internal("interval", format!("{other} has no length")))),
    };
    Ok(lengths.with_precision_and_scale(38, 0)?)
}

/// Nulls are passed over; of equal ones it is the first.
fn longest(columns: &Columns) -> Result<ArrayRef> {
    let lengths = columns.values.iter().map(lengths).collect::<Result<Vec<_>>>()?;
    let wants_longest = columns.flag(0);
    let chosen = (0..columns.rows).map(|row| {
        let known = lengths.iter().enumerate().filter(|(_, lengths)| lengths.is_valid(row));
        let known = known.map(|(column, lengths)| (lengths.value(row), column));
        let best = match wants_longest {
            true => known.max_by_key(|(length, column)| (*length, std::cmp::Reverse(*column))),
            false => known.min(),
        };
        (best.map_or(0, |(_, column)| column), row)
    });
    let values: Vec<&dyn Array> = columns.values.iter().map(|values| values.as_ref() as &dyn Array).collect();
    Ok(interleave(&values, &chosen.collect::<Vec<_>>())?)
}

/// What `extract` gives of other times.
fn part_type(_types: &[DataType], constants: &[ScalarValue]) -> Result<DataType> {
    Ok(match constants.first().and_then(|part| part.try_as_str().flatten()) {
        Some("epoch") => DataType::Float64,
        Some("nanosecond") => DataType::Int64,
        _ => DataType::Int32,
    })
}

/// The parts that durations are written in: days, and what is left of them in hours, minutes and seconds. They have the sign of the whole.
const PARTS: [(&str, i128, i128); 7] = [
    ("day", DAY, i128::MAX),
    ("hour", 3_600 * SECOND, 24),
    ("minute", 60 * SECOND, 60),
    ("second", SECOND, 60),
    ("millisecond", SECOND / 1_000, 60_000),
    ("microsecond", SECOND / 1_000_000, 60_000_000),
    ("nanosecond", 1, 60 * SECOND),
];

/// The name of a part as `extract` has it: in lower case, of one or many. None for what a duration does not have.
pub fn duration_part(written: &str) -> Option<&'static str> {
    let written = written.trim_matches('\'').to_lowercase();
    let name = written.strip_suffix('s').unwrap_or(&written);
    let parts = PARTS.iter().map(|(part, ..)| *part);
    parts.chain(["epoch"]).find(|part| *part == name)
}

fn part(columns: &Columns) -> Result<ArrayRef> {
    let lengths = lengths(&columns.values[0])?;
    let name = columns.text(0);
    if name == "epoch" {
        // Whole seconds by themselves: a float has no room for nanoseconds of years.
        let epoch = |x: i128| (x / SECOND) as f64 + (x % SECOND) as f64 / SECOND as f64;
        return Ok(Arc::new(lengths.iter().map(|x| x.map(epoch)).collect::<Float64Array>()));
    }
    let Some((_, unit, wraps)) = PARTS.iter().find(|(part, ..)| *part == name) else {
        return Err(to_datafusion(Error::internal("extract", format!("a duration has no {name}"))));
    };
    let parts: Vec<Option<i128>> = lengths.iter().map(|x| x.map(|x| x / unit % wraps)).collect();
    if name == "nanosecond" {
        return Ok(Arc::new(parts.iter().map(|x| x.and_then(|x| i64::try_from(x).ok())).collect::<Int64Array>()));
    }
    let narrow = |x: i128| {
        let error = || Error::execution("extract", format!("{x} {name}s are more than a 32-bit integer has"));
        i32::try_from(x).map_err(|_| to_datafusion(error().hint("extract(epoch FROM ..) gives seconds as a float")))
    };
    let parts = parts.into_iter().map(|x| x.map(narrow).transpose()).collect::<Result<Int32Array>>()?;
    Ok(Arc::new(parts))
}

fn held_type(types: &[DataType], _constants: &[ScalarValue]) -> Result<DataType> {
    let zone = match types.first() {
        Some(DataType::Timestamp(_, zone)) => zone.clone(),
        _ => None,
    };
    Ok(DataType::Timestamp(TimeUnit::Nanosecond, zone))
}

fn held(columns: &Columns) -> Result<ArrayRef> {
    let values = &columns.values[0];
    macro_rules! of {
        ($t:ty, $nanoseconds:expr) => {
            values.as_primitive::<$t>().unary::<_, TimestampNanosecondType>(|x| i64::from(x).saturating_mul($nanoseconds))
        };
    }
    let held = match values.data_type() {
        DataType::Date32 => of!(Date32Type, 86_400_000_000_000),
        DataType::Timestamp(TimeUnit::Second, _) => of!(TimestampSecondType, 1_000_000_000),
        DataType::Timestamp(TimeUnit::Millisecond, _) => of!(TimestampMillisecondType, 1_000_000),
        DataType::Timestamp(TimeUnit::Microsecond, _) => of!(TimestampMicrosecondType, 1_000),
        other => return Err(to_datafusion(Error::internal("moment", format!("{other} is no day and no moment")))),
    };
    let DataType::Timestamp(_, zone) = held_type(&[values.data_type().clone()], &[])? else {
        return Err(to_datafusion(Error::internal("moment", "its type is none of a moment")));
    };
    Ok(Arc::new(held.with_timezone_opt(zone)))
}

#[cfg(test)]
mod tests {
    use arrow::array::{DurationMicrosecondArray, IntervalMonthDayNanoArray};
    use arrow::datatypes::IntervalMonthDayNano;

    use super::*;

    #[test]
    fn a_month_is_of_thirty_days_and_a_day_of_24_hours() {
        let hour = 3_600_000_000_000_i64;
        let intervals =
            [(1, 0, 0), (0, 30, 0), (0, 0, 720 * hour), (1, -30, 0)].map(|(m, d, n)| IntervalMonthDayNano::new(m, d, n));
        let intervals: ArrayRef = Arc::new(IntervalMonthDayNanoArray::from(intervals.to_vec()));
        let lengths = lengths(&intervals).unwrap();
        assert_eq!(lengths.values().as_ref(), [30 * DAY, 30 * DAY, 30 * DAY, 0]);
    }

    #[test]
    fn parts_of_durations_make_the_whole() {
        let microseconds = 365 * 86_400_000_000_i64 + 23 * 3_600_000_000 + 30 * 60_000_000 + 14_750_000;
        let durations: ArrayRef = Arc::new(DurationMicrosecondArray::from(vec![Some(microseconds), None, Some(-microseconds)]));
        for (name, expected) in [("day", 365), ("hour", 23), ("minute", 30), ("second", 14), ("millisecond", 14_750)] {
            let constants = [ScalarValue::from(name)];
            let columns = Columns { values: &[Arc::clone(&durations)], rows: 3, constants: &constants };
            let expected: ArrayRef = Arc::new(Int32Array::from(vec![Some(expected), None, Some(-expected)]));
            assert_eq!(&part(&columns).unwrap(), &expected, "{name}");
        }
        let constants = [ScalarValue::from("epoch")];
        let epoch = part(&Columns { values: &[durations], rows: 3, constants: &constants }).unwrap();
        assert_eq!(epoch.as_primitive::<arrow::datatypes::Float64Type>().value(0), 31_620_614.75);
        assert_eq!(duration_part("HOURS"), Some("hour"));
        assert_eq!(duration_part("month"), None);
    }
}
