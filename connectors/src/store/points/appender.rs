//! How the points of one run get into segments: a record a call, written through to the system before it returns.

use std::sync::Arc;

use gradframe_ml_core::{Error, Result};
use gradframe_plan::services::MetricRow;
use parking_lot::Mutex;

use super::super::now_us;
use super::check_names;
use super::journal::Journal;
use super::record::Encoder;
use super::segments::{Segments, gone};
use super::sink::Sink;

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
    /// One of many in a process that makes each call durable: by a journal that they share.
    is_one_of_many: bool,
}

/// The segment at whose end points are put.
#[derive(Debug)]
struct Open {
    sink: Sink,
    encoder: Encoder,
    bytes: u64,
    /// What was appended since it was made durable last, of one of many.
    unsynced: Vec<u8>,
    looked_us: i64,
    /// Two processes never write to one segment: they would number its names differently.
    process_id: u32,
}

impl Appender {
    /// Makes nothing before the first point.
    pub fn new(run: String, segments: Arc<Segments>) -> Self {
        Appender { run, segments, open: Mutex::default(), is_one_of_many: false }
    }

    /// The same for one of many runs of a process that makes each call durable.
    pub fn one_of_many(run: String, segments: Arc<Segments>) -> Self {
        Appender { is_one_of_many: true, ..Appender::new(run, segments) }
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
        let written = segment.sink.write(record);
        if written.is_err() && segment.bytes == 0 {
            // A loop that goes on without room would leave a file a call.
            self.segments.remove(&segment.sink.name);
        }
        written?;
        segment.bytes += record.len() as u64;
        if self.is_one_of_many {
            segment.unsynced.extend_from_slice(record);
        }
        if segment.bytes > SEGMENT_BYTES_MAX {
            segment.sink.sync()?;
            return Ok(Some(segment.sink.name.clone()));
        }
        *open = Some(segment);
        Ok(None)
    }

    /// What was appended before survives a power cut when this returns.
    pub fn sync(&self) -> Result<()> {
        let mut open = self.open.lock();
        let Some(segment) = open.as_mut() else { return Ok(()) };
        match self.segments.journal().filter(|_| self.is_one_of_many) {
            None => segment.sink.sync(),
            Some(_) if segment.unsynced.is_empty() => Ok(()),
            Some(journal) => match segment.write_down(journal) {
                Ok(number) => {
                    // Others append meanwhile, and wait for the same answer of the disk.
                    let name = segment.sink.name.clone();
                    drop(open);
                    journal.wait(number).or_else(|error| self.sync_alone(&name, error))
                }
                Err(_) => segment.sink.sync(),
            },
        }
    }

    /// Where the journal could not: the segment's own file, if it is still open.
    fn sync_alone(&self, name: &str, error: Error) -> Result<()> {
        match self.open.lock().as_mut().filter(|segment| segment.sink.name == name) {
            Some(segment) => segment.sink.sync(),
            None => Err(error),
        }
    }

    /// Closes the segment; the next point makes another. False if there is none.
    pub fn close(&self) -> bool {
        self.open.lock().take().is_some()
    }

    #[cfg(test)]
    pub fn copy_of_file(&self) -> Option<std::fs::File> {
        self.open.lock().as_ref().and_then(|open| open.sink.copy_of_file())
    }

    fn create(&self, now_us: i64) -> Result<Open> {
        let sink = self.segments.create(&self.run)?;
        Ok(Open {
            sink,
            encoder: Encoder::default(),
            bytes: 0,
            unsynced: vec![],
            looked_us: now_us,
            process_id: std::process::id(),
        })
    }
}

/// Says that nobody writes the segment any more. Closing the file is not enough: its lock lasts as long as any copy of the file, and
/// a child that was forked meanwhile has one, for a moment or for hours.
impl Drop for Open {
    fn drop(&mut self) {
        // A forked child is not to free what its parent writes.
        if self.process_id == std::process::id() {
            self.sink.unlock();
        }
    }
}

impl Open {
    /// Writes what was appended last into a journal, and gives the number to wait for.
    fn write_down(&mut self, journal: &Journal) -> Result<u64> {
        let at = self.bytes - self.unsynced.len() as u64;
        let number = journal.keep(&self.sink.name, at, &self.unsynced)?;
        self.unsynced.clear();
        Ok(number)
    }
}
