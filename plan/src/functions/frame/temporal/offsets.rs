//! A zone's offsets to UTC as a table: to look one up costs less than the zone's own search.

use std::sync::{LazyLock, OnceLock};

use chrono::{DateTime, NaiveDateTime, Offset, TimeZone};
use chrono_tz::{TZ_VARIANTS, Tz};

/// The years that the table is of: 1900 to 2099.
const FIRST_S: i64 = -2_208_988_800;
const LAST_S: i64 = 4_102_444_800;

/// No clock of the IANA database was ever changed twice within so long (the least is 3.98 days: Freetown, 1939).
const BLOCK_S: i64 = 3 * 86_400;

/// How far a zone's clock was ahead of UTC, and since when.
#[derive(Debug, Clone, Copy)]
struct Span {
    start_s: i64,
    offset_s: i64,
}

/// The offsets of a zone.
#[derive(Debug)]
pub(super) struct Offsets {
    spans: Vec<Span>,
    /// The span in which each block of time begins.
    of_block: Vec<u16>,
    /// The one offset that the zone has at all times.
    only: Option<i64>,
}

static KNOWN: LazyLock<Vec<OnceLock<Offsets>>> = LazyLock::new(|| TZ_VARIANTS.iter().map(|_| OnceLock::new()).collect());

impl Offsets {
    /// Those of this zone, found once.
    pub(super) fn of(zone: Tz) -> &'static Offsets {
        KNOWN[zone as usize].get_or_init(|| Offsets::found(zone))
    }

    fn found(zone: Tz) -> Offsets {
        let mut spans = vec![Span { start_s: FIRST_S, offset_s: offset(zone, FIRST_S) }];
        let mut of_block = vec![];
        for start_s in (FIRST_S..LAST_S).step_by(BLOCK_S as usize) {
            let last = spans[spans.len() - 1];
            of_block.push((spans.len() - 1) as u16);
            let end_s = start_s + BLOCK_S;
            let offset_s = offset(zone, end_s);
            if offset_s != last.offset_s {
                spans.push(Span { start_s: first_of(zone, offset_s, start_s, end_s), offset_s });
            }
        }
        let earliest_s = NaiveDateTime::MIN.and_utc().timestamp() + BLOCK_S;
        let only = (spans.len() == 1 && offset(zone, earliest_s) == spans[0].offset_s).then_some(spans[0].offset_s);
        Offsets { spans, of_block, only }
    }

    /// In seconds, at so many seconds since 1970; None before and after the years of the table.
    pub(super) fn at(&self, utc_s: i64) -> Option<i64> {
        let block = usize::try_from(utc_s.checked_sub(FIRST_S)?.div_euclid(BLOCK_S)).ok()?;
        let span = usize::from(*self.of_block.get(block)?);
        match self.spans.get(span + 1) {
            Some(next) if next.start_s <= utc_s => Some(next.offset_s),
            _ => Some(self.spans[span].offset_s),
        }
    }

    /// The offset of a zone that has never had another.
    pub(super) fn only(&self) -> Option<i64> {
        self.only
    }
}

fn offset(zone: Tz, utc_s: i64) -> i64 {
    let at = DateTime::from_timestamp(utc_s, 0).unwrap_or_default().naive_utc();
    i64::from(zone.offset_from_utc_datetime(&at).fix().local_minus_utc())
}

/// The first second between two that has the offset of the later one.
fn first_of(zone: Tz, offset_s: i64, before_s: i64, end_s: i64) -> i64 {
    let (mut before_s, mut found_s) = (before_s, end_s);
    while before_s + 1 < found_s {
        let middle_s = before_s + (found_s - before_s) / 2;
        match offset(zone, middle_s) == offset_s {
            true => found_s = middle_s,
            false => before_s = middle_s,
        }
    }
    found_s
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_those_of_the_zone() {
        for zone in [Tz::Europe__Berlin, Tz::America__St_Johns, Tz::Africa__Freetown, Tz::Africa__Casablanca, Tz::Pacific__Apia] {
            let offsets = Offsets::of(zone);
            for utc_s in (FIRST_S..LAST_S).step_by(86_400 * 5 + 1_801) {
                assert_eq!(offsets.at(utc_s), Some(offset(zone, utc_s)), "{zone} at {utc_s}");
            }
            for span in &offsets.spans[1..] {
                for utc_s in [span.start_s - 1, span.start_s] {
                    assert_eq!(offsets.at(utc_s), Some(offset(zone, utc_s)), "{zone} at {utc_s}");
                }
            }
            assert_eq!((offsets.at(FIRST_S - 1), offsets.at(i64::MIN), offsets.at(i64::MAX)), (None, None, None));
            assert_eq!(offsets.only(), None);
        }
        assert_eq!((Offsets::of(Tz::UTC).only(), Offsets::of(Tz::Etc__GMTPlus5).only()), (Some(0), Some(-18_000)));
    }
}
