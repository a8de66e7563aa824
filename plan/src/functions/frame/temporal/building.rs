//! Dates, datetimes, times and durations made of their parts.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use chrono::{NaiveDate, NaiveTime};
use datafusion::common::Result;

use super::clock::{Clock, NS_PER_SECOND, SECONDS_PER_DAY, column, per_second, unit_named, zone_named};
use crate::functions::frame::arguments::{Batch, Call, Takes};
use crate::functions::frame::function::Row;
use crate::functions::frame::results::date;

use Takes::{Int, Word};

pub(super) const ROWS: &[Row] = &[
    Row::new("date", &[Int, Int, Int], date, make_date),
    Row::new("time", &[Int, Int, Int, Int], |_| Ok(DataType::Time64(TimeUnit::Nanosecond)), make_time),
    Row::new("datetime", &[Int, Int, Int, Int, Int, Int, Int, Word, Word], datetime_type, make_datetime),
    // weeks, days, hours, minutes, seconds, milliseconds, microseconds, nanoseconds; the unit.
    Row::new("duration", &[Int, Int, Int, Int, Int, Int, Int, Int, Word], duration_type, make_duration),
];

/// A number for each row from whole numbers; null where one of them is. Errors: `Execution` where `make` has none.
fn made(batch: &Batch, parts: usize, what: &str, make: impl Fn(&[i64]) -> Option<i64>) -> Result<Int64Array> {
    let columns = (0..parts).map(|at| batch.ints(at)).collect::<Result<Vec<_>>>()?;
    let mut results = Vec::with_capacity(batch.rows);
    for row in 0..batch.rows {
        let parts: Option<Vec<i64>> = columns.iter().map(|column| column.get(row)).collect();
        let made = parts.as_ref().map(|parts| (parts, make(parts)));
        if let Some((parts, None)) = made {
            let shown: Vec<String> = parts.iter().map(i64::to_string).collect();
            return batch.bad_value(format!("there is no {what} of the parts {}", shown.join(", ")), "null parts give null");
        }
        results.push(made.and_then(|(_, made)| made));
    }
    Ok(Int64Array::from(results))
}

fn day(year: i64, month: i64, day: i64) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?)
}

/// Nanoseconds since midnight.
fn clock_ns(hour: i64, minute: i64, second: i64, microsecond: i64) -> Option<i64> {
    let parts = (hour.try_into().ok()?, minute.try_into().ok()?, second.try_into().ok()?, microsecond.try_into().ok()?);
    let midnight = NaiveTime::MIN;
    NaiveTime::from_hms_micro_opt(parts.0, parts.1, parts.2, parts.3)?.signed_duration_since(midnight).num_nanoseconds()
}

fn make_date(batch: &Batch) -> Result<ArrayRef> {
    let ms = made(batch, 3, "date", |parts| {
        Some(day(parts[0], parts[1], parts[2])?.and_time(NaiveTime::MIN).and_utc().timestamp_millis())
    })?;
    column(ms, batch.returns)
}

fn make_time(batch: &Batch) -> Result<ArrayRef> {
    let ns = made(batch, 4, "time", |parts| clock_ns(parts[0], parts[1], parts[2], parts[3]))?;
    Ok(cast(&ns, batch.returns)?)
}

fn datetime_type(call: &Call) -> Result<DataType> {
    let zone = call.word(8);
    zone.map(|zone| zone_named(call, zone)).transpose()?;
    Ok(DataType::Timestamp(unit_named(call, 7)?, zone.map(Arc::from)))
}

fn make_datetime(batch: &Batch) -> Result<ArrayRef> {
    let zone = batch.word(8).map(|zone| zone_named(batch, zone)).transpose()?;
    let clock = Clock { per_second: per_second(unit_named(batch, 7)?), zone };
    let readings = made(batch, 7, "datetime", |parts| {
        let midnight = clock.number(day(parts[0], parts[1], parts[2])?.and_time(NaiveTime::MIN))?;
        let ns = clock_ns(parts[3], parts[4], parts[5], parts[6])?;
        midnight.checked_add(ns / (NS_PER_SECOND / clock.per_second))
    })?;
    let moment = |reading: Option<i64>| reading.map(|local| clock.moment(batch, local, local)).transpose().map(Option::flatten);
    let moments: Int64Array = readings.iter().map(moment).collect::<Result<_>>()?;
    Ok(cast(&(Arc::new(moments) as ArrayRef), batch.returns)?)
}

fn duration_type(call: &Call) -> Result<DataType> {
    Ok(DataType::Duration(unit_named(call, 8)?))
}

fn make_duration(batch: &Batch) -> Result<ArrayRef> {
    let unit = per_second(unit_named(batch, 8)?);
    let sums = made(batch, 8, "duration", |parts| {
        let seconds = [7 * SECONDS_PER_DAY, SECONDS_PER_DAY, 3_600, 60, 1];
        let whole: Option<i64> =
            parts.iter().zip(seconds).try_fold(0_i64, |sum, (part, each)| sum.checked_add(part.checked_mul(each)?));
        let ns = parts[5].checked_mul(1_000_000)?.checked_add(parts[6].checked_mul(1_000)?)?.checked_add(parts[7])?;
        whole?.checked_mul(unit)?.checked_add(ns.div_euclid(NS_PER_SECOND / unit))
    })?;
    Ok(cast(&sums, batch.returns)?)
}
