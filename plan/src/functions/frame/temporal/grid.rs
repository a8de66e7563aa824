//! A grid of moments, one interval apart, as the clock reads them.

use super::civil::{first_day_of, month_of};
use super::clock::Clock;
use super::interval::Interval;

/// Days and months since 1970 that the calendar has.
const DAYS_MAX: i64 = 95_000_000;
const MONTHS_MAX: i64 = DAYS_MAX / 30;

/// Which point of a grid a reading goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The last that is not above it.
    Floor,
    /// The nearest; of two, the later.
    Nearest,
}

/// Months count from the year 0, weeks from a Monday, all else from 1970.
#[derive(Debug, Clone, Copy)]
pub(super) enum Grid {
    /// Readings stay where they are.
    Same,
    /// So many parts of a second apart.
    Even { every: i64, origin: i64 },
    /// So many months apart; the two points around the last reading. The greatest number stands for one that the clock cannot show.
    Months { every: i64, per_day: i64, last: (i64, i64) },
}

impl Grid {
    /// The multiples of an interval. None of one that is too long for the clock.
    pub(super) fn of(interval: &Interval, clock: Clock) -> Option<Grid> {
        if interval.months > 0 {
            return Some(Grid::Months { every: interval.months, per_day: clock.per_day(), last: (0, 0) });
        }
        let origin = if interval.weeks > 0 { 4 * clock.per_day() } else { 0 };
        Some(match interval.fixed(clock.per_second)? {
            0 => Grid::Same,
            every => Grid::Even { every, origin },
        })
    }

    /// The points for all of these moments, on a clock that is always so far ahead of UTC: one division each, and no choice of what
    /// the grid is. None of months, and where something is beyond what can be counted.
    pub(super) fn even_points(&self, side: Side, moments: &[i64], offset: i64) -> Option<Vec<i64>> {
        let Grid::Even { every, origin } = *self else { return None };
        let shift = offset.checked_sub(origin)?;
        let mut fits = true;
        let points = moments.iter().map(|&moment| {
            let (shifted, is_beyond) = moment.overflowing_add(shift);
            let past = shifted.rem_euclid(every);
            let by = if side == Side::Nearest && past >= every - past { every - past } else { -past };
            let (point, overflows) = moment.overflowing_add(by);
            fits &= !(is_beyond | overflows);
            point
        });
        let points = points.collect();
        fits.then_some(points)
    }

    /// The point for a reading. None beyond what can be counted.
    pub(super) fn point(&mut self, side: Side, local: i64) -> Option<i64> {
        let (below, above) = match self {
            Grid::Same => return Some(local),
            Grid::Even { every, origin } => {
                let past = local.checked_sub(*origin)?.rem_euclid(*every);
                return match side {
                    Side::Nearest if past >= *every - past => local.checked_add(*every - past),
                    _ => local.checked_sub(past),
                };
            }
            Grid::Months { every, per_day, last } => {
                if !(last.0..last.1).contains(&local) {
                    *last = months_around(local, *every, *per_day)?;
                }
                *last
            }
        };
        match side {
            Side::Floor => Some(below),
            Side::Nearest if above == i64::MAX => None,
            Side::Nearest => Some(if local.checked_sub(below)? < above.checked_sub(local)? { below } else { above }),
        }
    }
}

/// The last point of a grid of months that is not above a reading, and the next.
fn months_around(local: i64, every: i64, per_day: i64) -> Option<(i64, i64)> {
    let day = local.div_euclid(per_day);
    let month = if day.abs() > DAYS_MAX { return None } else { month_of(day) };
    let below = month - month.rem_euclid(every);
    let start = |month: i64| if month.abs() > MONTHS_MAX { None } else { first_day_of(month).checked_mul(per_day) };
    Some((start(below)?, below.checked_add(every).and_then(start).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDateTime;

    use super::*;

    #[test]
    fn readings_go_to_a_point_of_their_grid() {
        let clock = Clock { per_second: 1, zone: None };
        let at = |text: &str| text.parse::<NaiveDateTime>().unwrap().and_utc().timestamp();
        let point = |every: &str, side, local| Grid::of(&Interval::parse(every).unwrap(), clock)?.point(side, local);
        for (every, of, floor, nearest) in [
            ("1mo", "1969-12-31T05:00:00", "1969-12-01T00:00:00", "1970-01-01T00:00:00"),
            ("1y", "2024-07-02T00:00:00", "2024-01-01T00:00:00", "2025-01-01T00:00:00"),
            ("1w", "2024-02-29T05:00:00", "2024-02-26T00:00:00", "2024-02-26T00:00:00"),
            ("36h", "1969-12-31T05:00:00", "1969-12-30T12:00:00", "1969-12-30T12:00:00"),
            ("1h", "2024-02-29T05:30:00", "2024-02-29T05:00:00", "2024-02-29T06:00:00"),
        ] {
            assert_eq!(point(every, Side::Floor, at(of)), Some(at(floor)), "{every} below {of}");
            assert_eq!(point(every, Side::Nearest, at(of)), Some(at(nearest)), "{every} near {of}");
        }
        for local in [i64::MIN, i64::MIN + 1, i64::MAX] {
            assert_eq!(point("1mo", Side::Floor, local), None);
        }
        assert_eq!(point("11s", Side::Floor, i64::MIN), None);
        assert_eq!(point("11s", Side::Nearest, i64::MAX), None);
        for (every, side) in [("11s", Side::Floor), ("11s", Side::Nearest), ("2w", Side::Floor), ("2w", Side::Nearest)] {
            let mut grid = Grid::of(&Interval::parse(every).unwrap(), clock).unwrap();
            let moments: Vec<i64> = (-40..40).map(|step| step * 31_337).collect();
            let expected: Vec<i64> = moments.iter().map(|utc| grid.point(side, utc + 3_600).unwrap() - 3_600).collect();
            assert_eq!(grid.even_points(side, &moments, 3_600), Some(expected));
        }
        for side in [Side::Floor, Side::Nearest] {
            let grid = Grid::of(&Interval::parse("11s").unwrap(), clock).unwrap();
            assert_eq!(grid.even_points(side, &[0, i64::MAX], 3_600), None);
            assert_eq!(grid.even_points(side, &[0, i64::MIN], -3_600), None);
        }
        assert_eq!(point("1us", Side::Floor, 5), Some(5));
        assert_eq!(
            (point("9999999999mo", Side::Floor, 5), point("9999999999mo", Side::Nearest, 5)),
            (Some(at("0000-01-01T00:00:00")), None)
        );
    }
}
