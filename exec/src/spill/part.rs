//! Short temporary files as parts of one file: the operating system allows a process only so many.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use datafusion::common::runtime::SpawnedTask;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::spill_file::{SpillFile, SpillWriter};
use futures::{Stream, stream};

use super::file::{READ_BYTES, Unnamed};
use super::space::SpillSpace;

/// Bytes from which on a file gets no new parts, so that its place on the disk is soon given back.
const WHOLE_BYTES: u64 = 64 << 20;
/// Bytes that are written at once.
const WRITE_BYTES: usize = 256 << 10;

/// The file that new parts go to; gone with its last part.
#[derive(Debug, Default)]
pub(super) struct Whole(Mutex<Weak<Unnamed>>);

impl Whole {
    /// An empty part. Errors: the operating system's.
    pub fn part(&self, space: &SpillSpace) -> io::Result<Part> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match open.upgrade().filter(|file| file.bytes() < WHOLE_BYTES) {
            Some(file) => file,
            None => {
                let file = Arc::new(Unnamed::create(space.clone())?);
                *open = Arc::downgrade(&file);
                file
            }
        };
        Ok(Part(Arc::new(Placed { file, ranges: Mutex::default() })))
    }
}

/// A short file.
pub(super) struct Part(Arc<Placed>);

/// Where a part's bytes are.
struct Placed {
    file: Arc<Unnamed>,
    ranges: Mutex<Vec<Range<u64>>>,
}

impl Placed {
    fn ranges(&self) -> MutexGuard<'_, Vec<Range<u64>>> {
        self.ranges.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the bytes after the first `read` are, of one range at most; None if there are none yet.
    fn after(&self, read: u64) -> Option<Range<u64>> {
        let mut skipped = 0;
        self.ranges().iter().find_map(|range| {
            let first = skipped;
            skipped += range.end - range.start;
            (read < skipped).then(|| range.start + (read - first)..range.end)
        })
    }
}

impl SpillFile for Part {
    fn size(&self) -> Option<u64> {
        Some(self.0.ranges().iter().map(|range| range.end - range.start).sum())
    }

    fn read_stream(&self) -> Result<Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>> {
        let reading = Reading { part: Arc::clone(&self.0), file: self.0.file.reopened()?, read: 0 };
        Ok(Box::pin(stream::try_unfold(reading, read_next)))
    }

    fn open_writer(&self) -> Result<Box<dyn SpillWriter>> {
        Ok(Box::new(Writer { part: Arc::clone(&self.0), buffer: Vec::new() }))
    }
}

struct Reading {
    part: Arc<Placed>,
    file: File,
    read: u64,
}

impl Reading {
    /// The next bytes; none at the end of what is written so far.
    fn next(&mut self) -> io::Result<Bytes> {
        let Some(range) = self.part.after(self.read) else { return Ok(Bytes::new()) };
        let length = (range.end - range.start).min(READ_BYTES as u64);
        let mut bytes = vec![0; length as usize];
        self.file.seek(SeekFrom::Start(range.start))?;
        self.file.read_exact(&mut bytes)?;
        self.read += length;
        Ok(bytes.into())
    }
}

/// Reads on a thread that may block.
async fn read_next(mut reading: Reading) -> Result<Option<(Bytes, Reading)>> {
    let read = SpawnedTask::spawn_blocking(move || reading.next().map(|bytes| (bytes, reading)));
    let read = read.await.map_err(|e| DataFusionError::ExecutionJoin(Box::new(e)))?.map_err(DataFusionError::IoError)?;
    Ok((!read.0.is_empty()).then_some(read))
}

/// Gathers what is written until it is flushed, so that a batch is one range.
struct Writer {
    part: Arc<Placed>,
    buffer: Vec<u8>,
}

impl Write for Writer {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(buffer);
        if self.buffer.len() >= WRITE_BYTES {
            self.flush()?;
        }
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            let range = self.part.file.append(&self.buffer)?;
            self.part.ranges().push(range);
            self.buffer.clear();
        }
        Ok(())
    }
}

