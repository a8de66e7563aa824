//! Intervals as Polars writes them: `1mo`, `-2d12h`, `15m`.

use arrow::array::StringViewArray;
use chrono::{Datelike, NaiveDate};
use datafusion::common::Result;
use gradframe_ml_core::Error;

use super::clock::{Clock, NS_PER_DAY, NS_PER_SECOND, days_in_month};
use crate::error::to_datafusion;
use crate::functions::frame::arguments::{Batch, Call, Values};

/// A length of calendar time. Months and days vary in length, so each part is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Interval {
    pub months: i64,
    pub weeks: i64,
    pub days: i64,
    pub ns: i64,
    pub negative: bool,
}

const UNITS: &str = "expected whole numbers with units: ns, us, ms, s, m, h, d, w, mo, q, y, as in `1mo` or `2h30m`";

impl Interval {
    /// Errors: what is wrong with the text.
    pub(super) fn parse(text: &str) -> Result<Interval, String> {
        let (negative, mut rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let mut interval = Interval { negative, ..Interval::default() };
        if rest.is_empty() {
            return Err("it is empty".into());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let number: i64 = rest[..digits].parse().map_err(|_| format!("a number is missing at `{rest}`"))?;
            let unit = &rest[digits..];
            let unit = &unit[..unit.find(|c: char| !c.is_alphabetic()).unwrap_or(unit.len())];
            interval.add(number, unit).ok_or_else(|| format!("`{number}{unit}` is no part of one, or too long"))?;
            rest = &rest[digits + unit.len()..];
        }
        Ok(interval)
    }

    fn add(&mut self, number: i64, unit: &str) -> Option<()> {
        let (part, times) = match unit {
            "ns" => (&mut self.ns, 1),
            "us" | "µs" | "μs" => (&mut self.ns, 1_000),
            "ms" => (&mut self.ns, 1_000_000),
            "s" => (&mut self.ns, NS_PER_SECOND),
            "m" => (&mut self.ns, 60 * NS_PER_SECOND),
            "h" => (&mut self.ns, 3_600 * NS_PER_SECOND),
            "d" => (&mut self.days, 1),
            "w" => (&mut self.weeks, 1),
            "mo" => (&mut self.months, 1),
            "q" => (&mut self.months, 3),
            "y" => (&mut self.months, 12),
            _ => return None,
        };
        *part = part.checked_add(number.checked_mul(times)?)?;
        Some(())
    }

    pub(super) fn is_zero(&self) -> bool {
        self.months == 0 && self.weeks == 0 && self.days == 0 && self.ns == 0
    }

    /// The interval so many times. None where it is too long.
    pub(super) fn times(&self, times: i64) -> Option<Interval> {
        Some(Interval {
            months: self.months.checked_mul(times)?,
            weeks: self.weeks.checked_mul(times)?,
            days: self.days.checked_mul(times)?,
            ns: self.ns.checked_mul(times)?,
            negative: self.negative,
        })
    }

    /// In so many parts of a second, where it has no months.
    pub(super) fn fixed(&self, per_second: i64) -> Option<i64> {
        let days = self.weeks.checked_mul(7)?.checked_add(self.days)?;
        let ns = self.ns / (NS_PER_SECOND / per_second);
        days.checked_mul(NS_PER_DAY / (NS_PER_SECOND / per_second))?.checked_add(ns)
    }

    /// A reading moved by the months, weeks and days, but not by what is shorter. None beyond the calendar.
    pub(super) fn add_days(&self, clock: Clock, local: i64) -> Option<i64> {
        let sign = if self.negative { -1 } else { 1 };
        let moved = if self.months == 0 { local } else { shift_months(clock, local, sign * self.months)? };
        let days = self.weeks.checked_mul(7)?.checked_add(self.days)?;
        moved.checked_add((sign * days).checked_mul(clock.per_day())?)
    }

    /// A moment moved by what is shorter than a day.
    pub(super) fn add_time(&self, clock: Clock, utc: i64) -> Option<i64> {
        let part = self.ns / (NS_PER_SECOND / clock.per_second);
        utc.checked_add(if self.negative { -part } else { part })
    }

    /// The same of a date, which is counted in milliseconds: what is shorter still leads back to the day before.
    pub(super) fn add_time_to_date(&self, clock: Clock, utc: i64) -> Option<i64> {
        let has_rest = self.ns % (NS_PER_SECOND / clock.per_second) != 0;
        self.add_time(clock, utc)?.checked_sub(i64::from(self.negative && has_rest))
    }

    /// Whether it is one multiple of one kind of unit, which is what a grid needs.
    pub(super) fn is_grid(&self) -> bool {
        let kinds = [self.months != 0, self.weeks != 0, self.days != 0 || self.ns != 0];
        kinds.into_iter().filter(|kind| *kind).count() <= 1 && !self.negative
    }
}

/// The same day of the month so many months on, or the last that there is.
fn shift_months(clock: Clock, local: i64, by: i64) -> Option<i64> {
    let at = clock.naive(local)?;
    let months = (i64::from(at.year()) * 12 + i64::from(at.month0())).checked_add(by)?;
    let (year, month) = (i32::try_from(months.div_euclid(12)).ok()?, months.rem_euclid(12) as u32 + 1);
    let day = at.day().min(days_in_month(year, month));
    clock.number(NaiveDate::from_ymd_opt(year, month, day)?.and_time(at.time()))
}

/// Checks an interval that is the same for all rows.
pub(super) fn check(call: &Call, at: usize, is_grid: bool) -> Result<()> {
    call.word(at).map_or(Ok(()), |text| read(call.name, text, is_grid).map(|_| ()))
}

fn read(name: &str, text: &str, is_grid: bool) -> Result<Interval> {
    let interval = Interval::parse(text)
        .map_err(|reason| to_datafusion(Error::plan(name, format!("`{text}` is no interval: {reason}")).hint(UNITS)))?;
    if is_grid && !interval.is_grid() {
        let what = format!("`{text}` is negative, or mixes months, weeks and shorter units");
        return Err(to_datafusion(Error::plan(name, what).hint("a grid is of one unit: `3mo`, `2w`, `36h`")));
    }
    Ok(interval)
}

/// The intervals of a batch's rows.
pub(super) struct Intervals {
    name: &'static str,
    texts: Values<StringViewArray>,
    is_grid: bool,
    last: Option<(String, Interval)>,
}

impl Intervals {
    pub(super) fn of(batch: &Batch, at: usize, is_grid: bool) -> Result<Self> {
        Ok(Intervals { name: batch.name, texts: batch.texts(at)?, is_grid, last: None })
    }

