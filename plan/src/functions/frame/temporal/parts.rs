//! Parts of dates and times: year to nanosecond, weeks, and what follows from a year or a month.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int32Array};
use arrow::compute::kernels::numeric;
use arrow::compute::{DatePart, cast, date_part};
use arrow::datatypes::{DataType, Float64Type, Int32Type, TimeUnit};
use chrono::{Datelike, NaiveDate};
use datafusion::common::Result;
use datafusion::functions::expr_fn as sql;
use datafusion::logical_expr::{Expr, lit};

use super::clock::{Changed, Clock, NS_PER_SECOND, changed, days_in_month, numbers, per_second};
use crate::functions::frame::arguments::{Batch, Call, Takes};
use crate::functions::frame::function::Row;
use crate::functions::frame::results::{as_given, boolean, date, int8, int16, int32};

use Takes::{Moment, Temporal};

pub(super) const ROWS: &[Row] = &[
    Row::new("dt.year", &[Moment], int32, |batch| part(batch, DatePart::Year)).same_as(year_in_sql),
    Row::new("dt.iso_year", &[Moment], int32, |batch| part(batch, DatePart::YearISO)),
    Row::new("dt.quarter", &[Moment], int8, |batch| part(batch, DatePart::Quarter)),
    Row::new("dt.month", &[Moment], int8, |batch| part(batch, DatePart::Month)),
    Row::new("dt.week", &[Moment], int8, |batch| part(batch, DatePart::WeekISO)),
    Row::new("dt.weekday", &[Moment], int8, |batch| part(batch, DatePart::DayOfWeekMonday1)),
    Row::new("dt.day", &[Moment], int8, |batch| part(batch, DatePart::Day)),
    Row::new("dt.ordinal_day", &[Moment], int16, |batch| part(batch, DatePart::DayOfYear)),
    Row::new("dt.hour", &[Temporal], |call| clock_part(call, DataType::Int8), |batch| part(batch, DatePart::Hour)),
    Row::new("dt.minute", &[Temporal], |call| clock_part(call, DataType::Int8), |batch| part(batch, DatePart::Minute)),
    Row::new("dt.second", &[Temporal], |call| clock_part(call, DataType::Int8), |batch| part(batch, DatePart::Second)),
    Row::new("dt.second_fractional", &[Temporal], |call| clock_part(call, DataType::Float64), second_fractional),
    Row::new("dt.millisecond", &[Temporal], |call| clock_part(call, DataType::Int32), |batch| subsecond(batch, 1_000_000)),
    Row::new("dt.microsecond", &[Temporal], |call| clock_part(call, DataType::Int32), |batch| subsecond(batch, 1_000)),
    Row::new("dt.nanosecond", &[Temporal], |call| clock_part(call, DataType::Int32), |batch| subsecond(batch, 1)),
    Row::new("dt.century", &[Moment], int32, |batch| of_year(batch, |year| (year - 1).div_euclid(100) + 1)),
    Row::new("dt.millennium", &[Moment], int32, |batch| of_year(batch, |year| (year - 1).div_euclid(1_000) + 1)),
    Row::new("dt.is_leap_year", &[Moment], boolean, is_leap_year),
    Row::new("dt.days_in_month", &[Moment], int8, length_of_month),
    Row::new("dt.date", &[Moment], date, to_date),
    Row::new("dt.time", &[Temporal], |call| clock_part(call, DataType::Time64(TimeUnit::Nanosecond)), to_time),
    Row::new("dt.month_start", &[Moment], as_given, |batch| of_month(batch, |_, _| 1)),
    Row::new("dt.month_end", &[Moment], as_given, |batch| of_month(batch, days_in_month)),
];

/// A part that a date does not have.
fn clock_part(call: &Call, result: DataType) -> Result<DataType> {
    match call.data_type(0) {
        DataType::Timestamp(..) | DataType::Time32(_) | DataType::Time64(_) | DataType::Null => Ok(result),
        _ => Err(call.unfit(0, "a datetime or a time")),
    }
}

fn year_in_sql(args: &[Expr]) -> Option<Expr> {
    Some(sql::date_part(lit("year"), args[0].clone()))
}

