//! What is in a segment: records, each `length: u32, check: u32, items`, whole or not there.
//!
//! ```text
//! item    0, bytes: varint, name      a metric's name; names are numbered as they come
//!         1, time, step, epoch + there: varints, values: varint, then (number: varint, value: f64) of each
//! ```
//!
//! Varints hold seven bits a byte, the lowest first; signed numbers are zigzagged. A record is checked by the low half of
//! the xxh3 of its items, so what a power cut leaves of the last one is known to be no record.

use std::collections::HashMap;

use gradframe_plan::services::MetricRow;

use super::super::framed;
use super::super::varint::{Reader, push_signed, push_unsigned};
use super::{Point, Points};

const NAME: u8 = 0;
const ROW: u8 = 1;

/// Writes records: knows which names its segment has.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    numbers: HashMap<Box<str>, u64>,
    /// Numbers of the names of one row.
    row: Vec<u64>,
    record: Vec<u8>,
}

impl Encoder {
    /// One record with these rows. A row without a time has `now_us`.
    pub fn record<'a>(&mut self, rows: impl IntoIterator<Item = MetricRow<'a>>, now_us: i64) -> &[u8] {
        self.record.clear();
        self.record.resize(framed::HEADER_BYTES, 0);
        rows.into_iter().for_each(|row| self.push_row(&row, now_us));
        framed::close(&mut self.record);
        &self.record
    }

    fn push_row(&mut self, row: &MetricRow<'_>, now_us: i64) {
        self.row.clear();
        for (name, _) in row.values {
            let number = self.number(name);
            self.row.push(number);
        }
        self.record.push(ROW);
        push_signed(&mut self.record, row.time_us.unwrap_or(now_us));
        push_signed(&mut self.record, row.step);
        self.record.push(u8::from(row.epoch.is_some()));
        push_signed(&mut self.record, row.epoch.unwrap_or_default());
        push_unsigned(&mut self.record, row.values.len() as u64);
        for (number, (_, value)) in self.row.iter().zip(row.values) {
            push_unsigned(&mut self.record, *number);
            self.record.extend_from_slice(&value.to_le_bytes());
        }
    }

    fn number(&mut self, name: &str) -> u64 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.numbers.len() as u64;
        self.numbers.insert(name.into(), number);
        self.record.push(NAME);
        push_unsigned(&mut self.record, name.len() as u64);
        self.record.extend_from_slice(name.as_bytes());
        number
    }
}

/// What of a segment could not be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Unread {
    pub bytes: usize,
    /// Whole records follow some of them: what is there was changed after it was written, and is not what a crash left of the last.
    pub is_damaged: bool,
}

/// Adds the points of a run's segment to `points`. Of one that is damaged also those after the damage, as far as it is sure which
/// names they have: until a name comes that was new.
pub(super) fn decode(run: &str, segment: &[u8], points: &mut Points) -> Unread {
    let mut metrics: Vec<(String, Vec<Point>)> = Vec::new();
    let mut left = segment;
    let mut damaged = 0;
    loop {
        if let Some((items, rest)) = framed::first(left) {
            if decode_items(items, &mut metrics, damaged == 0).is_none() {
                break;
            }
            left = rest;
        } else if let Some(bytes) = framed::next(left) {
            damaged += bytes;
            left = &left[bytes..];
        } else {
            break;
        }
    }
    for (name, new) in metrics.into_iter().filter(|(_, new)| !new.is_empty()) {
        points.entry((run.to_owned(), name)).or_default().extend(new);
    }
    Unread { bytes: damaged + left.len(), is_damaged: damaged > 0 }
}

/// None for items that no encoder of this build writes, and for a new name where its number is not sure.
fn decode_items(items: &[u8], metrics: &mut Vec<(String, Vec<Point>)>, is_numbered: bool) -> Option<()> {
    let mut reader = Reader::new(items);
    while !reader.is_at_end() {
        match reader.byte()? {
            NAME if is_numbered => {
                let bytes = usize::try_from(reader.unsigned()?).ok()?;
                metrics.push((str::from_utf8(reader.bytes(bytes)?).ok()?.to_owned(), vec![]));
            }
            ROW => decode_row(&mut reader, metrics)?,
            _ => return None,
        }
    }
    Some(())
}

