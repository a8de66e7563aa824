//! Text read as dates and times: `to_date`, `to_datetime`, `to_time`, by a format or without one.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use chrono::format::{Item, Parsed, StrftimeItems, parse_and_remainder};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use datafusion::common::Result;

use super::clock::{Changed, Clock, NS_PER_SECOND, SECONDS_PER_DAY, Zone, column, per_second, unit_named, zone_named};
use super::parse_any::datetime_of;
use super::zones::{AMBIGUOUS, check_choice, placed};
use crate::functions::frame::arguments::{Batch, Call, Takes};
use crate::functions::frame::function::Row;

use Takes::{Flag, Text, Word};

pub(super) const ROWS: &[Row] = &[
    Row::new("str.to_date", &[Text, Word, Flag, Flag], date_type, to_date),
    Row::new("str.to_datetime", &[Text, Word, Word, Word, Flag, Flag, Text], datetime_type, to_datetime),
    Row::new("str.to_time", &[Text, Word, Flag], time_type, to_time),
];

/// A format, or none: then the usual forms of dates and datetimes are read.
struct Reader<'a> {
    items: Option<Vec<Item<'a>>>,
    exact: bool,
}

impl<'a> Reader<'a> {
    /// Errors: `Plan` for a format with an unknown part.
    fn of(call: &Call<'a>, at: usize, exact: bool) -> Result<Self> {
        let items = match call.word(at) {
            Some(format) => {
                let items: Vec<Item> = StrftimeItems::new(format).collect();
                if items.contains(&Item::Error) {
                    return call.wrong(format!("`{format}` is no format: a part is unknown; chrono's strftime lists them"));
                }
                Some(items)
            }
            None => None,
        };
        Ok(Reader { items, exact })
    }

    /// The reading and its offset to UTC, if the text tells one. What it does not tell is the first of its kind.
    fn read(&self, text: &str) -> Option<(NaiveDateTime, Option<i64>)> {
        let Some(items) = &self.items else { return datetime_of(text, self.exact).map(|at| (at, None)) };
        let starts = text.char_indices().map(|(at, _)| at).take(if self.exact { 1 } else { usize::MAX });
        starts.map(|at| &text[at..]).find_map(|text| {
            let mut parsed = Parsed::new();
            let rest = parse_and_remainder(&mut parsed, text, items.iter()).ok()?;
            if self.exact && !rest.is_empty() {
                return None;
            }
            datetime(&mut parsed)
        })
    }

    fn read_time(&self, text: &str) -> Option<NaiveTime> {
        let Some(items) = &self.items else { return super::parse_any::time_of(text) };
        let mut parsed = Parsed::new();
        parse_and_remainder(&mut parsed, text, items.iter()).ok().filter(|rest| rest.is_empty())?;
        parsed.to_naive_time().ok()
    }
}

fn datetime(parsed: &mut Parsed) -> Option<(NaiveDateTime, Option<i64>)> {
    let offset = parsed.offset().map(i64::from);
    if let Some(seconds) = parsed.timestamp() {
        let at = chrono::DateTime::from_timestamp(seconds, parsed.nanosecond().unwrap_or_default())?;
        return Some((at.naive_utc(), None));
    }
    let date = parsed.to_naive_date().ok().or_else(|| {
        parsed.set_day(1).ok()?;
        parsed.to_naive_date().ok().or_else(|| NaiveDate::from_ymd_opt(parsed.year()?, 1, 1))
    })?;
    let time = match (parsed.hour_div_12(), parsed.hour_mod_12(), parsed.minute()) {
        (None, None, _) => NaiveTime::MIN,
        (_, _, None) => {
            parsed.set_minute(0).ok()?;
            parsed.to_naive_time().ok()?
        }
        _ => parsed.to_naive_time().ok()?,
    };
    Some((date.and_time(time), offset))
}

/// What a text that cannot be read is: an error, or null.
fn unread<T>(batch: &Batch, text: &str, what: &str, strict: bool) -> Result<Option<T>> {
    match strict {
        false => Ok(None),
        true => batch.bad_value(format!("`{text}` is no {what} of this form"), "format= says the form, strict=False gives null"),
    }
}

/// `format, strict, exact`
fn date_type(call: &Call) -> Result<DataType> {
    Reader::of(call, 1, true).map(|_| DataType::Date32)
}

fn to_date(batch: &Batch) -> Result<ArrayRef> {
    let (texts, reader, strict) = (batch.texts(0)?, Reader::of(batch, 1, batch.flag(3))?, batch.flag(2));
    let mut days = Vec::with_capacity(batch.rows);
    for row in 0..batch.rows {
        let Some(text) = texts.get(row) else {
            days.push(None);
            continue;
        };
        // Without a format, a datetime is no date unless a part of the text will do.
        let read = reader.read(text).filter(|(at, _)| reader.items.is_some() || !reader.exact || is_bare_date(text, *at));
        days.push(match read {
            Some((at, _)) => Some(at.and_utc().timestamp().div_euclid(SECONDS_PER_DAY) as i32),
            None => unread(batch, text, "date", strict)?,
        });
    }
    Ok(cast(&arrow::array::Int32Array::from(days), &DataType::Date32)?)
}