impl SpillWriter for Writer {
    fn finish(&mut self) -> Result<()> {
        self.flush().map_err(DataFusionError::IoError)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::execution::spill_file::TempFileFactory;
    use futures::TryStreamExt;

    use super::super::repartition::IN_PARTS;
    use super::*;

    async fn read(file: &dyn SpillFile) -> Vec<u8> {
        file.read_stream().unwrap().try_collect::<Vec<Bytes>>().await.unwrap().concat()
    }

    #[tokio::test]
    async fn parts_written_in_turns_are_read_each_by_itself() {
        let directory = tempfile::tempdir().unwrap();
        let space = SpillSpace::new(directory.path(), 64 << 20);
        let parts: Vec<_> = (0..5).map(|_| space.create_temp_file(IN_PARTS).unwrap()).collect();
        let mut writers: Vec<_> = parts.iter().map(|part| part.open_writer().unwrap()).collect();
        let mut expected = vec![Vec::new(); parts.len()];
        for round in 0..40usize {
            let at = round * 3 % parts.len();
            let bytes = vec![round as u8; round * 9_000 + 1];
            writers[at].write_all(&bytes).unwrap();
            expected[at].extend(bytes);
            if round % 4 == 0 {
                writers[at].flush().unwrap();
            }
        }
        writers.iter_mut().for_each(|writer| writer.finish().unwrap());
        for (part, expected) in parts.iter().zip(&expected) {
            assert!(&read(part.as_ref()).await == expected);
            assert_eq!(part.size(), Some(expected.len() as u64));
        }
        let all: usize = expected.iter().map(Vec::len).sum();
        assert_eq!(space.used_bytes(), all as u64);
        drop((parts, writers));
        assert_eq!(space.used_bytes(), 0);
    }

    #[tokio::test]
    async fn what_is_flushed_is_read_before_the_part_is_finished() {
        let directory = tempfile::tempdir().unwrap();
        let part = SpillSpace::new(directory.path(), 1 << 20).create_temp_file(IN_PARTS).unwrap();
        let mut writer = part.open_writer().unwrap();
        writer.write_all(b"one").unwrap();
        assert!(read(part.as_ref()).await.is_empty());
        writer.flush().unwrap();
        assert_eq!(read(part.as_ref()).await, b"one");
    }

    #[test]
    fn hundreds_of_parts_are_few_files() {
        let directory = tempfile::tempdir().unwrap();
        let (space, whole) = (SpillSpace::new(directory.path(), 1 << 30), Whole::default());
        let written = |part: Part| {
            part.open_writer().unwrap().write_all(&[7; WRITE_BYTES]).unwrap();
            part
        };
        let parts: Vec<Part> = (0..257).map(|_| written(whole.part(&space).unwrap())).collect();
        let mut files: Vec<_> = parts.iter().map(|part| Arc::as_ptr(&part.0.file)).collect();
        files.dedup();
        assert_eq!(files.len(), 2, "the last one begins a new file");
        drop(parts);
        assert!(whole.0.lock().unwrap().upgrade().is_none());
        assert_eq!(space.used_bytes(), 0);
    }

    #[tokio::test]
    async fn a_part_for_which_there_is_no_room_spoils_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let space = SpillSpace::new(directory.path(), 1000);
        let [one, two] = [(); 2].map(|_| space.create_temp_file(IN_PARTS).unwrap());
        let mut writer = one.open_writer().unwrap();
        writer.write_all(&[1; 600]).unwrap();
        writer.finish().unwrap();
        let mut other = two.open_writer().unwrap();
        other.write_all(&[2; 600]).unwrap();
        let error = gradframe_plan::error::from_datafusion(other.finish().unwrap_err());
        assert_eq!(error.kind(), "Resources");
        writer.write_all(&[3; 300]).unwrap();
        writer.finish().unwrap();
        assert_eq!(read(one.as_ref()).await, [vec![1; 600], vec![3; 300]].concat());
    }
}