fn part(batch: &Batch, part: DatePart) -> Result<ArrayRef> {
    Ok(cast(&parts_of(batch, part)?, batch.returns)?)
}

fn parts_of(batch: &Batch, part: DatePart) -> Result<Int32Array> {
    let array = batch.array(0)?;
    if array.data_type().is_null() {
        return Ok(Int32Array::new_null(batch.rows));
    }
    Ok(date_part(&array, part)?.as_primitive::<Int32Type>().clone())
}

/// Nanoseconds since the second began, in steps of so many.
fn subsecond(batch: &Batch, step_ns: i64) -> Result<ArrayRef> {
    let clock = per_second_of(batch.data_type(0));
    let ns =
        numbers(batch, 0)?.unary::<_, Int32Type>(|value| (value.rem_euclid(clock) * (NS_PER_SECOND / clock) / step_ns) as i32);
    Ok(Arc::new(ns))
}

fn per_second_of(data_type: &DataType) -> i64 {
    match data_type {
        DataType::Timestamp(unit, _) | DataType::Time32(unit) | DataType::Time64(unit) | DataType::Duration(unit) => {
            per_second(*unit)
        }
        _ => 1_000,
    }
}

fn second_fractional(batch: &Batch) -> Result<ArrayRef> {
    let whole = cast(&parts_of(batch, DatePart::Second)?, &DataType::Float64)?;
    let ns = subsecond(batch, 1)?;
    let rest = ns.as_primitive::<Int32Type>().unary::<_, Float64Type>(|ns| f64::from(ns) / NS_PER_SECOND as f64);
    Ok(numeric::add(&whole, &rest)?)
}

fn of_year(batch: &Batch, of: fn(i32) -> i32) -> Result<ArrayRef> {
    Ok(Arc::new(parts_of(batch, DatePart::Year)?.unary::<_, Int32Type>(of)))
}

fn is_leap_year(batch: &Batch) -> Result<ArrayRef> {
    let years = parts_of(batch, DatePart::Year)?;
    let leaps = |year: i32| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    Ok(Arc::new(BooleanArray::from_unary(&years, leaps)))
}

fn length_of_month(batch: &Batch) -> Result<ArrayRef> {
    let (years, months) = (parts_of(batch, DatePart::Year)?, parts_of(batch, DatePart::Month)?);
    let days = |(year, month): (Option<i32>, Option<i32>)| Some(days_in_month(year?, month? as u32) as i32);
    let days: Int32Array = years.iter().zip(months.iter()).map(days).collect();
    Ok(cast(&days, batch.returns)?)
}

fn to_date(batch: &Batch) -> Result<ArrayRef> {
    let clock = Clock::of(batch, 0)?;
    // `column` takes milliseconds for a date.
    changed(batch, 0, |_, utc| {
        let days = clock.local(utc).map(|local| local.div_euclid(clock.per_day()) * 86_400_000);
        Ok(Some(days.into()))
    })
}

fn to_time(batch: &Batch) -> Result<ArrayRef> {
    if !matches!(batch.data_type(0), DataType::Timestamp(..)) {
        return batch.array_as(0, batch.returns);
    }
    let clock = Clock::of(batch, 0)?;
    changed(batch, 0, |_, utc| {
        let time = clock.local(utc).map(|local| local.rem_euclid(clock.per_day()) * (NS_PER_SECOND / clock.per_second));
        Ok(Some(time.into()))
    })
}

/// The same time on another day of the month.
fn of_month(batch: &Batch, day: fn(i32, u32) -> u32) -> Result<ArrayRef> {
    let clock = Clock::of(batch, 0)?;
    changed(batch, 0, |_, utc| {
        let moved = clock.local(utc).and_then(|local| clock.naive(local)).and_then(|at| {
            let day = day(at.year(), at.month());
            clock.number(NaiveDate::from_ymd_opt(at.year(), at.month(), day)?.and_time(at.time()))
        });
        let Some(local) = moved else { return Ok(Some(Changed::OutOfRange)) };
        Ok(Some(clock.moment(batch, local, utc)?.into()))
    })
}