fn decode_row(reader: &mut Reader<'_>, metrics: &mut [(String, Vec<Point>)]) -> Option<()> {
    let (time_us, step) = (reader.signed()?, reader.signed()?);
    let (has_epoch, epoch) = (reader.byte()? != 0, reader.signed()?);
    for _ in 0..reader.unsigned()? {
        let (_, points) = metrics.get_mut(usize::try_from(reader.unsigned()?).ok()?)?;
        let value = f64::from_le_bytes(*reader.bytes(8)?.first_chunk()?);
        points.push(Point { step, epoch: has_epoch.then_some(epoch), time_us, value });
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row<'a>(step: i64, values: &'a [(&'a str, f64)]) -> MetricRow<'a> {
        MetricRow { step, epoch: None, time_us: None, values }
    }

    fn three_records() -> (Vec<u8>, Vec<usize>) {
        let mut encoder = Encoder::default();
        let (mut segment, mut ends) = (Vec::new(), Vec::new());
        for step in 0..3 {
            segment.extend_from_slice(encoder.record([row(step, &[("loss", 0.5), ("a/b 'c' 🦀", f64::NAN)])], 7));
            ends.push(segment.len());
        }
        (segment, ends)
    }

    #[test]
    fn a_torn_last_record_is_not_there_and_all_before_it_are() {
        let (segment, ends) = three_records();
        for bytes in 0..=segment.len() {
            let mut points = Points::new();
            let left = decode("r", &segment[..bytes], &mut points);
            let whole = ends.iter().filter(|end| **end <= bytes).count();
            assert_eq!(points.values().map(Vec::len).sum::<usize>(), 2 * whole, "{bytes} bytes");
            assert!(!left.is_damaged, "{bytes} bytes");
            assert_eq!(bytes - left.bytes, ends[..whole].last().copied().unwrap_or_default());
        }
    }

    #[test]
    fn a_changed_bit_ends_the_segment_before_its_record() {
        let (segment, ends) = three_records();
        for byte in ends[1]..segment.len() {
            let mut changed = segment.clone();
            changed[byte] ^= 4;
            let mut points = Points::new();
            decode("r", &changed, &mut points);
            assert_eq!(points[&("r".to_owned(), "loss".to_owned())].len(), 2, "byte {byte}");
        }
    }

    #[test]
    fn zeros_after_the_last_record_are_no_records() {
        let (mut segment, _) = three_records();
        segment.resize(segment.len() + 4096, 0);
        let mut points = Points::new();
        assert_eq!(decode("r", &segment, &mut points), Unread { bytes: 4096, is_damaged: false });
        assert_eq!(points.len(), 2);
    }

    #[test]
    fn records_after_a_damaged_one_are_there() {
        let (segment, ends) = three_records();
        for byte in ends[0]..ends[1] {
            let mut changed = segment.clone();
            changed[byte] ^= 4;
            let mut points = Points::new();
            let unread = decode("r", &changed, &mut points);
            assert_eq!(unread, Unread { bytes: ends[1] - ends[0], is_damaged: true }, "byte {byte}");
            let steps: Vec<i64> = points[&("r".to_owned(), "loss".to_owned())].iter().map(|point| point.step).collect();
            assert_eq!(steps, [0, 2], "byte {byte}");
        }
    }

    #[test]
    fn what_has_no_sure_name_after_damage_is_not_taken_for_another() {
        let mut encoder = Encoder::default();
        let mut segment = encoder.record([row(0, &[("a", 1.0)])], 7).to_vec();
        let damaged = segment.len() + framed::HEADER_BYTES;
        segment.extend_from_slice(encoder.record([row(1, &[("b", 2.0)])], 7));
        segment.extend_from_slice(encoder.record([row(2, &[("a", 3.0)])], 7));
        let after = segment.len();
        segment.extend_from_slice(encoder.record([row(3, &[("c", 4.0)])], 7));
        segment[damaged] ^= 4;
        let mut points = Points::new();
        let unread = decode("r", &segment, &mut points);
        assert!(unread.is_damaged && unread.bytes > segment.len() - after);
        let steps: Vec<i64> = points[&("r".to_owned(), "a".to_owned())].iter().map(|point| point.step).collect();
        assert_eq!((steps, points.len()), (vec![0, 2], 1));
    }
}