    /// The interval of a row; None if it is null.
    pub(super) fn at(&mut self, row: usize) -> Result<Option<Interval>> {
        let Some(text) = self.texts.get(row) else { return Ok(None) };
        if self.last.as_ref().is_none_or(|(last, _)| last != text) {
            self.last = Some((text.to_owned(), read(self.name, text, self.is_grid)?));
        }
        Ok(self.last.as_ref().map(|(_, interval)| *interval))
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDateTime;

    use super::*;

    #[test]
    fn intervals_are_read_in_parts() {
        assert_eq!(Interval::parse("1y2mo").unwrap().months, 14);
        let mixed = Interval::parse("-1w2d3h15m").unwrap();
        assert_eq!((mixed.weeks, mixed.days, mixed.ns, mixed.negative), (1, 2, 195 * 60 * NS_PER_SECOND, true));
        for wrong in ["", "-", "abc", "1", "1x", "d", "1 d", "99999999999999999999d", "9999999999999h", "1h-2m"] {
            assert!(Interval::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_month_ends_where_it_does() {
        let clock = Clock { per_second: 1, zone: None };
        let at = |text: &str| text.parse::<NaiveDateTime>().unwrap().and_utc().timestamp();
        let month = Interval::parse("1mo").unwrap();
        assert_eq!(month.add_days(clock, at("2024-01-31T05:00:00")), Some(at("2024-02-29T05:00:00")));
        assert_eq!(month.add_days(clock, i64::MAX), None);
    }
}
