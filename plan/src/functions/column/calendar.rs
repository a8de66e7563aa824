//! Boundaries and whole parts of the calendar between two moments, the last day of a month, and lengths of texts and lists.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, TimeUnit, TimestampMicrosecondType};
use chrono::{DateTime, Datelike, Days, Months, NaiveDateTime};
use datafusion::common::{Result, not_impl_err};
use gradframe_ml_core::Error;

use super::kernel::{Columns, Kernel, integer};
use crate::error::to_datafusion;

pub(super) const KERNELS: &[Kernel] = &[
    // [part, from, to]: how many beginnings of the part lie between.
    Kernel { name: "boundaries_between", result: integer, run: |columns| between(columns, boundaries) },
    // The same: how many of the part have passed whole.
    Kernel { name: "parts_between", result: integer, run: |columns| between(columns, whole_parts) },
    // [day or moment]
    Kernel { name: "last_day_of_month", result: |_, _| Ok(DataType::Date32), run: last_days },
    // [text or list]: characters or elements.
    Kernel { name: "length_of", result: integer, run: lengths },
];

/// The parts of the calendar that are counted, by their singular.
#[derive(Debug, Clone, Copy)]
enum Part {
    Months(i64),
    Weeks,
    /// Of so many microseconds.
    Time(i64),
}

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

fn part(name: &str) -> Result<Part> {
    let name = name.to_lowercase();
    Ok(match name.strip_suffix('s').unwrap_or(&name) {
        "millennium" => Part::Months(12_000),
        "century" => Part::Months(1_200),
        "decade" => Part::Months(120),
        "year" | "yr" | "y" => Part::Months(12),
        "quarter" => Part::Months(3),
        "month" | "mon" => Part::Months(1),
        "week" | "w" => Part::Weeks,
        "day" | "d" => Part::Time(DAY),
        "hour" | "hr" | "h" => Part::Time(3_600 * SECOND),
        "minute" | "min" => Part::Time(60 * SECOND),
        "second" | "sec" => Part::Time(SECOND),
        "millisecond" | "ms" => Part::Time(1_000),
        "microsecond" | "us" => Part::Time(1),
        _ => {
            let hint = "there are year, quarter, month, week, day, hour, minute, second, millisecond, microsecond";
            return Err(to_datafusion(Error::plan("date_diff", format!("unknown part `{name}`")).hint(hint)));
        }
    })
}

fn between(columns: &Columns, count: fn(Part, i64, i64) -> Option<i64>) -> Result<ArrayRef> {
    let [parts, from, to] = columns.values else { return not_impl_err!("a part and two moments are counted") };
    let parts = cast(parts, &DataType::Utf8)?;
    let parts = parts.as_string::<i32>();
    let [from, to] = [moments(from)?, moments(to)?];
    let [from, to] = [&from, &to].map(|moments| moments.as_primitive::<TimestampMicrosecondType>());
    let counts = (0..columns.rows).map(|row| {
        if parts.is_null(row) || from.is_null(row) || to.is_null(row) {
            return Ok(None);
        }
        let counted = count(part(parts.value(row))?, from.value(row), to.value(row));
        let beyond = || to_datafusion(Error::execution("date_diff", "a moment is beyond the years that are counted"));
        counted.map(Some).ok_or_else(beyond)
    });
    Ok(Arc::new(counts.collect::<Result<Int64Array>>()?))
}

/// Microseconds, as the clock of its zone shows them.
fn moments(values: &ArrayRef) -> Result<ArrayRef> {
    Ok(cast(values, &DataType::Timestamp(TimeUnit::Microsecond, None))?)
}

fn boundaries(part: Part, from: i64, to: i64) -> Option<i64> {
    match part {
        Part::Months(many) => Some(months(to)?.div_euclid(many) - months(from)?.div_euclid(many)),
        // Sevens of days, as in DuckDB, on whatever day of the week they begin.
        Part::Weeks => Some((to.div_euclid(DAY) - from.div_euclid(DAY)) / 7),
        Part::Time(many) => Some(to.div_euclid(many) - from.div_euclid(many)),
    }
}

fn whole_parts(part: Part, from: i64, to: i64) -> Option<i64> {
    match part {
        Part::Months(many) => Some(whole_months(from, to)? / many),
        Part::Weeks => to.checked_sub(from).map(|passed| passed / (7 * DAY)),
        Part::Time(many) => to.checked_sub(from).map(|passed| passed / many),
    }
}

