//! Dates, times and datetimes of the usual forms, read without a format: year, month, day or day, month, year with `-`, `/` or
//! `.` between them, then perhaps a time behind a blank or a T.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

/// The datetime that a text is; midnight where it is a date. Where not `exact`, what follows the date may be anything.
pub(super) fn datetime_of(text: &str, exact: bool) -> Option<NaiveDateTime> {
    let (date, rest) = date_of(text)?;
    if rest.is_empty() {
        return Some(date.and_time(NaiveTime::MIN));
    }
    let time = rest.strip_prefix(['T', ' ']).and_then(time_of);
    match exact {
        true => Some(date.and_time(time?)),
        false => Some(date.and_time(time.unwrap_or_default())),
    }
}

/// `10:20`, `10:20:30`, `10:20:30.5`
pub(super) fn time_of(text: &str) -> Option<NaiveTime> {
    let (hour, rest) = number(text, 2)?;
    let (minute, rest) = number(rest.strip_prefix(':')?, 2)?;
    if rest.is_empty() {
        return NaiveTime::from_hms_opt(hour, minute, 0);
    }
    let (second, rest) = number(rest.strip_prefix(':')?, 2)?;
    let ns = match rest.strip_prefix('.') {
        Some(digits) => fraction_ns(digits)?,
        None if rest.is_empty() => 0,
        None => return None,
    };
    NaiveTime::from_hms_nano_opt(hour, minute, second, ns)
}

fn fraction_ns(digits: &str) -> Option<u32> {
    let is_fraction = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let kept = &digits[..digits.len().min(9)];
    let ns: u32 = if is_fraction { kept.parse().ok()? } else { return None };
    Some(ns * 10_u32.pow(9 - kept.len() as u32))
}

/// The date at the start of a text, and what follows it.
fn date_of(text: &str) -> Option<(NaiveDate, &str)> {
    let (first, rest) = number(text, 4)?;
    let digits = text.len() - rest.len();
    let mark = rest.chars().next().filter(|mark| matches!(mark, '-' | '/' | '.'))?;
    let (month, rest) = number(&rest[1..], 2)?;
    let (last, rest) = number(rest.strip_prefix(mark)?, if digits == 4 { 2 } else { 4 })?;
    let date = match digits {
        4 => NaiveDate::from_ymd_opt(first as i32, month, last),
        1 | 2 => NaiveDate::from_ymd_opt(last as i32, month, first).filter(|_| last > 999),
        _ => None,
    };
    Some((date?, rest))
}

/// The number of at most so many digits at the start of a text.
fn number(text: &str, digits_max: usize) -> Option<(u32, &str)> {
    let digits = text.bytes().take(digits_max).take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(digits);
    Some((digits.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_forms_are_read() {
        let read = |text| datetime_of(text, true).map(|at| at.to_string());
        assert_eq!(read("2024-03-10").as_deref(), Some("2024-03-10 00:00:00"));
        assert_eq!(read("2024/3/1 10:20").as_deref(), Some("2024-03-01 10:20:00"));
        assert_eq!(read("03.04.2024T10:20:30.25").as_deref(), Some("2024-04-03 10:20:30.250"));
        for wrong in
            ["", "x", "2024", "2024-13-01", "2024-03-10Z", "2024-03-10 25:00", "2024-03/10", "2024-03-10 10:20:30.", "1-2-3"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert!(datetime_of("2024-01-01T10:20:30Z", false).is_some());
    }
}
