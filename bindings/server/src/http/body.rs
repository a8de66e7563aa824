//! A request's body, read as it comes: of a known length, or in chunks.

use std::io::{self, BufRead, Read};

use super::request::Length;

/// A chunk's line is no longer.
const LINE_BYTES_MAX: u64 = 1 << 10;

/// What is left of a body.
pub struct Body<'a> {
    source: &'a mut dyn BufRead,
    left: Left,
    /// More than this is an error.
    bytes_max: u64,
    bytes: u64,
}

enum Left {
    Bytes(u64),
    /// So many of this chunk; the next begins after it.
    Chunk(u64),
    FirstChunk,
    Nothing,
}

impl<'a> Body<'a> {
    pub fn new(source: &'a mut dyn BufRead, length: Length, bytes_max: u64) -> Self {
        let left = match length {
            Length::Bytes(bytes) => Left::Bytes(bytes),
            Length::Chunked => Left::FirstChunk,
        };
        Body { source, left, bytes_max, bytes: 0 }
    }

    /// All of it. Errors: `InvalidData` if there are more bytes than this.
    pub fn read_all(&mut self, bytes_max: u64) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        self.by_ref().take(bytes_max + 1).read_to_end(&mut all)?;
        if all.len() as u64 > bytes_max { Err(too_long()) } else { Ok(all) }
    }

    /// Reads away what is left, if that is little: then the next request can follow.
    pub fn skip(&mut self, bytes_max: u64) -> bool {
        let skipped = io::copy(&mut self.by_ref().take(bytes_max), &mut io::sink());
        skipped.is_ok() && self.is_at_end()
    }

    fn is_at_end(&self) -> bool {
        matches!(self.left, Left::Bytes(0) | Left::Nothing)
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        if matches!(self.left, Left::Chunk(_)) {
            self.line()?;
        }
        let line = self.line()?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let bytes =
            u64::from_str_radix(digits, 16).ok().filter(|_| plain).ok_or_else(|| wrong("a chunk's length is no number"))?;
        if bytes == 0 {
            // Headers may follow the last chunk; an empty line ends them.
            while !self.line()?.is_empty() {}
            self.left = Left::Nothing;
        } else {
            self.left = Left::Chunk(bytes);
        }
        Ok(())
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        (&mut *self.source).take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            return Err(wrong("a chunk ends early"));
        }
        Ok(String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned())
    }
}

impl Read for Body<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if matches!(self.left, Left::Chunk(0) | Left::FirstChunk) {
            self.next_chunk()?;
        }
        let left = match &mut self.left {
            Left::Bytes(left) | Left::Chunk(left) => left,
            Left::FirstChunk | Left::Nothing => return Ok(0),
        };
        let wanted = into.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
        if wanted == 0 {
            return Ok(0);
        }
        let read = self.source.read(&mut into[..wanted])?;
        if read == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the client left in the middle of the body"));
        }
        *left -= read as u64;
        self.bytes += read as u64;
        if self.bytes > self.bytes_max { Err(too_long()) } else { Ok(read) }
    }
}

fn too_long() -> io::Error {
    wrong("the body is too long")
}

fn wrong(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], length: Length) -> io::Result<Vec<u8>> {
        let mut source = bytes;
        Body::new(&mut source, length, 100).read_all(50)
    }

    #[test]
    fn chunks_are_put_together() {
        let chunks = b"5\r\nhello\r\nB;name=x\r\n, wide worl\r\n1\r\nd\r\n0\r\nTrailer: x\r\n\r\nnext";
        assert_eq!(read(chunks, Length::Chunked).unwrap(), b"hello, wide world");
        assert_eq!(read(b"abcdef", Length::Bytes(3)).unwrap(), b"abc");
    }

    #[test]
    fn what_is_torn_or_too_long_is_an_error() {
        for torn in [&b"5\r\nhel"[..], b"zz\r\n", b"", b"-1\r\n", b"FFFFFFFFFFFFFFFFFF\r\n", b"5\r\nhello"] {
            assert!(read(torn, Length::Chunked).is_err(), "{torn:?}");
        }
        assert!(read(&[0; 60], Length::Bytes(60)).is_err());
        assert!(read(b"ab", Length::Bytes(3)).is_err());
    }
}