fn reading(moment: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_micros(moment).map(|moment| moment.naive_utc())
}

/// Months since the year 0.
fn months(moment: i64) -> Option<i64> {
    reading(moment).map(|at| i64::from(at.year()) * 12 + i64::from(at.month0()))
}

/// A month has passed on the same day at the same time, or on the last day of one that has no such day.
fn whole_months(from: i64, to: i64) -> Option<i64> {
    if from > to {
        return whole_months(to, from).map(|months| -months);
    }
    let passed = months(to)? - months(from)?;
    let reached = reading(from)?.checked_add_months(Months::new(u32::try_from(passed).ok()?))?;
    Some(if reached > reading(to)? { passed - 1 } else { passed })
}

fn last_days(columns: &Columns) -> Result<ArrayRef> {
    let days = cast(&columns.values[0], &DataType::Date32)?;
    let days = days.as_primitive::<Date32Type>();
    let last = |day: i32| {
        let date = Date32Type::to_naive_date_opt(day)?;
        let first_of_next = date.with_day(1)?.checked_add_months(Months::new(1))?;
        first_of_next.checked_sub_days(Days::new(1)).map(Date32Type::from_naive_date)
    };
    Ok(Arc::new(days.iter().map(|day| day.and_then(last)).collect::<Date32Array>()))
}

fn lengths(columns: &Columns) -> Result<ArrayRef> {
    let values = &columns.values[0];
    if values.data_type().is_null() || values.data_type().is_string() {
        let texts = cast(values, &DataType::Utf8)?;
        let lengths = texts.as_string::<i32>().iter().map(|text| text.map(|text| text.chars().count() as i64));
        return Ok(Arc::new(lengths.collect::<Int64Array>()));
    }
    match values.data_type() {
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) | DataType::Binary => {
            Ok(cast(&arrow::compute::kernels::length::length(values)?, &DataType::Int64)?)
        }
        other => {
            let error = Error::plan("len", format!("{other} has no length, which texts and lists have"));
            Err(to_datafusion(error.hint("write len(CAST(x AS VARCHAR))")))
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;

    fn at(text: &str) -> i64 {
        let moment = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap();
        moment.and_utc().timestamp_micros()
    }

    #[test]
    fn boundaries_are_counted_and_whole_parts_have_passed() {
        for (name, from, to, crossed, whole) in [
            ("month", "2024-01-31 00:00:00", "2024-02-29 00:00:00", 1, 1),
            ("month", "2024-01-31 00:00:01", "2024-02-29 00:00:00", 1, 0),
            ("months", "2024-02-29 00:00:00", "2024-01-31 00:00:00", -1, -1),
            ("year", "2023-12-31 00:00:00", "2024-01-01 00:00:00", 1, 0),
            ("decade", "1999-12-31 00:00:00", "2010-01-01 00:00:00", 2, 1),
            ("week", "2024-01-07 00:00:00", "2024-01-08 00:00:00", 0, 0),
            ("week", "2024-01-03 12:00:00", "2024-01-10 11:00:00", 1, 0),
            ("hour", "1969-12-31 23:59:00", "1970-01-01 00:01:00", 1, 0),
            ("day", "2024-01-01 12:00:00", "2024-01-02 11:00:00", 1, 0),
            ("quarter", "2024-03-31 00:00:00", "2023-12-31 00:00:00", -1, -1),
        ] {
            let part = part(name).unwrap();
            assert_eq!(boundaries(part, at(from), at(to)), Some(crossed), "{name}");
            assert_eq!(whole_parts(part, at(from), at(to)), Some(whole), "{name}");
        }
        assert!(part("fortnight").is_err());
    }

    #[test]
    fn the_last_day_of_a_month_is_the_day_before_the_next() {
        let days = ["2024-02-01", "2023-02-28", "2023-12-15"].map(|day| day.parse::<NaiveDate>().unwrap());
        let days: ArrayRef = Arc::new(Date32Array::from_iter_values(days.map(Date32Type::from_naive_date)));
        let last = last_days(&Columns { values: &[days], rows: 3, constants: &[] }).unwrap();
        let shown = last.as_primitive::<Date32Type>().values().iter().filter_map(|day| Date32Type::to_naive_date_opt(*day));
        let shown: Vec<String> = shown.map(|day| day.to_string()).collect();
        assert_eq!(shown, ["2024-02-29", "2023-02-28", "2023-12-31"]);
    }
}
