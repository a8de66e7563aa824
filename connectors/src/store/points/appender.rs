//! How the points of one run get into segments: a record a call, written through to the system before it returns.

use std::sync::Arc;

use gradframe_ml_core::Result;
use gradframe_plan::services::MetricRow;
use parking_lot::Mutex;

use super::super::now_us;
use super::check_names;
use super::record::Encoder;
use super::segments::{Segments, Sink, gone};

/// A segment with more bytes is folded while its run goes on: half a million points or so.
const SEGMENT_BYTES_MAX: u64 = 8 << 20;
/// How often it is looked whether the segment's file is still in the store.
const LOOK_EVERY_US: u64 = 100_000;

/// Appends the points of one run.
#[derive(Debug)]
pub(in super::super) struct Appender {
    run: String,
    segments: Arc<Segments>,
    open: Mutex<Option<Open>>,
}

/// The segment at whose end points are put.
#[derive(Debug)]
struct Open {
    sink: Sink,
    encoder: Encoder,
    bytes: u64,
    looked_us: i64,
    /// Two processes never write to one segment: they would number its names differently.
    process_id: u32,
}

impl Appender {
    /// Makes nothing before the first point.
    pub fn new(run: String, segments: Arc<Segments>) -> Self {
        Appender { run, segments, open: Mutex::default() }
    }

    /// Adds rows; they survive the death of the process when this returns. Gives the name of a segment that is full now,
    /// for the caller to fold. Errors: `Plan` for an empty name, `Resources` if the disk is full, `External` if the store is
    /// gone; then none of the rows is kept.
    pub fn append<'a>(&self, rows: impl Iterator<Item = MetricRow<'a>> + Clone) -> Result<Option<String>> {
        rows.clone().try_for_each(|row| check_names(&row))?;
        let mut open = self.open.lock();
        let now = now_us();
        // Taken out, so that a segment whose last record may be torn is never written to again.
        let mut segment = match open.take() {
            Some(segment) if segment.process_id == std::process::id() => segment,
            _ => self.create(now)?,
        };
        if now.abs_diff(segment.looked_us) > LOOK_EVERY_US {
            segment.looked_us = now;
            if !segment.sink.is_there() {
                return Err(gone(&self.run));
            }
        }
        let record = segment.encoder.record(rows, now);
        segment.sink.write(record)?;
        segment.bytes += record.len() as u64;
        if segment.bytes > SEGMENT_BYTES_MAX {
            segment.sink.sync()?;
            return Ok(Some(segment.sink.name));
        }
        *open = Some(segment);
        Ok(None)
    }

    /// What was appended before survives a power cut when this returns.
    pub fn sync(&self) -> Result<()> {
        self.open.lock().as_mut().map_or(Ok(()), |segment| segment.sink.sync())
    }

    /// Closes the segment; the next point makes another. False if there is none.
    pub fn close(&self) -> bool {
        self.open.lock().take().is_some()
    }

    fn create(&self, now_us: i64) -> Result<Open> {
        let sink = self.segments.create(&self.run)?;
        Ok(Open { sink, encoder: Encoder::default(), bytes: 0, looked_us: now_us, process_id: std::process::id() })
    }
}