fn is_bare_date(text: &str, at: NaiveDateTime) -> bool {
    at.time() == NaiveTime::MIN && !text.contains([':', ' ', 'T'])
}

/// `format, time_unit, time_zone, strict, exact, ambiguous`
fn datetime_type(call: &Call) -> Result<DataType> {
    let reader = Reader::of(call, 1, true)?;
    check_choice(call, 6, &AMBIGUOUS)?;
    let unit = match call.word(2) {
        Some(_) => unit_named(call, 2)?,
        None => unit_of_format(call.word(1).unwrap_or_default()),
    };
    let has_offset = reader.items.is_some_and(|items| items.iter().any(is_offset));
    let zone = match call.word(3) {
        Some(zone) => {
            zone_named(call, zone)?;
            Some(zone)
        }
        None => has_offset.then_some("UTC"),
    };
    Ok(DataType::Timestamp(unit, zone.map(Into::into)))
}

fn unit_of_format(format: &str) -> TimeUnit {
    match format {
        f if f.contains("%.9f") || f.contains("%9f") => TimeUnit::Nanosecond,
        f if f.contains("%.3f") || f.contains("%3f") => TimeUnit::Millisecond,
        _ => TimeUnit::Microsecond,
    }
}

fn is_offset(item: &Item) -> bool {
    use chrono::format::Fixed::{RFC2822, RFC3339, TimezoneOffsetDoubleColon, TimezoneOffsetTripleColon};
    use chrono::format::Fixed::{TimezoneOffset, TimezoneOffsetColon, TimezoneOffsetColonZ, TimezoneOffsetZ};
    match item {
        Item::Fixed(TimezoneOffset | TimezoneOffsetColon | TimezoneOffsetColonZ | TimezoneOffsetZ) => true,
        Item::Fixed(RFC2822 | RFC3339 | TimezoneOffsetDoubleColon | TimezoneOffsetTripleColon) => true,
        // `%#z`, which chrono keeps to itself.
        Item::Fixed(other) => format!("{other:?}").contains("TimezoneOffset"),
        _ => false,
    }
}

fn to_datetime(batch: &Batch) -> Result<ArrayRef> {
    let DataType::Timestamp(unit, zone) = batch.returns else { return batch.wrong("the result is no datetime") };
    let zone = zone.as_deref().map(|zone| zone_named(batch, zone)).transpose()?;
    let clock = Clock { per_second: per_second(*unit), zone };
    let (texts, reader, strict) = (batch.texts(0)?, Reader::of(batch, 1, batch.flag(5))?, batch.flag(4));
    let ambiguous = batch.texts(6)?;
    let mut numbers = Vec::with_capacity(batch.rows);
    for row in 0..batch.rows {
        let read = texts.get(row).map(|text| (text, reader.read(text)));
        numbers.push(match (read, zone) {
            (None, _) => None,
            (Some((text, None)), _) => unread(batch, text, "datetime", strict)?,
            (Some((text, Some((at, offset)))), zone) => {
                let local = clock.number(at.with_nanosecond(at.nanosecond() % NS_PER_SECOND as u32).unwrap_or(at));
                match (local, offset, zone) {
                    (None, ..) => unread(batch, text, "datetime", strict)?,
                    (Some(local), Some(offset), _) => Some(local - offset * clock.per_second),
                    (Some(local), None, None) => Some(local),
                    (Some(local), None, Some(zone)) => in_zone(batch, clock, zone, local, ambiguous.get(row), strict)?,
                }
            }
        });
    }
    column(Int64Array::from(numbers), batch.returns)
}

/// The moment of a reading in a zone. A text that says what the clock skips is unreadable.
fn in_zone(batch: &Batch, clock: Clock, zone: Zone, local: i64, choice: Option<&str>, strict: bool) -> Result<Option<i64>> {
    let Some(choice) = choice else { return Ok(None) };
    match placed(batch, clock, zone, local, choice, !strict)? {
        Some(Changed::To(moment)) => Ok(Some(moment)),
        _ => Ok(None),
    }
}

fn time_type(call: &Call) -> Result<DataType> {
    Reader::of(call, 1, true).map(|_| DataType::Time64(TimeUnit::Nanosecond))
}

/// `format, strict`
fn to_time(batch: &Batch) -> Result<ArrayRef> {
    let (texts, reader, strict) = (batch.texts(0)?, Reader::of(batch, 1, true)?, batch.flag(2));
    let mut ns = Vec::with_capacity(batch.rows);
    for row in 0..batch.rows {
        ns.push(match texts.get(row).map(|text| (text, reader.read_time(text))) {
            None => None,
            Some((_, Some(at))) => {
                Some(i64::from(at.num_seconds_from_midnight()) * NS_PER_SECOND + i64::from(at.nanosecond()) % NS_PER_SECOND)
            }
            Some((text, None)) => unread(batch, text, "time", strict)?,
        });
    }
    let ns: ArrayRef = Arc::new(Int64Array::from(ns));
    Ok(cast(&ns, batch.returns)?)
}
