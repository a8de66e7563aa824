//! The body of a request: of a length, or in chunks.

use std::io::{self, Read, Write};

use super::head::Framing;
use super::{HEADERS_MAX, Head, Incoming, wrong};

/// The body of one request, no byte more.
pub struct BodyReader<'i, R, W> {
    incoming: &'i mut Incoming<R>,
    left: Left,
    /// To whom to say that the body may come, before it is read.
    word_to: Option<W>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Bytes(u64),
    /// Of the present chunk; whether it is the first.
    Chunk(u64, bool),
    Nothing,
    /// Where it ends cannot be known any more: it broke off, or its chunks are none.
    Unknown,
}

impl<'i, R: Read, W: Write> BodyReader<'i, R, W> {
    pub fn new(incoming: &'i mut Incoming<R>, head: &Head, answers_go_to: W) -> Self {
        let left = match head.framing {
            Framing::Bytes(0) => Left::Nothing,
            Framing::Bytes(bytes) => Left::Bytes(bytes),
            Framing::Chunks => Left::Chunk(0, true),
        };
        BodyReader { incoming, left, word_to: head.expects_word.then_some(answers_go_to) }
    }

    /// Reads away what nobody wanted; false if that is more than this, or does not come: then nothing can follow.
    pub fn skip(mut self, bytes_max: u64) -> bool {
        if self.left == Left::Nothing {
            return true;
        }
        // What is no chunk has no next one: waiting for it would keep an answer back that is ready.
        if self.left == Left::Unknown {
            return false;
        }
        // Who waits for the word and was refused sends nothing.
        if self.word_to.is_some() {
            return false;
        }
        // Nor is there anything to wait for where it says itself that it is more.
        if matches!(self.left, Left::Bytes(left) if left > bytes_max) {
            return false;
        }
        io::copy(&mut self.by_ref().take(bytes_max), &mut io::sink()).is_ok() && self.left == Left::Nothing
    }

    fn next_chunk(&mut self, is_first: bool) -> io::Result<()> {
        if !is_first && !self.incoming.line()?.is_empty() {
            return Err(wrong("a chunk is longer than it says"));
        }
        let line = self.incoming.line()?;
        let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        let digits = str::from_utf8(digits).ok().filter(|text| !text.is_empty() && text.bytes().all(|c| c.is_ascii_hexdigit()));
        let bytes = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        match bytes.ok_or_else(|| wrong("a chunk does not say its length"))? {
            0 => self.skip_trailers()?,
            bytes => self.left = Left::Chunk(bytes, false),
        }
        Ok(())
    }

    /// Headers after the last chunk, which nobody reads here.
    fn skip_trailers(&mut self) -> io::Result<()> {
        for _ in 0..=HEADERS_MAX {
            if self.incoming.line()?.is_empty() {
                self.left = Left::Nothing;
                return Ok(());
            }
        }
        Err(wrong("there are too many headers after the body"))
    }

    fn read_most(&mut self, into: &mut [u8], left: u64) -> io::Result<usize> {
        let wanted = into.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        match self.incoming.read(&mut into[..wanted])? {
            0 if wanted > 0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => Ok(read),
        }
    }
}

impl<R: Read, W: Write> BodyReader<'_, R, W> {
    fn read_some(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if let Some(mut to) = self.word_to.take() {
            to.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        loop {
            match self.left {
                Left::Nothing => return Ok(0),
                Left::Unknown => return Err(wrong("where the body ends is not known")),
                Left::Bytes(left) => {
                    let read = self.read_most(into, left)?;
                    let left = left - read as u64;
                    self.left = if left == 0 { Left::Nothing } else { Left::Bytes(left) };
                    return Ok(read);
                }
                Left::Chunk(0, is_first) => self.next_chunk(is_first)?,
                Left::Chunk(left, _) => {
                    let read = self.read_most(into, left)?;
                    self.left = Left::Chunk(left - read as u64, false);
                    return Ok(read);
                }
            }
        }
    }
}

impl<R: Read, W: Write> Read for BodyReader<'_, R, W> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.read_some(into);
        if read.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::Interrupted) {
            self.left = Left::Unknown;
        }
        read
    }
}
