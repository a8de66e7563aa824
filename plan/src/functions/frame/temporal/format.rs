//! Dates and times as text: `strftime`, `to_string`.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringViewBuilder};
use arrow::datatypes::{DataType, TimeUnit};
use chrono::format::{DelayedFormat, Item, StrftimeItems};
use chrono::{FixedOffset, NaiveDate, NaiveDateTime, NaiveTime};
use datafusion::common::Result;

use super::clock::{Clock, NS_PER_SECOND, SECONDS_PER_DAY, Zone, numbers, per_second};
use crate::functions::frame::arguments::{Batch, Call, Takes};
use crate::functions::frame::function::Row;

use Takes::{Temporal, Word};

pub(super) const ROWS: &[Row] = &[Row::new("dt.to_string", &[Temporal, Word], format_type, to_string)];

/// What is written of each value.
enum Written<'a> {
    /// By chrono's items; `%Z` wants the zone's name.
    Items(Vec<Item<'a>>),
    /// A duration as ISO 8601 has it, or in units, as Polars prints it.
    Iso,
    Units,
}

fn written<'a>(call: &Call<'a>) -> Result<Written<'a>> {
    let format = call.word(1).unwrap_or("iso");
    let items = match (call.data_type(0), format) {
        (DataType::Duration(_), "iso" | "iso:strict") => return Ok(Written::Iso),
        (DataType::Duration(_), "polars") => return Ok(Written::Units),
        (DataType::Duration(_), other) => {
            return call.wrong(format!("a duration is not written as `{other}`, expected `iso` or `polars`"));
        }
        (given, "iso" | "iso:strict") => iso(given, format == "iso:strict"),
        (_, format) => format,
    };
    let parsed: Vec<Item> = StrftimeItems::new(items).collect();
    let sample = Parts { date: NaiveDate::from_ymd_opt(2000, 1, 1), time: NaiveTime::from_hms_opt(0, 0, 0), zone: None };
    if !sample.of(call.data_type(0)).write(&parsed, &mut String::new()) {
        return call.wrong(format!("`{items}` is no format for {}: a part is unknown, or the type has none", call.data_type(0)));
    }
    Ok(Written::Items(parsed))
}

fn iso(given: &DataType, strict: bool) -> &'static str {
    use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
    match (given, strict) {
        (DataType::Date32 | DataType::Date64, _) => "%F",
        (DataType::Timestamp(Millisecond | Second, None), false) => "%F %T%.3f",
        (DataType::Timestamp(Microsecond, None), false) => "%F %T%.6f",
        (DataType::Timestamp(Nanosecond, None), false) => "%F %T%.9f",
        (DataType::Timestamp(Millisecond | Second, None), true) => "%FT%T%.3f",
        (DataType::Timestamp(Microsecond, None), true) => "%FT%T%.6f",
        (DataType::Timestamp(Nanosecond, None), true) => "%FT%T%.9f",
        (DataType::Timestamp(Millisecond | Second, Some(_)), false) => "%F %T%.3f%:z",
        (DataType::Timestamp(Microsecond, Some(_)), false) => "%F %T%.6f%:z",
        (DataType::Timestamp(Nanosecond, Some(_)), false) => "%F %T%.9f%:z",
        (DataType::Timestamp(Millisecond | Second, Some(_)), true) => "%FT%T%.3f%:z",
        (DataType::Timestamp(Microsecond, Some(_)), true) => "%FT%T%.6f%:z",
        (DataType::Timestamp(Nanosecond, Some(_)), true) => "%FT%T%.9f%:z",
        _ => "%T%.f",
    }
}

fn format_type(call: &Call) -> Result<DataType> {
    written(call).map(|_| DataType::Utf8View)
}

/// What of a value can be written.
#[derive(Clone)]
struct Parts {
    date: Option<NaiveDate>,
    time: Option<NaiveTime>,
    zone: Option<(String, FixedOffset)>,
}

impl Parts {
    /// What a value of this type has of them.
    fn of(self, data_type: &DataType) -> Self {
        match data_type {
            DataType::Date32 | DataType::Date64 => Parts { time: None, zone: None, ..self },
            DataType::Time32(_) | DataType::Time64(_) => Parts { date: None, zone: None, ..self },
            DataType::Timestamp(_, Some(_)) => {
                let utc = FixedOffset::east_opt(0).map(|offset| ("UTC".to_owned(), offset));
                Parts { zone: self.zone.or(utc), ..self }
            }
            _ => self,
        }
    }

    /// False where the items ask for what is not there.
    fn write(&self, items: &[Item], out: &mut String) -> bool {
        let text = match &self.zone {
            Some((name, offset)) => {
                return write!(
                    out,
                    "{}",
                    DelayedFormat::new_with_offset(self.date, self.time, &Named(name, *offset), items.iter())
                )
                .is_ok();
            }
            None => DelayedFormat::new(self.date, self.time, items.iter()),
        };
        write!(out, "{text}").is_ok()
    }
}

/// An offset that prints as the zone's abbreviation.
#[derive(Debug, Clone)]
struct Named<'a>(&'a str, FixedOffset);

impl std::fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl chrono::Offset for Named<'_> {
    fn fix(&self) -> FixedOffset {
        self.1
    }
}

