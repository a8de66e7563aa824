//! Parts of dates and times set to other values: `dt.replace`.

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::DataType;
use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};
use datafusion::common::Result;

use super::clock::{Changed, Clock, changed};
use super::zones::{AMBIGUOUS, check_choice, placed};
use crate::functions::frame::arguments::{Batch, Call, Takes, Values};
use crate::functions::frame::function::Row;

use Takes::{Int, Moment, Text};

/// `year, month, day, hour, minute, second, microsecond, ambiguous`; a null part stays as it is.
pub(super) const ROWS: &[Row] =
    &[Row::new("dt.replace", &[Moment, Int, Int, Int, Int, Int, Int, Int, Text], replace_type, replace)];

fn replace_type(call: &Call) -> Result<DataType> {
    check_choice(call, 8, &AMBIGUOUS)?;
    Clock::of(call, 0)?;
    Ok(call.data_type(0).clone())
}

fn replace(batch: &Batch) -> Result<ArrayRef> {
    let clock = Clock::of(batch, 0)?;
    let parts: Vec<Values<Int64Array>> = (1..8).map(|at| batch.ints(at)).collect::<Result<_>>()?;
    let ambiguous = batch.texts(8)?;
    changed(batch, 0, |row, utc| {
        let Some(at) = clock.local(utc).and_then(|local| clock.naive(local)) else { return Ok(Some(Changed::OutOfRange)) };
        let Some(replaced) = replaced(at, |part| parts[part].get(row)) else {
            return batch.bad_value(format!("{at} with other parts is no date and time"), "a month has 28 to 31 days");
        };
        let Some(local) = clock.number(replaced) else { return Ok(Some(Changed::OutOfRange)) };
        match (clock.zone, ambiguous.get(row)) {
            (None, _) => Ok(Some(Changed::To(local))),
            (Some(_), None) => Ok(None),
            (Some(zone), Some(choice)) => placed(batch, clock, zone, local, choice, false),
        }
    })
}

/// None if the parts make no date and time.
fn replaced(at: NaiveDateTime, part: impl Fn(usize) -> Option<i64>) -> Option<NaiveDateTime> {
    let or = |place: usize, old: u32| part(place).map_or(Some(old), |value| u32::try_from(value).ok());
    let year = part(0).map_or(Some(at.year()), |year| i32::try_from(year).ok())?;
    let date = NaiveDate::from_ymd_opt(year, or(1, at.month())?, or(2, at.day())?)?;
    let ns = match part(6) {
        Some(us) => u32::try_from(us).ok().filter(|us| *us < 1_000_000)? * 1_000,
        None => at.nanosecond(),
    };
    date.and_hms_nano_opt(or(3, at.hour())?, or(4, at.minute())?, or(5, at.second())?, ns)
}
