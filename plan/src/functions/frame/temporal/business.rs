//! Business days: `is_business_day`, `add_business_days`.

use std::collections::HashSet;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type};
use datafusion::common::{Result, ScalarValue};

use super::clock::{Changed, Clock, changed, numbers};
use crate::functions::frame::arguments::{Batch, Call, Takes};
use crate::functions::frame::function::Row;
use crate::functions::frame::results::list_of;
use crate::names::suggest;

use Takes::{Constant, Int, Moment, Word};

pub(super) const ROWS: &[Row] = &[
    Row::new("dt.is_business_day", &[Moment, Constant, Constant], is_type, is_business_day),
    Row::new("dt.add_business_days", &[Moment, Int, Constant, Constant, Word], add_type, add_business_days),
];

/// Which days of the week, Monday first, and which dates are none.
struct Calendar {
    week: [bool; 7],
    holidays: HashSet<i64>,
}

impl Calendar {
    fn of(call: &Call, at: usize) -> Result<Calendar> {
        let week: Vec<bool> = elements(call, at, &DataType::Boolean)?.as_boolean().iter().map(|day| day == Some(true)).collect();
        let Ok(week) = <[bool; 7]>::try_from(week) else { return call.wrong("the week mask has not 7 days") };
        if !week.contains(&true) {
            return call.wrong("the week mask has no business day");
        }
        let dates = elements(call, at + 1, &DataType::Date32)?;
        let dates = cast(&dates, &DataType::Int32)?;
        let holidays = dates.as_primitive::<Int32Type>().iter().flatten().map(i64::from).collect();
        Ok(Calendar { week, holidays })
    }

    /// Days since 1970, which began on a Thursday.
    fn has(&self, day: i64) -> bool {
        self.is_week_day(day) && !self.holidays.contains(&day)
    }

    fn is_week_day(&self, day: i64) -> bool {
        self.week[(day.rem_euclid(7) + 3) as usize % 7]
    }

    /// The nearest business day from one on, in steps of 1 or -1. None if there is none for longer than the holidays last.
    fn roll(&self, day: i64, step: i64) -> Option<i64> {
        let days_max = 7 * (self.holidays.len() as i64 + 1);
        (0..=days_max).filter_map(|n| day.checked_add(n * step)).find(|day| self.has(*day))
    }

    /// So many days of the week's kind on, whole weeks at once.
    fn add_week_days(&self, from: i64, n: i64) -> Option<i64> {
        let (step, a_week) = (n.signum(), self.week.iter().filter(|day| **day).count() as i64);
        let mut day = from.checked_add((n / a_week).checked_mul(7)?)?;
        let mut left = (n % a_week).abs();
        while left > 0 {
            day = day.checked_add(step)?;
            left -= i64::from(self.is_week_day(day));
        }
        Some(day)
    }

    /// So many business days on: the holidays among the days passed are made up for until none are among those added.
    fn add(&self, from: i64, n: i64) -> Option<i64> {
        let (mut passed, mut day) = (from, self.add_week_days(from, n)?);
        loop {
            let span = if n < 0 { day..=passed.checked_sub(1)? } else { passed.checked_add(1)?..=day };
            let holidays = self.holidays.iter().filter(|day| span.contains(day) && self.is_week_day(**day)).count() as i64;
            if holidays == 0 {
                return Some(day);
            }
            passed = day;
            day = self.add_week_days(day, n.signum() * holidays)?;
        }
    }
}

/// The elements of a constant list.
fn elements(call: &Call, at: usize, data_type: &DataType) -> Result<ArrayRef> {
    let Some(constant) = call.constant(at) else { return call.wrong("the calendar varies by row, expected a constant") };
    let list = match constant {
        ScalarValue::Null => return Ok(arrow::array::new_empty_array(data_type)),
        list => cast(&list.to_array()?, &list_of(data_type.clone()))?,
    };
    Ok(list.as_list::<i32>().value(0))
}

fn is_type(call: &Call) -> Result<DataType> {
    Calendar::of(call, 1).map(|_| DataType::Boolean)
}

/// `week_mask, holidays`
fn is_business_day(batch: &Batch) -> Result<ArrayRef> {
    let (clock, calendar) = (Clock::of(batch, 0)?, Calendar::of(batch, 1)?);
    let days: Int64Array = numbers(batch, 0)?;
    let is = |value: i64| Some(calendar.has(clock.local(value)?.div_euclid(clock.per_day())));
    let found: BooleanArray = days.iter().map(|value| value.and_then(is)).collect();
    Ok(std::sync::Arc::new(found))
}

const ROLLS: [&str; 3] = ["raise", "forward", "backward"];

fn add_type(call: &Call) -> Result<DataType> {
    let roll = call.word(4).unwrap_or_default();
    if !ROLLS.contains(&roll) {
        return call.wrong(format!("`{roll}` is no choice; {}", suggest(roll, ROLLS)));
    }
    Calendar::of(call, 2)?;
    Clock::of(call, 0)?;
    Ok(call.data_type(0).clone())
}

/// `n, week_mask, holidays, roll`
fn add_business_days(batch: &Batch) -> Result<ArrayRef> {
    let (clock, calendar, counts) = (Clock::of(batch, 0)?, Calendar::of(batch, 2)?, batch.ints(1)?);
    changed(batch, 0, |row, utc| {
        let Some(n) = counts.get(row) else { return Ok(None) };
        let Some(local) = clock.local(utc) else { return Ok(Some(Changed::OutOfRange)) };
        let (day, time) = (local.div_euclid(clock.per_day()), local.rem_euclid(clock.per_day()));
        let from = match batch.word(4) {
            _ if calendar.has(day) => Some(day),
            Some("forward") => calendar.roll(day, 1),
            Some("backward") => calendar.roll(day, -1),
            _ => {
                let date = clock.naive(local).map(|at| at.date().to_string()).unwrap_or_default();
                return batch.bad_value(format!("{date} is no business day"), "roll='forward' or 'backward' starts at the next");
            }
        };
        let to = from.and_then(|day| calendar.add(day, n)).and_then(|day| day.checked_mul(clock.per_day())?.checked_add(time));
        let Some(to) = to else { return Ok(Some(Changed::OutOfRange)) };
        Ok(Some(clock.moment(batch, to, utc)?.into()))
    })
}