fn to_string(batch: &Batch) -> Result<ArrayRef> {
    let given = numbers(batch, 0)?;
    let written = written(batch)?;
    let clock = match batch.data_type(0) {
        DataType::Time32(_) | DataType::Time64(_) | DataType::Duration(_) => None,
        _ => Some(Clock::of(batch, 0)?),
    };
    let mut out = StringViewBuilder::with_capacity(batch.rows);
    let mut one = String::new();
    for row in 0..batch.rows {
        one.clear();
        if given.is_null(row) {
            out.append_null();
            continue;
        }
        let is_written = match &written {
            Written::Items(items) => {
                parts(batch.data_type(0), clock, given.value(row)).is_some_and(|parts| parts.write(items, &mut one))
            }
            Written::Iso => write_iso_duration(given.value(row), per_second_of(batch.data_type(0)), &mut one).is_ok(),
            Written::Units => write_units(given.value(row), per_second_of(batch.data_type(0)), &mut one).is_ok(),
        };
        match is_written {
            true => out.append_value(&one),
            false => return batch.bad_value("a value is beyond the calendar", "a text has years -262142 to 262142"),
        }
    }
    Ok(Arc::new(out.finish()))
}

fn parts(data_type: &DataType, clock: Option<Clock>, value: i64) -> Option<Parts> {
    if let DataType::Time32(unit) | DataType::Time64(unit) = data_type {
        let unit = per_second(*unit);
        let ns = (value % unit) * (NS_PER_SECOND / unit);
        let time = NaiveTime::from_num_seconds_from_midnight_opt((value / unit) as u32, ns as u32);
        return time.map(|time| Parts { date: None, time: Some(time), zone: None });
    }
    let clock = clock?;
    let (local, utc) = (clock.naive(clock.local(value)?)?, clock.naive(value)?);
    let zone = clock.zone.and_then(|zone| abbreviation(zone, utc));
    Some(Parts { date: Some(local.date()), time: Some(local.time()), zone }.of(data_type))
}

fn abbreviation(zone: Zone, utc: NaiveDateTime) -> Option<(String, FixedOffset)> {
    let offset = FixedOffset::east_opt(i32::try_from(zone.offset_s(utc)).ok()?)?;
    let name = match zone {
        Zone::Named(zone) => utc.and_utc().with_timezone(&zone).format("%Z").to_string(),
        Zone::Fixed(offset) => offset.to_string(),
    };
    Some((name, offset))
}

fn per_second_of(data_type: &DataType) -> i64 {
    match data_type {
        DataType::Duration(unit) => per_second(*unit),
        _ => 1_000,
    }
}

/// `P1DT1H1.5S`
fn write_iso_duration(value: i64, unit: i64, out: &mut String) -> std::fmt::Result {
    if value == 0 {
        return out.write_str("PT0S");
    }
    let (whole, unit) = (value.unsigned_abs(), unit.unsigned_abs());
    let (seconds, rest) = (whole / unit, whole % unit);
    let (days, seconds) = (seconds / SECONDS_PER_DAY as u64, seconds % SECONDS_PER_DAY as u64);
    out.write_str(if value < 0 { "-P" } else { "P" })?;
    if days > 0 {
        write!(out, "{days}D")?;
    }
    if seconds == 0 && rest == 0 {
        return Ok(());
    }
    out.write_char('T')?;
    for (number, letter) in [(seconds / 3_600, 'H'), (seconds / 60 % 60, 'M')] {
        if number > 0 {
            write!(out, "{number}{letter}")?;
        }
    }
    let seconds = seconds % 60;
    if seconds > 0 || rest > 0 {
        write!(out, "{seconds}")?;
        if rest > 0 {
            let digits = format!("{:0width$}", rest, width = unit.ilog10() as usize);
            write!(out, ".{}", digits.trim_end_matches('0'))?;
        }
        out.write_char('S')?;
    }
    Ok(())
}

/// `1d 1h 1s 500ms`: each part that is not 0, with its sign; the last in the unit of the type.
fn write_units(value: i64, unit: i64, out: &mut String) -> std::fmt::Result {
    let name = match unit {
        1_000 => "ms",
        1_000_000 => "µs",
        NS_PER_SECOND => "ns",
        _ => "s",
    };
    if value == 0 {
        return write!(out, "0{name}");
    }
    let (seconds, rest) = (value / unit, value % unit);
    let parts = [(seconds / SECONDS_PER_DAY, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    for (number, name) in parts {
        if number != 0 {
            write!(out, "{}{number}{name}", if out.is_empty() { "" } else { " " })?;
        }
    }
    if rest == 0 {
        return Ok(());
    }
    // Whole milliseconds are written as such, whatever the unit.
    let (rest, name) = match unit >= 1_000 && rest % (unit / 1_000) == 0 {
        true => (rest / (unit / 1_000), "ms"),
        false if unit == NS_PER_SECOND && rest % 1_000 == 0 => (rest / 1_000, "µs"),
        false => (rest, name),
    };
    write!(out, "{}{rest}{name}", if out.is_empty() { "" } else { " " })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(value: i64, unit: i64) -> (String, String) {
        let (mut iso, mut units) = (String::new(), String::new());
        write_iso_duration(value, unit, &mut iso).unwrap();
        write_units(value, unit, &mut units).unwrap();
        (iso, units)
    }

    #[test]
    fn durations_are_written_in_parts() {
        assert_eq!(both(-86_399_999_999, 1_000_000), ("-PT23H59M59.999999S".into(), "-23h -59m -59s -999999µs".into()));
        assert_eq!(both(90_001_500_000, 1_000_000), ("P1DT1H1.5S".into(), "1d 1h 1s 500ms".into()));
        assert_eq!(both(86_400, 1), ("P1D".into(), "1d".into()));
        assert_eq!(both(0, 1_000), ("PT0S".into(), "0ms".into()));
        assert!(both(i64::MIN, 1_000_000_000).0.starts_with("-P"));
    }
}
