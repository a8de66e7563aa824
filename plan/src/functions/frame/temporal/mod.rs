//! The namespace `dt`: functions of dates, times, datetimes and durations, and `str`'s readings of them.
//!
//! A datetime with a time zone is a moment, stored as UTC, whose parts are read in its zone; one without is a reading of a
//! clock. What changes a reading in a zone (truncation, offsets by months) is computed on the clock and brought back to a
//! moment, which fails where the clock skips that reading, and keeps the side of the fold where it shows it twice.

mod building;
mod business;
mod civil;
mod clock;
mod epoch;
mod format;
mod grid;
mod interval;
mod offsets;
mod parse;
mod parse_any;
mod parts;
mod ranges;
mod replace;
mod rounding;
mod total;
mod zones;

pub(crate) use self::ranges::window_start;
use super::function::Row;

/// The tables of the namespace.
pub(super) const TABLES: &[&[Row]] = &[
    parts::ROWS,
    rounding::ROWS,
    zones::ROWS,
    format::ROWS,
    parse::ROWS,
    epoch::ROWS,
    total::ROWS,
    replace::ROWS,
    business::ROWS,
    building::ROWS,
    ranges::ROWS,
];
