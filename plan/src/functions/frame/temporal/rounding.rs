//! Datetimes moved to a grid or by an interval: `truncate`, `round`, `offset_by`.

use arrow::array::{Array, ArrayRef, Int64Array};
use arrow::datatypes::DataType;
use datafusion::common::Result;

use super::clock::{Changed, Clock, changed, column, numbers};
use super::grid::{Grid, Side};
use super::interval::{Interval, Intervals, check};
use crate::functions::frame::arguments::{Batch, Call, Takes};
use crate::functions::frame::function::Row;

use Takes::{Moment, Text};

pub(super) const ROWS: &[Row] = &[
    Row::new("dt.truncate", &[Moment, Text], |call| interval_type(call, true), |batch| to_grid(batch, Side::Floor)),
    Row::new("dt.round", &[Moment, Text], |call| interval_type(call, true), |batch| to_grid(batch, Side::Nearest)),
    Row::new("dt.offset_by", &[Moment, Text], |call| interval_type(call, false), offset_by),
];

fn interval_type(call: &Call, is_grid: bool) -> Result<DataType> {
    check(call, 1, is_grid)?;
    Clock::of(call, 0)?;
    Ok(call.data_type(0).clone())
}

fn to_grid(batch: &Batch, side: Side) -> Result<ArrayRef> {
    let clock = Clock::of(batch, 0)?;
    let mut intervals = Intervals::of(batch, 1, true)?;
    if batch.word(1).is_none() {
        return changed(batch, 0, |row, utc| match intervals.at(row)? {
            Some(every) => on_grid(batch, clock, Grid::of(&every, clock).as_mut(), side, utc).map(Some),
            None => Ok(None),
        });
    }
    let mut grid = intervals.at(0)?.and_then(|every| Grid::of(&every, clock));
    if let (Some(grid), Some(offset)) = (&mut grid, clock.fixed_offset())
        && let Some(placed) = all_on_grid(&numbers(batch, 0)?, grid, side, offset)
    {
        return column(placed, batch.returns);
    }
    changed(batch, 0, |_, utc| on_grid(batch, clock, grid.as_mut(), side, utc).map(Some))
}

/// All moments of a clock that is never changed; None if one of them cannot be held.
fn all_on_grid(moments: &Int64Array, grid: &mut Grid, side: Side, offset: i64) -> Option<Int64Array> {
    if let Some(points) = grid.even_points(side, moments.values(), offset) {
        return Some(Int64Array::new(points.into(), moments.nulls().cloned()));
    }
    let mut fits = true;
    let placed = moments.values().iter().map(|utc| {
        let local = utc.checked_add(offset).and_then(|local| grid.point(side, local));
        let placed = local.and_then(|local| local.checked_sub(offset));
        fits &= placed.is_some();
        placed.unwrap_or_default()
    });
    let placed: Vec<i64> = placed.collect();
    fits.then(|| Int64Array::new(placed.into(), moments.nulls().cloned()))
}

fn on_grid(batch: &Batch, clock: Clock, grid: Option<&mut Grid>, side: Side, utc: i64) -> Result<Changed> {
    let Some(offset) = clock.offset(utc) else { return Ok(Changed::OutOfRange) };
    let local = utc.checked_add(offset);
    let Some(point) = grid.zip(local).and_then(|(grid, local)| grid.point(side, local)) else { return Ok(Changed::OutOfRange) };
    // Where the clock was not changed in between, its offset holds for both.
    if let Some(placed) = point.checked_sub(offset).filter(|placed| clock.offset(*placed) == Some(offset)) {
        return Ok(Changed::To(placed));
    }
    Ok(clock.moment_on_grid(batch, point, utc)?.into())
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
                Some(local) => clock.moment_after(batch, local, utc)?,
                None => None,
            },
        };
        Ok(Some(moved.and_then(|utc| add_time(&by, clock, utc)).into()))
    })
}
