//! Whether an Arrow file can be read without harm.
//!
//! Arrow's reader makes room for as much as a file says that it holds, and ends the process where there is no such room.
//! So every length is looked at first.

use std::io::{Read, Seek, SeekFrom};

use arrow::ipc::{Block, Message, RecordBatch, root_as_footer, root_as_message};

use super::open_file::FILE_MAGIC;

/// After the footer: its length and the magic.
const TAIL_BYTES: u64 = 10;
/// Begins messages, before their length; old files have the length alone.
pub(super) const CONTINUATION: [u8; 4] = [0xff; 4];
/// No batch has more rows.
const ROWS_MAX: i64 = u32::MAX as i64;
/// A compressed buffer begins with its length when it is not.
const LENGTH_BYTES: usize = 8;

type Checked<T = ()> = Result<T, String>;

/// A file's bytes, of which not too much is believed.
pub(super) struct Check<'a, R> {
    bytes: &'a mut R,
    size: u64,
}

impl<'a, R: Read + Seek> Check<'a, R> {
    pub(super) fn new(bytes: &'a mut R, size: u64) -> Self {
        Check { bytes, size }
    }

    /// A file: every block that the footer names.
    pub(super) fn file(&mut self) -> Checked {
        let tail_start = self.size.checked_sub(TAIL_BYTES).ok_or("is cut off")?;
        let tail = self.read(tail_start, TAIL_BYTES)?;
        let (length, magic) = tail.split_at(4);
        if magic != FILE_MAGIC {
            return Err("is cut off: it does not end as Arrow files do".into());
        }
        let length = positive(i64::from(int(length)), "its footer's length")?;
        let start = tail_start.checked_sub(length).ok_or("is corrupt: its footer is said to begin before it")?;
        let footer = self.read(start, length)?;
        let footer = root_as_footer(&footer).map_err(|e| format!("is corrupt: its footer: {e}"))?;
        let blocks = footer.dictionaries().into_iter().flatten().chain(footer.recordBatches().into_iter().flatten());
        blocks.into_iter().try_for_each(|block| self.block(block))
    }

    /// A stream: every message to the end. A stream that is cut off is left to the reader.
    pub(super) fn stream(&mut self) -> Checked {
        let mut place = 0;
        while place + 8 <= self.size {
            let start = self.read(place, 8)?;
            let (prefix, length) = if start[..4] == CONTINUATION { (8, &start[4..]) } else { (4, &start[..4]) };
            let length = positive(i64::from(int(length)), "a message's length")?;
            if length == 0 {
                return Ok(());
            }
            let metadata = self.read(place + prefix, length)?;
            let body = place + prefix + length;
            place = body + self.message(&metadata, body)?;
        }
        Ok(())
    }

    fn block(&mut self, block: &Block) -> Checked {
        let start = positive(block.offset(), "a block's place")?;
        let length = positive(i64::from(block.metaDataLength()), "a block's length")?;
        let metadata = self.read(start, length)?;
        let prefix = if metadata.starts_with(&CONTINUATION) { 8 } else { 4 };
        let message = metadata.get(prefix..).ok_or("is corrupt: a block is too short")?;
        self.message(message, start + length)?;
        let body = positive(block.bodyLength(), "a block's body")?;
        self.within(start + length, body)
    }

    /// The length of the message's body.
    fn message(&mut self, metadata: &[u8], body: u64) -> Checked<u64> {
        let message: Message = root_as_message(metadata).map_err(|e| format!("is corrupt: a message: {e}"))?;
        let length = positive(message.bodyLength(), "a message's body")?;
        self.within(body, length)?;
        let dictionary = message.header_as_dictionary_batch().and_then(|dictionary| dictionary.data());
        if let Some(batch) = message.header_as_record_batch().or(dictionary) {
            self.batch(&batch, body, length)?;
        }
        Ok(length)
    }

    fn batch(&mut self, batch: &RecordBatch, body: u64, body_length: u64) -> Checked {
        if !(0..=ROWS_MAX).contains(&batch.length()) {
            return Err(format!("is corrupt: a batch of it is said to have {} rows", batch.length()));
        }
        let too_long = |node: &arrow::ipc::FieldNode| !(0..=ROWS_MAX).contains(&node.length());
        if batch.nodes().into_iter().flatten().any(too_long) {
            return Err("is corrupt: a column of it is said to be too long".into());
        }
        for buffer in batch.buffers().into_iter().flatten() {
            let (offset, length) =
                (positive(buffer.offset(), "a buffer's place")?, positive(buffer.length(), "a buffer's length")?);
            if offset.checked_add(length).is_none_or(|end| end > body_length) {
                return Err("is corrupt: a buffer of it is beyond its batch".into());
            }
            if batch.compression().is_some() && length >= LENGTH_BYTES as u64 {
                self.uncompressed(body + offset)?;
            }
        }
        Ok(())
    }

    /// There is room for the buffer at this place when it is decompressed.
    fn uncompressed(&mut self, place: u64) -> Checked {
        let length = self.read(place, LENGTH_BYTES as u64)?;
        let length = <[u8; LENGTH_BYTES]>::try_from(length.as_slice()).map_or(0, i64::from_le_bytes);
        // -1: not compressed after all.
        let wanted = usize::try_from(length.max(0)).unwrap_or(usize::MAX);
        let possible = length >= -1 && Vec::<u8>::new().try_reserve_exact(wanted).is_ok();
        if possible { Ok(()) } else { Err(format!("is corrupt: a buffer of it is said to have {length} bytes")) }
    }

    fn within(&self, start: u64, length: u64) -> Checked {
        match start.checked_add(length) {
            Some(end) if end <= self.size => Ok(()),
            _ => Err("is corrupt or cut off: a part of it is beyond its end".into()),
        }
    }

    fn read(&mut self, start: u64, length: u64) -> Checked<Vec<u8>> {
        self.within(start, length)?;
        let mut bytes = vec![0; length as usize];
        let read = self.bytes.seek(SeekFrom::Start(start)).and_then(|_| self.bytes.read_exact(&mut bytes));
        read.map(|()| bytes).map_err(|e| format!("cannot be read: {e}"))
    }
}

fn positive(number: i64, what: &str) -> Checked<u64> {
    u64::try_from(number).map_err(|_| format!("is corrupt: {what} is said to be {number}"))
}

fn int(bytes: &[u8]) -> i32 {
    <[u8; 4]>::try_from(bytes).map_or(0, i32::from_le_bytes)
}
