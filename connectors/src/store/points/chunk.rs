//! Points of one metric of one run, packed by column: steps, epochs and times as differences, values as they are.
//!
//! ```text
//! version: u8 = 1    points: varint
//! steps, times       varints of the difference to the one before
//! epochs             0 if no point has one; else 1, then the difference + 1 of each, or 0 for none
//! values             f64, little-endian
//! check: u64         xxh3 of all before
//! ```

use gradframe_ml_core::{Error, Result};
use xxhash_rust::xxh3::xxh3_64;

use super::super::varint::{Reader, push_signed, push_unsigned};
use super::Point;

const VERSION: u8 = 1;
/// Most points of one chunk; a longer curve is several.
pub(super) const POINTS_MAX: usize = 1 << 16;

/// The bytes of a chunk. `points` are at most [`POINTS_MAX`].
pub(super) fn encode(points: &[Point]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(points.len() * 11 + 32);
    bytes.push(VERSION);
    push_unsigned(&mut bytes, points.len() as u64);
    push_differences(&mut bytes, points.iter().map(|point| point.step));
    push_differences(&mut bytes, points.iter().map(|point| point.time_us));
    push_epochs(&mut bytes, points);
    points.iter().for_each(|point| bytes.extend_from_slice(&point.value.to_le_bytes()));
    let check = xxh3_64(&bytes);
    bytes.extend_from_slice(&check.to_le_bytes());
    bytes
}

fn push_differences(bytes: &mut Vec<u8>, numbers: impl Iterator<Item = i64>) {
    let mut before = 0;
    for number in numbers {
        push_signed(bytes, number.wrapping_sub(before));
        before = number;
    }
}

fn push_epochs(bytes: &mut Vec<u8>, points: &[Point]) {
    let some = points.iter().any(|point| point.epoch.is_some());
    bytes.push(u8::from(some));
    let mut before = 0;
    for point in points.iter().filter(|_| some) {
        bytes.push(u8::from(point.epoch.is_some()));
        if let Some(epoch) = point.epoch {
            push_signed(bytes, epoch.wrapping_sub(before));
            before = epoch;
        }
    }
}

/// The points of a chunk. Errors: `Execution` if it was changed after it was written, or is of a newer build.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<Point>> {
    let damaged = || Error::execution("store", "points of a metric were changed after they were written");
    let (body, check) = bytes.split_last_chunk::<8>().ok_or_else(damaged)?;
    if xxh3_64(body) != u64::from_le_bytes(*check) {
        return Err(damaged());
    }
    decode_body(&mut Reader::new(body)).ok_or_else(damaged)
}

fn decode_body(reader: &mut Reader<'_>) -> Option<Vec<Point>> {
    if reader.byte()? != VERSION {
        return None;
    }
    let points = usize::try_from(reader.unsigned()?).ok().filter(|points| *points <= POINTS_MAX)?;
    let steps = differences(reader, points)?;
    let times = differences(reader, points)?;
    let epochs = epochs(reader, points)?;
    let point = |i: usize| {
        let value = f64::from_le_bytes(*reader.bytes(8)?.first_chunk()?);
        Some(Point { step: steps[i], epoch: epochs[i], time_us: times[i], value })
    };
    (0..points).map(point).collect()
}

fn differences(reader: &mut Reader<'_>, count: usize) -> Option<Vec<i64>> {
    let mut number = 0_i64;
    let next = |_| {
        number = number.wrapping_add(reader.signed()?);
        Some(number)
    };
    (0..count).map(next).collect()
}

fn epochs(reader: &mut Reader<'_>, count: usize) -> Option<Vec<Option<i64>>> {
    if reader.byte()? == 0 {
        return Some(vec![None; count]);
    }
    let mut number = 0_i64;
    let next = |_| {
        if reader.byte()? == 0 {
            return Some(None);
        }
        number = number.wrapping_add(reader.signed()?);
        Some(Some(number))
    };
    (0..count).map(next).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn point() -> impl Strategy<Value = Point> {
        let integers = prop_oneof![-3_i64..100, any::<i64>()];
        (integers.clone(), prop::option::of(integers.clone()), integers, any::<f64>())
            .prop_map(|(step, epoch, time_us, value)| Point { step, epoch, time_us, value })
    }

    fn bits(points: &[Point]) -> Vec<(i64, Option<i64>, i64, u64)> {
        points.iter().map(|p| (p.step, p.epoch, p.time_us, p.value.to_bits())).collect()
    }

    proptest! {
        #[test]
        fn points_come_back_bit_for_bit(points in prop::collection::vec(point(), 0..50)) {
            prop_assert_eq!(bits(&decode(&encode(&points)).unwrap()), bits(&points));
        }

        #[test]
        fn bytes_that_are_no_chunk_are_an_error(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert!(decode(&bytes).is_err());
        }
    }

    #[test]
    fn a_steady_curve_takes_about_eleven_bytes_a_point() {
        let point = |i: i64| Point { step: i, epoch: None, time_us: 1_795_398_312_500_000 + i * 900, value: 0.5 };
        let bytes = encode(&(0..1000).map(point).collect::<Vec<_>>());
        assert!(bytes.len() < 11_100, "{}", bytes.len());
    }
}
