//! Time zones: `convert_time_zone`, `replace_time_zone`, offsets.

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, TimeUnit};
use chrono::{LocalResult, TimeZone};
use chrono_tz::OffsetComponents;
use datafusion::common::Result;

use super::clock::{Changed, Clock, Zone, changed, column, numbers, zone_named};
use crate::functions::frame::arguments::{Batch, Call, Takes};
use crate::functions::frame::function::Row;
use crate::names::suggest;

use Takes::{Moment, Text, Word};

pub(super) const ROWS: &[Row] = &[
    Row::new("dt.convert_time_zone", &[Moment, Word], convert_type, |batch| column(numbers(batch, 0)?, batch.returns)),
    Row::new("dt.replace_time_zone", &[Moment, Word, Text, Word], replace_type, replace_time_zone),
    Row::new("dt.base_utc_offset", &[Moment], offset_type, |batch| offset(batch, false)),
    Row::new("dt.dst_offset", &[Moment], offset_type, |batch| offset(batch, true)),
];

fn unit(call: &Call) -> Result<TimeUnit> {
    match call.data_type(0) {
        DataType::Timestamp(unit, _) => Ok(*unit),
        DataType::Null => Ok(TimeUnit::Microsecond),
        _ => Err(call.unfit(0, "a datetime")),
    }
}

/// A datetime without a zone is taken for UTC, where arrow's cast would take it for the zone's own reading.
fn convert_type(call: &Call) -> Result<DataType> {
    let Some(name) = call.word(1) else { return call.wrong("the time zone is null") };
    zone_named(call, name)?;
    Ok(DataType::Timestamp(unit(call)?, Some(name.into())))
}

/// What becomes of a reading that the clock shows twice.
pub(super) const AMBIGUOUS: [&str; 4] = ["raise", "earliest", "latest", "null"];
const NON_EXISTENT: [&str; 2] = ["raise", "null"];

/// `zone or null, ambiguous, non_existent`
fn replace_type(call: &Call) -> Result<DataType> {
    check_choice(call, 2, &AMBIGUOUS)?;
    check_choice(call, 3, &NON_EXISTENT)?;
    Clock::of(call, 0)?;
    if let Some(name) = call.word(1) {
        zone_named(call, name)?;
    }
    Ok(DataType::Timestamp(unit(call)?, call.word(1).map(Into::into)))
}

pub(super) fn check_choice(call: &Call, at: usize, choices: &[&str]) -> Result<()> {
    match call.word(at) {
        Some(word) if !choices.contains(&word) => {
            call.wrong(format!("`{word}` is no choice; {}", suggest(word, choices.iter().copied())))
        }
        _ => Ok(()),
    }
}

fn replace_time_zone(batch: &Batch) -> Result<ArrayRef> {
    let clock = Clock::of(batch, 0)?;
    let zone = batch.word(1).map(|name| zone_named(batch, name)).transpose()?;
    let (ambiguous, skips_are_null) = (batch.texts(2)?, batch.word(3) == Some("null"));
    changed(batch, 0, |row, utc| {
        let Some(local) = clock.local(utc) else { return Ok(Some(Changed::OutOfRange)) };
        let Some(zone) = zone else { return Ok(Some(Changed::To(local))) };
        let Some(choice) = ambiguous.get(row) else { return Ok(None) };
        placed(batch, Clock { zone: Some(zone), ..clock }, zone, local, choice, skips_are_null)
    })
}

/// The moment at which a zone's clock reads this.
pub(super) fn placed(
    batch: &Batch,
    clock: Clock,
    zone: Zone,
    local: i64,
    ambiguous: &str,
    skips_are_null: bool,
) -> Result<Option<Changed>> {
    let Some(reading) = clock.naive(local) else { return Ok(Some(Changed::OutOfRange)) };
    let at = |offset: i64| Ok(Some(local.checked_sub(offset * clock.per_second).into()));
    match (zone.offset_of_local_s(reading), ambiguous) {
        (LocalResult::Single(offset), _) | (LocalResult::Ambiguous(offset, _), "earliest") => at(offset),
        (LocalResult::Ambiguous(_, offset), "latest") => at(offset),
        (LocalResult::Ambiguous(..), "null") => Ok(None),
        (LocalResult::Ambiguous(..), "raise") => {
            let what = format!("{reading} is ambiguous: the clock shows it twice");
            batch.bad_value(what, "ambiguous='earliest', 'latest' or 'null' says what is meant")
        }
        (LocalResult::Ambiguous(..), other) => batch
            .bad_value(format!("`{other}` is no choice for an ambiguous reading"), "expected raise, earliest, latest or null"),
        (LocalResult::None, _) if skips_are_null => Ok(None),
        (LocalResult::None, _) => {
            let what = format!("{reading} does not exist: the clock skips it");
            batch.bad_value(what, "non_existent='null' gives null")
        }
    }
}

fn offset_type(call: &Call) -> Result<DataType> {
    match call.data_type(0) {
        DataType::Timestamp(_, Some(_)) | DataType::Null => Ok(DataType::Duration(TimeUnit::Millisecond)),
        _ => Err(call.unfit(0, "a datetime with a time zone")),
    }
}

/// The zone's offset to UTC at a moment without summer time, or what summer time adds to it.
fn offset(batch: &Batch, dst: bool) -> Result<ArrayRef> {
    let clock = Clock::of(batch, 0)?;
    changed(batch, 0, |_, utc| {
        let Some(at) = clock.naive(utc) else { return Ok(Some(Changed::OutOfRange)) };
        let ms = match clock.zone {
            Some(Zone::Named(zone)) => {
                let offset = zone.offset_from_utc_datetime(&at);
                if dst { offset.dst_offset() } else { offset.base_utc_offset() }.num_milliseconds()
            }
            Some(Zone::Fixed(offset)) if !dst => i64::from(offset.local_minus_utc()) * 1_000,
            _ => 0,
        };
        Ok(Some(Changed::To(ms)))
    })
}
