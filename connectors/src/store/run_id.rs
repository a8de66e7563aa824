//! Names of runs: `20261123-014512-0k7q`.
//!
//! Date and time in UTC, then two characters of the fraction of a second and two that tell stores and processes apart.
//! They sort by time, and within one store no two runs have the same tick.

use std::hash::{BuildHasher, RandomState};

/// Without i, l, o and u, as Crockford's base 32 has it: nothing to misread.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Names of ours are shorter.
const NAME_BYTES_MAX: usize = 64;
const TICKS_PER_SECOND: i64 = 1024;
/// A run a little before the newest one (a busy millisecond, a clock set back by a hair) is put after it.
const MOST_TICKS_AHEAD: i64 = 2 * TICKS_PER_SECOND;

/// A new name, after `newest`, the greatest name in the store.
pub(super) fn new_run_id(now_us: i64, newest: Option<&str>) -> String {
    let now = ticks(now_us);
    let newest_prefix = newest.and_then(|name| name.get(..PREFIX_LENGTH)).unwrap_or_default();
    let tick = (now..now + MOST_TICKS_AHEAD).find(|&tick| prefix(tick).as_str() > newest_prefix).unwrap_or(now);
    let random = RandomState::new().hash_one(now_us);
    format!("{}{}{}", prefix(tick), digit(random as i64), digit((random >> 5) as i64))
}

/// True of what may be the name of a run, of this build or another: a directory of that name is nowhere else.
pub(super) fn is_run_id(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

const PREFIX_LENGTH: usize = "20261123-014512-0k".len();

fn ticks(us: i64) -> i64 {
    us.div_euclid(1_000_000) * TICKS_PER_SECOND + us.rem_euclid(1_000_000) * TICKS_PER_SECOND / 1_000_000
}

fn prefix(tick: i64) -> String {
    let (seconds, fraction) = (tick.div_euclid(TICKS_PER_SECOND), tick.rem_euclid(TICKS_PER_SECOND));
    let (year, month, day) = civil_date(seconds.div_euclid(86_400));
    let second = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}-{}{}", digit(fraction >> 5), digit(fraction))
}

fn digit(value: i64) -> char {
    DIGITS[(value & 31) as usize] as char
}

/// Year, month and day of a number of days since 1970, in the Gregorian calendar. The year is taken to begin in March,
/// so that the leap day is its last. Source: Hinnant, "chrono-compatible low-level date algorithms".
fn civil_date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_US: i64 = 1_795_398_312_500_000;

    #[test]
    fn names_say_when() {
        assert!(new_run_id(NOW_US, None).starts_with("20261123-014512-g0"));
        assert!(new_run_id(951_782_400_000_000, None).starts_with("20000229-000000-00"));
    }

    #[test]
    fn later_names_sort_later_even_in_one_microsecond() {
        let mut newest = new_run_id(NOW_US, None);
        for _ in 0..1000 {
            let next = new_run_id(NOW_US, Some(&newest));
            assert!(next > newest, "{next} is not after {newest}");
            newest = next;
        }
    }

    #[test]
    fn a_clock_set_back_far_is_believed() {
        assert!(new_run_id(NOW_US, Some("20991231-000000-0000")).starts_with("20261123"));
    }
}
