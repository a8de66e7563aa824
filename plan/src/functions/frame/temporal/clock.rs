//! Dates and datetimes as whole numbers of one unit since 1970, and time zones.

use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, NullBufferBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit};
use chrono::{DateTime, Datelike, FixedOffset, LocalResult, NaiveDate, NaiveDateTime, Offset, TimeZone, Timelike};
use datafusion::common::Result;

use super::offsets::Offsets;
use crate::functions::frame::arguments::{Batch, Call};
use crate::names::nearest;

pub(super) const NS_PER_SECOND: i64 = 1_000_000_000;
pub(super) const SECONDS_PER_DAY: i64 = 86_400;
pub(super) const NS_PER_DAY: i64 = SECONDS_PER_DAY * NS_PER_SECOND;

/// How many of this unit a second has.
pub(super) fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => NS_PER_SECOND,
    }
}

/// The unit of this name. Errors: `Plan`, naming those there are.
pub(super) fn unit_named(call: &Call, at: usize) -> Result<TimeUnit> {
    match call.word(at) {
        Some("ns") => Ok(TimeUnit::Nanosecond),
        Some("us" | "μs") => Ok(TimeUnit::Microsecond),
        Some("ms") => Ok(TimeUnit::Millisecond),
        other => call.wrong(format!("`{}` is no time unit, expected ns, us or ms", other.unwrap_or("null"))),
    }
}

/// A time zone: a name of the IANA database, or a fixed offset such as `+02:00`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Zone {
    Named(chrono_tz::Tz),
    Fixed(FixedOffset),
}

/// The zone of this name. Errors: `Plan`, with the nearest name.
pub(super) fn zone_named(call: &Call, name: &str) -> Result<Zone> {
    let fixed = || format!("1970-01-01T00:00:00{name}").parse::<DateTime<FixedOffset>>().ok().map(|at| Zone::Fixed(*at.offset()));
    if let Some(zone) = chrono_tz::Tz::from_str(name).ok().map(Zone::Named).or_else(fixed) {
        return Ok(zone);
    }
    let names = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
    let hint = match nearest(name, names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "the IANA database lists them: `Europe/Berlin`, `UTC`".to_owned(),
    };
    let error = gradframe_ml_core::Error::plan(call.name, format!("unknown time zone `{name}`")).hint(hint);
    Err(crate::error::to_datafusion(error))
}

impl Zone {
    /// How many seconds the zone's clock is ahead of UTC at a moment.
    pub(super) fn offset_s(self, utc: NaiveDateTime) -> i64 {
        i64::from(match self {
            Zone::Named(zone) => zone.offset_from_utc_datetime(&utc).fix().local_minus_utc(),
            Zone::Fixed(offset) => offset.local_minus_utc(),
        })
    }

    /// The same for what the clock reads: none where it skips that, two where it shows it twice, the earlier moment first.
    pub(super) fn offset_of_local_s(self, local: NaiveDateTime) -> LocalResult<i64> {
        match self {
            Zone::Named(zone) => zone.offset_from_local_datetime(&local).map(|offset| i64::from(offset.fix().local_minus_utc())),
            Zone::Fixed(offset) => LocalResult::Single(i64::from(offset.local_minus_utc())),
        }
    }
}

/// How a column's numbers are read: a unit and perhaps a zone. A date counts milliseconds here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    pub per_second: i64,
    pub zone: Option<Zone>,
}

impl Clock {
    /// Of a date or a datetime. Errors: `Plan` for an unknown zone, `DType` for another type.
    pub(super) fn of(call: &Call, at: usize) -> Result<Clock> {
        let date = Clock { per_second: 1_000, zone: None };
        match call.data_type(at) {
            DataType::Date32 | DataType::Date64 | DataType::Null => Ok(date),
            DataType::Timestamp(unit, zone) => {
                let zone = zone.as_deref().map(|zone| zone_named(call, zone)).transpose()?;
                Ok(Clock { per_second: per_second(*unit), zone })
            }
            _ => Err(call.unfit(at, "a date or a datetime")),
        }
    }

    pub(super) fn per_day(self) -> i64 {
        self.per_second * SECONDS_PER_DAY
    }

    /// The calendar's date and time of a number, as UTC or as read. None beyond the years that the calendar has.
    pub(super) fn naive(self, value: i64) -> Option<NaiveDateTime> {
        let rest = value.rem_euclid(self.per_second) * (NS_PER_SECOND / self.per_second);
        DateTime::from_timestamp(value.div_euclid(self.per_second), rest as u32).map(|at| at.naive_utc())
    }

    /// The number of a date and time. None where the unit cannot hold it.
    pub(super) fn number(self, at: NaiveDateTime) -> Option<i64> {
        let seconds = at.and_utc().timestamp().checked_mul(self.per_second)?;
        seconds.checked_add(i64::from(at.nanosecond()) / (NS_PER_SECOND / self.per_second))
    }

    /// What the zone's clock reads at a moment, as a number.
    pub(super) fn local(self, utc: i64) -> Option<i64> {
        utc.checked_add(self.offset(utc)?)
    }

    /// How far the clock is ahead of UTC at a moment.
    pub(super) fn offset(self, utc: i64) -> Option<i64> {
        let Some(zone) = self.zone else { return Some(0) };
        let known = match zone {
            Zone::Named(zone) => Offsets::of(zone).at(utc.div_euclid(self.per_second)),
            Zone::Fixed(offset) => Some(i64::from(offset.local_minus_utc())),
        };
        let seconds = match known {
            Some(seconds) => seconds,
            None => zone.offset_s(self.naive(utc)?),
        };
        Some(seconds * self.per_second)
    }

