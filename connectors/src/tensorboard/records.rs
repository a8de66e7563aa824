//! Records: length, checksum of the length, content, checksum of the content. Checksums are CRC-32C, rotated and shifted so that
//! a checksum of checksums is no trouble.

use std::io::{self, Read, Write};

use gradframe_ml_core::{Error, Result};

use super::OP;

/// Length and its checksum.
const HEAD_BYTES: usize = 12;
const CHECKSUM_BYTES: usize = 4;

/// Adds a record.
pub(super) fn write(to: &mut impl Write, content: &[u8]) -> io::Result<()> {
    let length = (content.len() as u64).to_le_bytes();
    to.write_all(&length)?;
    to.write_all(&checksum(&length).to_le_bytes())?;
    to.write_all(content)?;
    to.write_all(&checksum(content).to_le_bytes())
}

/// Reads records of a file of known length.
#[derive(Debug)]
pub(super) struct Records<R> {
    source: R,
    /// What the file has beyond here.
    left: u64,
    at: u64,
}

impl<R: Read> Records<R> {
    pub fn new(source: R, bytes: u64) -> Self {
        Records { source, left: bytes, at: 0 }
    }

    /// The next record; None at the end, and where the last one was not written to its end.
    /// Errors: `Execution` naming the byte from which the file is not what was written.
    pub fn next(&mut self) -> Result<Option<Vec<u8>>> {
        if self.left < HEAD_BYTES as u64 {
            return Ok(None);
        }
        let mut head = [0; HEAD_BYTES];
        self.take(&mut head)?;
        let (length, stored) = head.split_at(8);
        if checksum(length).to_le_bytes() != stored {
            return Err(self.changed(HEAD_BYTES));
        }
        let length = u64::from_le_bytes(length.try_into().unwrap_or_default());
        if length.checked_add(CHECKSUM_BYTES as u64).is_none_or(|needed| needed > self.left) {
            return Ok(None);
        }
        // Not longer than the file.
        let mut content = vec![0; length as usize];
        self.take(&mut content)?;
        let mut stored = [0; CHECKSUM_BYTES];
        self.take(&mut stored)?;
        if checksum(&content).to_le_bytes() != stored {
            return Err(self.changed(content.len() + CHECKSUM_BYTES));
        }
        Ok(Some(content))
    }

    /// How many bytes have been read.
    pub fn at(&self) -> u64 {
        self.at
    }

    fn take(&mut self, into: &mut [u8]) -> Result<()> {
        let read = self.source.read_exact(into);
        read.map_err(|error| Error::external(OP, format!("cannot read byte {}: {error}", self.at)).because(error))?;
        self.at += into.len() as u64;
        self.left -= into.len() as u64;
        Ok(())
    }

    fn changed(&self, bytes: usize) -> Error {
        let at = self.at - bytes as u64;
        Error::execution(OP, format!("the file is damaged: the checksum of what begins at byte {at} does not fit"))
    }
}

fn checksum(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_tensorflows() {
        // The first record of any file that TensorFlow writes: the length 24 and its checksum, as its files have them.
        assert_eq!(checksum(&24u64.to_le_bytes()), 0x224b_7fa3);
    }
}
