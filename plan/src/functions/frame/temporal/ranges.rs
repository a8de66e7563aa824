//! Moments at equal distances, and windows of time.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, ListArray, NullBufferBuilder};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion::common::Result;
use gradframe_ml_core::Error;

use super::clock::{Clock, column, numbers_of, per_second};
use super::interval::{Interval, check};
use crate::error::to_datafusion;
use crate::functions::frame::arguments::{Batch, Call, Takes};
use crate::functions::frame::function::Row;
use crate::functions::frame::results::list_of;

use Takes::{Any, Word};

pub(super) const ROWS: &[Row] = &[
    // start, end; interval; which ends are in it.
    Row::new("moment_ranges", &[Any, Any, Word, Word], ranges_type, ranges),
];

fn ranges_type(call: &Call) -> Result<DataType> {
    check(call, 2, false)?;
    let Some(Ok(interval)) = call.word(2).map(Interval::parse) else { return call.wrong("the interval is missing") };
    if interval.negative || interval.is_zero() {
        return call.wrong("the interval must be longer than nothing");
    }
    if !matches!(call.word(3), Some("both" | "left" | "right" | "none")) {
        return call.wrong("`closed` is one of both, left, right, none");
    }
    let (start, end) = (call.data_type(0), call.data_type(1));
    let moment = match (start, end) {
        (DataType::Null, other) | (other, DataType::Null) => other,
        (start, end) if start == end => start,
        _ => return Err(call.unfit(1, &start.to_string())),
    };
    if *moment == DataType::Date32 && interval.ns != 0 {
        return call.wrong("an interval of dates has no part shorter than a day");
    }
    match moment {
        DataType::Date32 | DataType::Timestamp(..) | DataType::Time64(TimeUnit::Nanosecond) => Ok(list_of(moment.clone())),
        _ => Err(call.unfit(0, "a date, a datetime or a time")),
    }
}

/// A place so many intervals on, on the clock of its zone.
fn moved(batch: &Batch, clock: Clock, interval: &Interval, from: i64, times: i64) -> Result<Option<i64>> {
    let Some(step) = interval.times(times) else { return Ok(None) };
    let Some(local) = clock.local(from).and_then(|local| step.add_days(clock, local)) else { return Ok(None) };
    Ok(clock.moment_after(batch, local, from)?.and_then(|moment| step.add_time(clock, moment)))
}

fn ranges(batch: &Batch) -> Result<ArrayRef> {
    let DataType::List(item) = batch.returns else { return batch.wrong("the result is no list") };
    let Some(Ok(interval)) = batch.word(2).map(Interval::parse) else { return batch.wrong("the interval is missing") };
    let closed = batch.word(3).unwrap_or("both");
    let (skip_start, skip_end) = (matches!(closed, "right" | "none"), matches!(closed, "left" | "none"));
    let clock = clock_of(batch, item.data_type())?;
    let ends = [numbers_of(&batch.array_as(0, item.data_type())?)?, numbers_of(&batch.array_as(1, item.data_type())?)?];
    let (mut values, mut lengths, mut nulls) = (vec![], vec![], NullBufferBuilder::new(batch.rows));
    for row in 0..batch.rows {
        let before = values.len();
        let is_valid = ends.iter().all(|end| end.is_valid(row));
        nulls.append(is_valid);
        if is_valid {
            let (start, end) = (ends[0].value(row), ends[1].value(row));
            let mut times = i64::from(skip_start);
            while let Some(place) = moved(batch, clock, &interval, start, times)?.filter(|place| *place <= end) {
                if !(skip_end && place == end) {
                    values.push(place);
                }
                times += 1;
                if values.len() > i32::MAX as usize {
                    return batch.bad_value("the ranges of a batch hold over 2^31 values", "a longer interval has fewer");
                }
            }
        }
        lengths.push(values.len() - before);
    }
    let values = column(Int64Array::from(values), item.data_type())?;
    let field = Arc::new(Field::new_list_field(item.data_type().clone(), true));
    Ok(Arc::new(ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), values, nulls.finish())?))
}

/// Of a date, a datetime, or a time of the day.
fn clock_of(batch: &Batch, item: &DataType) -> Result<Clock> {
    match item {
        DataType::Time64(unit) => Ok(Clock { per_second: per_second(*unit), zone: None }),
        _ => Clock::of(batch, usize::from(batch.data_type(0).is_null())),
    }
}

/// Where a window of this length begins that ends at a place: `3h` before a moment, `3i` before a whole number. A date counts
/// milliseconds. Errors: `Plan` for a length that is none, `DType` for places that are no moments or whole numbers.
pub(crate) fn window_start(by: &DataType, place: i64, length: &str) -> Result<i64> {
    let wrong = |error: Error| Err(to_datafusion(error));
    let per_second = match by {
        DataType::Date32 | DataType::Date64 => 1_000,
        DataType::Timestamp(unit, _) => per_second(*unit),
        number if number.is_integer() => {
            let rows = length.strip_suffix('i').and_then(|number| number.parse::<i64>().ok());
            let Some(rows) = rows else {
                return wrong(
                    Error::plan("rolling_by", format!("`{length}` is no window over whole numbers")).hint("write `10i`"),
                );
            };
            return Ok(place.saturating_sub(rows));
        }
        other => return wrong(Error::dtype("rolling_by", format!("windows go by {other}, expected moments or whole numbers"))),
    };
    let clock = Clock { per_second, zone: None };
    match Interval::parse(length) {
        Ok(interval) if !interval.negative && !interval.is_zero() => {
            let back = Interval { negative: true, ..interval };
            Ok(back.add_days(clock, place).and_then(|local| back.add_time(clock, local)).unwrap_or(i64::MIN))
        }
        Ok(_) => wrong(Error::plan("rolling_by", format!("the window `{length}` must be longer than nothing"))),
        Err(reason) => wrong(Error::plan("rolling_by", format!("`{length}` is no window: {reason}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_begins_its_length_before() {
        let at = DataType::Timestamp(TimeUnit::Second, None);
        assert_eq!(window_start(&at, 7_200, "1h").unwrap(), 3_600);
        assert_eq!(window_start(&DataType::Int64, 10, "3i").unwrap(), 7);
        assert_eq!(window_start(&DataType::Date32, 86_400_000, "1d").unwrap(), 0);
        for (by, length) in [(&at, "0h"), (&at, "x"), (&DataType::Int64, "3h"), (&DataType::Utf8, "3h")] {
            assert!(window_start(by, 0, length).is_err());
        }
    }
}