    /// The same where it is the same at all moments.
    pub(super) fn fixed_offset(self) -> Option<i64> {
        match self.zone {
            None => Some(0),
            Some(Zone::Fixed(offset)) => Some(i64::from(offset.local_minus_utc()) * self.per_second),
            Some(Zone::Named(zone)) => Some(Offsets::of(zone).only()? * self.per_second),
        }
    }

    /// The moment of a reading on a grid; of one that the clock skips, the moment at which it goes on.
    pub(super) fn moment_on_grid(self, batch: &Batch, local: i64, from: i64) -> Result<Option<i64>> {
        if let (Some(zone), Some(reading)) = (self.zone, self.naive(local))
            && matches!(zone.offset_of_local_s(reading), LocalResult::None)
        {
            let day_before = local.checked_sub(self.per_day()).and_then(|before| self.naive(before));
            return Ok(day_before.and_then(|before| local.checked_sub(zone.offset_s(before) * self.per_second)));
        }
        self.moment(batch, local, from)
    }

    /// The moment of a reading that was moved from the moment `from` by days or months. Of one that the clock skips it goes by the
    /// offset that the clock has on the other side of the gap than `from`, as in Polars: a day after 02:30 of the day before, it is 01:30.
    pub(super) fn moment_after(self, batch: &Batch, local: i64, from: i64) -> Result<Option<i64>> {
        let Some(zone) = self.zone else { return Ok(Some(local)) };
        let Some(reading) = self.naive(local) else { return Ok(None) };
        if !matches!(zone.offset_of_local_s(reading), LocalResult::None) {
            return self.moment(batch, local, from);
        }
        let around = [-self.per_day(), self.per_day()].map(|days| Some(zone.offset_s(self.naive(local.checked_add(days)?)?)));
        let [Some(before), Some(after)] = around else { return Ok(None) };
        let own = self.naive(from).map(|from| zone.offset_s(from));
        let other = if own == Some(after) { before } else { after };
        Ok(local.checked_sub(other * self.per_second))
    }

    /// The moment of a reading that was computed from the moment `from`. Errors: `Execution` where the clock skips it.
    pub(super) fn moment(self, batch: &Batch, local: i64, from: i64) -> Result<Option<i64>> {
        let Some(zone) = self.zone else { return Ok(Some(local)) };
        let Some(reading) = self.naive(local) else { return Ok(None) };
        let at = |offset: i64| local.checked_sub(offset * self.per_second);
        match zone.offset_of_local_s(reading) {
            LocalResult::Single(offset) => Ok(at(offset)),
            LocalResult::Ambiguous(earlier, later) => {
                let stays_later = self.naive(from).is_some_and(|from| zone.offset_s(from) == later);
                Ok(at(if stays_later { later } else { earlier }))
            }
            LocalResult::None => {
                let what = format!("{reading} does not exist in its time zone: the clock skips it");
                batch.bad_value(what, "replace_time_zone(None) goes by the clock alone")
            }
        }
    }
}

/// The numbers of a date or datetime column; of a date, milliseconds.
pub(super) fn numbers(batch: &Batch, at: usize) -> Result<Int64Array> {
    let array = batch.array(at)?;
    numbers_of(&array)
}

/// The numbers of a temporal array; of a date, milliseconds.
pub(super) fn numbers_of(array: &ArrayRef) -> Result<Int64Array> {
    let wide = match array.data_type() {
        DataType::Date32 | DataType::Null => cast(array, &DataType::Date64)?,
        _ => Arc::clone(array),
    };
    Ok(cast(&wide, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
}

/// Numbers as a column of this type; milliseconds become the date that they lie in.
pub(super) fn column(numbers: Int64Array, data_type: &DataType) -> Result<ArrayRef> {
    match data_type {
        DataType::Date32 => {
            let days: Int64Array = numbers.unary(|ms| ms.div_euclid(SECONDS_PER_DAY * 1_000));
            Ok(cast(&cast(&days, &DataType::Int32)?, &DataType::Date32)?)
        }
        other => Ok(cast(&numbers, other)?),
    }
}

/// Each number changed. Errors: what `change` says, and `Execution` where the result is beyond what the type holds (None).
pub(super) fn changed(
    batch: &Batch,
    at: usize,
    mut change: impl FnMut(usize, i64) -> Result<Option<Changed>>,
) -> Result<ArrayRef> {
    let given = numbers(batch, at)?;
    let mut results = Vec::with_capacity(batch.rows);
    let mut nulls = NullBufferBuilder::new(batch.rows);
    for row in 0..batch.rows {
        let value = if given.is_valid(row) { change(row, given.value(row))? } else { None };
        nulls.append(value.is_some());
        results.push(match value {
            Some(Changed::To(value)) => value,
            Some(Changed::OutOfRange) => {
                return batch.bad_value("a result is beyond the range of its type", "a coarser time unit reaches further");
            }
            None => 0,
        });
    }
    column(Int64Array::new(results.into(), nulls.finish()), batch.returns)
}

/// A value changed, or one that cannot be held.
pub(super) enum Changed {
    To(i64),
    OutOfRange,
}

impl From<Option<i64>> for Changed {
    fn from(value: Option<i64>) -> Changed {
        value.map_or(Changed::OutOfRange, Changed::To)
    }
}

/// Days of a month.
pub(super) fn days_in_month(year: i32, month: u32) -> u32 {
    let next = if month == 12 { NaiveDate::from_ymd_opt(year + 1, 1, 1) } else { NaiveDate::from_ymd_opt(year, month + 1, 1) };
    next.and_then(|next| next.pred_opt()).map_or(31, |last| last.day())
}
