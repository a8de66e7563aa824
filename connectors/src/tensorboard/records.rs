//! What an event file is made of: records of a length, its checksum, the content, and that one's checksum.
//!
//! ```text
//! length: u64    checksum of the length: u32    content    checksum of the content: u32       little-endian
//! ```
//! A checksum is CRC-32C, rotated and shifted by a constant, so that a checksum may stand in what is checked. Source: TensorFlow's
//! `record_writer` and `crc32c.h`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use gradframe_ml_core::{Error, Result};

use super::OP;

const HEAD_BYTES: usize = 12;
const CHECK_BYTES: usize = 4;
const BUFFER_BYTES: usize = 1 << 18;
const MASK: u32 = 0xa282_ead8;

/// Writes a record.
pub(super) fn write(to: &mut impl Write, content: &[u8]) -> io::Result<()> {
    let length = (content.len() as u64).to_le_bytes();
    to.write_all(&length)?;
    to.write_all(&check(&length).to_le_bytes())?;
    to.write_all(content)?;
    to.write_all(&check(content).to_le_bytes())
}

fn check(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(MASK)
}

/// Reads the records of a file.
#[derive(Debug)]
pub(super) struct Records {
    path: PathBuf,
    file: BufReader<File>,
    /// Where the record begins that is read next, or was read last.
    at: u64,
    read: u64,
    content: Vec<u8>,
    torn: bool,
}

impl Records {
    /// Errors: `External` naming the file.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| cannot_read(path, error))?;
        let file = BufReader::with_capacity(BUFFER_BYTES, file);
        Ok(Records { path: path.to_path_buf(), file, at: 0, read: 0, content: vec![], torn: false })
    }

    /// The content of the next record; None at the end, also where the last record was not written to its end (see
    /// [`Records::torn_at`]). Errors: `Execution` naming file and byte where a checksum does not fit; `External`.
    pub fn next(&mut self) -> Result<Option<&[u8]>> {
        if self.torn {
            return Ok(None);
        }
        self.at = self.read;
        let mut head = [0; HEAD_BYTES];
        match self.fill(&mut head)? {
            0 => return Ok(None),
            HEAD_BYTES => {}
            _ => return Ok(self.tear()),
        }
        let (length, stored) = head.split_at(8);
        if check(length).to_le_bytes() != stored {
            return if head == [0; HEAD_BYTES] && self.is_zero_to_its_end()? {
                Ok(self.tear())
            } else {
                Err(self.damaged("length"))
            };
        }
        let length = length.try_into().map_or(0, u64::from_le_bytes);
        // What is stated may be wrong; memory grows with what is there.
        self.content.clear();
        let read = (&mut self.file).take(length).read_to_end(&mut self.content);
        let read = read.map_err(|error| cannot_read(&self.path, error))? as u64;
        self.read += read;
        let mut stored = [0; CHECK_BYTES];
        if read < length || self.fill(&mut stored)? < CHECK_BYTES {
            return Ok(self.tear());
        }
        if check(&self.content).to_le_bytes() != stored {
            return Err(self.damaged("content"));
        }
        Ok(Some(&self.content))
    }

    /// At which byte a last record begins that was not written to its end, once the end is reached.
    pub fn torn_at(&self) -> Option<u64> {
        self.torn.then_some(self.at)
    }

    /// An error about the record that was read last.
    pub fn wrong(&self, what: &str) -> Error {
        Error::execution(OP, format!("`{}`: the record at byte {} {what}", self.path.display(), self.at))
    }

    fn damaged(&self, part: &str) -> Error {
        self.wrong(&format!("was changed after it was written: the checksum of its {part} does not fit"))
    }

    fn tear<'a>(&mut self) -> Option<&'a [u8]> {
        self.torn = true;
        None
    }

    /// As many bytes as there are; gives how many.
    fn fill(&mut self, into: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < into.len() {
            match self.file.read(&mut into[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(cannot_read(&self.path, error)),
            }
        }
        self.read += filled as u64;
        Ok(filled)
    }

    /// A file that was made longer and never filled, as after a power cut.
    fn is_zero_to_its_end(&mut self) -> Result<bool> {
        loop {
            let ahead = self.file.fill_buf().map_err(|error| cannot_read(&self.path, error))?;
            if ahead.is_empty() {
                return Ok(true);
            }
            if ahead.iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            let length = ahead.len();
            self.file.consume(length);
        }
    }
}

pub(super) fn cannot_read(path: &Path, error: io::Error) -> Error {
    Error::external(OP, format!("cannot read `{}`: {error}", path.display())).because(error)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("events.out.tfevents.1");
        std::fs::write(&path, bytes).unwrap();
        (place, path)
    }

    /// All contents, and where the file is torn.
    fn read(bytes: &[u8]) -> Result<(Vec<Vec<u8>>, Option<u64>)> {
        let (_place, path) = file(bytes);
        let mut records = Records::open(&path)?;
        let mut contents = vec![];
        while let Some(content) = records.next()? {
            contents.push(content.to_vec());
        }
        Ok((contents, records.torn_at()))
    }

    fn written(contents: &[&[u8]]) -> Vec<u8> {
        let mut bytes = vec![];
        contents.iter().for_each(|content| write(&mut bytes, content).unwrap());
        bytes
    }

    #[test]
    fn the_checksum_is_tensorflows() {
        // A record of 24 bytes begins so in every file of TensorFlow's.
        assert_eq!(check(&24u64.to_le_bytes()), 0x224b_7fa3);
    }

    #[test]
    fn every_torn_tail_is_found_and_nothing_before_it_lost() {
        let bytes = written(&[b"one", b"", b"three"]);
        let whole = read(&bytes).unwrap();
        assert_eq!(whole, (vec![b"one".to_vec(), vec![], b"three".to_vec()], None));
        let last = (bytes.len() - 21) as u64;
        for length in last as usize + 1..bytes.len() {
            assert_eq!(read(&bytes[..length]).unwrap(), (vec![b"one".to_vec(), vec![]], Some(last)), "{length}");
        }
        let zeros = [&bytes[..], &[0; 4096]].concat();
        assert_eq!(read(&zeros).unwrap(), (whole.0, Some(bytes.len() as u64)));
    }

    #[test]
    fn every_changed_byte_is_found_and_its_place_named() {
        let bytes = written(&[b"one", b"two"]);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x40;
            let error = read(&changed).unwrap_err();
            let begin = if at < 19 { "byte 0 " } else { "byte 19 " };
            assert!(error.kind() == "Execution" && error.to_string().contains(begin), "{at}: {error}");
        }
    }

    #[test]
    fn a_stated_length_reserves_nothing() {
        let length = (1_u64 << 62).to_le_bytes();
        let bytes = [&length[..], &check(&length).to_le_bytes(), b"few"].concat();
        assert_eq!(read(&bytes).unwrap(), (vec![], Some(0)));
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_records_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Err(error) = read(&bytes) {
                prop_assert_eq!(error.kind(), "Execution");
            }
        }
    }
}
