//! Datetimes moved to a grid or by an interval: `truncate`, `round`, `offset_by`.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::common::Result;

use super::clock::{Changed, Clock, changed};
use super::interval::{Interval, Intervals, check};
use crate::functions::frame::arguments::{Batch, Call, Takes};
use crate::functions::frame::function::Row;

use Takes::{Moment, Text};

pub(super) const ROWS: &[Row] = &[
    Row::new("dt.truncate", &[Moment, Text], |call| interval_type(call, true), |batch| to_grid(batch, Interval::floor)),
    Row::new("dt.round", &[Moment, Text], |call| interval_type(call, true), |batch| to_grid(batch, Interval::nearest)),
    Row::new("dt.offset_by", &[Moment, Text], |call| interval_type(call, false), offset_by),
];

fn interval_type(call: &Call, is_grid: bool) -> Result<DataType> {
    check(call, 1, is_grid)?;
    Clock::of(call, 0)?;
    Ok(call.data_type(0).clone())
}

fn to_grid(batch: &Batch, place: fn(&Interval, Clock, i64) -> Option<i64>) -> Result<ArrayRef> {
    let clock = Clock::of(batch, 0)?;
    let mut intervals = Intervals::of(batch, 1, true)?;
    changed(batch, 0, |row, utc| {
        let Some(every) = intervals.at(row)? else { return Ok(None) };
        if every.is_zero() {
            return Ok(Some(Changed::To(utc)));
        }
        match clock.local(utc).and_then(|local| place(&every, clock, local)) {
            Some(local) => Ok(Some(clock.moment_on_grid(batch, local, utc)?.into())),
            None => Ok(Some(Changed::OutOfRange)),
        }
    })
}

/// Months, weeks and days move the clock's reading; what is shorter moves the moment.
fn offset_by(batch: &Batch) -> Result<ArrayRef> {
    let clock = Clock::of(batch, 0)?;
    let mut intervals = Intervals::of(batch, 1, false)?;
    let add_time = if *batch.data_type(0) == DataType::Date32 { Interval::add_time_to_date } else { Interval::add_time };
    changed(batch, 0, |row, utc| {
        let Some(by) = intervals.at(row)? else { return Ok(None) };
        let moved = match by.months == 0 && by.weeks == 0 && by.days == 0 {
            true => Some(utc),
            false => match clock.local(utc).and_then(|local| by.add_days(clock, local)) {
                Some(local) => clock.moment(batch, local, utc)?,
                None => None,
            },
        };
        Ok(Some(moved.and_then(|utc| add_time(&by, clock, utc)).into()))
    })
}
