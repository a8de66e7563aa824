//! Datetimes as numbers and in other units: `epoch`, `timestamp`, `cast_time_unit`, `combine`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array};
use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::Result;

use super::clock::{Clock, NS_PER_SECOND, SECONDS_PER_DAY, changed, numbers, numbers_of, per_second, unit_named};
use crate::functions::frame::arguments::{Batch, Call, Takes};
use crate::functions::frame::function::Row;

use Takes::{Any, Moment, Temporal, Word};

pub(super) const ROWS: &[Row] = &[
    Row::new("dt.epoch", &[Moment, Word], epoch_type, epoch),
    Row::new("dt.cast_time_unit", &[Temporal, Word], unit_type, cast_time_unit),
    Row::new("dt.combine", &[Moment, Any, Word], combine_type, combine),
];

/// Days as Int32, else Int64.
fn epoch_type(call: &Call) -> Result<DataType> {
    match call.word(1) {
        Some("d") => Ok(DataType::Int32),
        Some("s") => Ok(DataType::Int64),
        _ => unit_named(call, 1).map(|_| DataType::Int64),
    }
}

/// The number of a unit in another, rounded down. None where it cannot be held.
fn rescaled(value: i64, from: i64, to: i64) -> Option<i64> {
    if to >= from { value.checked_mul(to / from) } else { Some(value.div_euclid(from / to)) }
}

fn epoch(batch: &Batch) -> Result<ArrayRef> {
    let clock = Clock::of(batch, 0)?;
    let number = |value: i64| match batch.word(1) {
        Some("d") => Some(value.div_euclid(clock.per_day())),
        Some("s") => Some(value.div_euclid(clock.per_second)),
        _ => rescaled(value, clock.per_second, unit_named(batch, 1).map_or(1, per_second)),
    };
    changed(batch, 0, |_, value| Ok(Some(number(value).into())))
}

fn unit_type(call: &Call) -> Result<DataType> {
    let unit = unit_named(call, 1)?;
    match call.data_type(0) {
        DataType::Timestamp(_, zone) => Ok(DataType::Timestamp(unit, zone.clone())),
        DataType::Duration(_) => Ok(DataType::Duration(unit)),
        DataType::Null => Ok(DataType::Timestamp(unit, None)),
        _ => Err(call.unfit(0, "a datetime or a duration")),
    }
}

fn cast_time_unit(batch: &Batch) -> Result<ArrayRef> {
    let from = match batch.data_type(0) {
        DataType::Timestamp(unit, _) | DataType::Duration(unit) => per_second(*unit),
        _ => 1,
    };
    let to = per_second(unit_named(batch, 1)?);
    changed(batch, 0, |_, value| Ok(Some(rescaled(value, from, to).into())))
}

/// `time, unit`: the date of the one at the time of the other.
fn combine_type(call: &Call) -> Result<DataType> {
    let zone = match call.data_type(0) {
        DataType::Timestamp(_, zone) => zone.clone(),
        _ => None,
    };
    match call.data_type(1) {
        DataType::Time32(_) | DataType::Time64(_) | DataType::Null => Ok(DataType::Timestamp(unit_named(call, 2)?, zone)),
        _ => Err(call.unfit(1, "a time")),
    }
}

fn combine(batch: &Batch) -> Result<ArrayRef> {
    let clock = Clock::of(batch, 0)?;
    let to = Clock { per_second: per_second(unit_named(batch, 2)?), zone: clock.zone };
    let times = numbers_of(&batch.array_as(1, &DataType::Time64(TimeUnit::Nanosecond))?)?;
    let dates: Int64Array = numbers(batch, 0)?;
    let mut results = Vec::with_capacity(batch.rows);
    for row in 0..batch.rows {
        if dates.is_null(row) || times.is_null(row) {
            results.push(None);
            continue;
        }
        let day = clock.local(dates.value(row)).map(|local| local.div_euclid(clock.per_day()));
        let time = times.value(row) / (NS_PER_SECOND / to.per_second);
        let local = day.and_then(|day| day.checked_mul(SECONDS_PER_DAY * to.per_second)?.checked_add(time));
        let Some(local) = local else {
            return batch.bad_value("a result is beyond the range of its type", "a coarser time unit reaches further");
        };
        results.push(to.moment(batch, local, local)?);
    }
    let results: ArrayRef = Arc::new(Int64Array::from(results));
    Ok(arrow::compute::cast(&results, batch.returns)?)
}
