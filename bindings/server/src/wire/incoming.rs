//! What a client sends, cut into heads and what follows them.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use super::{Bad, HEAD_BYTES_MAX, HEADERS_MAX, Head, refused, too_long, wrong};

/// A line before a chunk, or after the last.
const LINE_BYTES_MAX: usize = 1 << 10;
/// Read at once of a head. It is little, as each thread's first larger block has its allocator take megabytes for it, and whoever sends half
/// a head would have them until its time is over.
const PIECE_BYTES: usize = 4 << 10;

/// What a client sends, one request after another.
pub struct Incoming<R> {
    source: R,
    /// What was read and belongs to nobody yet.
    ahead: Vec<u8>,
    taken: usize,
}

impl<R: Read> Incoming<R> {
    pub fn new(source: R) -> Self {
        Incoming { source, ahead: Vec::new(), taken: 0 }
    }

    /// The next head; all of it has to come within `patience` of its first byte, which `begins` is told of.
    pub fn head(&mut self, patience: Duration, begins: &mut dyn FnMut() -> bool) -> Result<Head, Bad> {
        self.ahead.drain(..self.taken);
        self.taken = 0;
        let mut since = None;
        loop {
            // Empty lines before a request are passed by.
            let blank = self.ahead.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            self.ahead.drain(..blank);
            if !self.ahead.is_empty() {
                if since.is_none() && !begins() {
                    return Err(Bad::Gone);
                }
                let since: &mut Instant = since.get_or_insert_with(Instant::now);
                if let Some(head) = self.parsed()? {
                    return Ok(head);
                }
                if self.ahead.len() > HEAD_BYTES_MAX {
                    return Err(too_long());
                }
                if since.elapsed() > patience {
                    return Err(refused(408, "the request did not come in time"));
                }
            }
            match self.fill() {
                Ok(0) => return Err(Bad::Gone),
                Ok(_) => {}
                Err(error) if is_silence(&error) && since.is_some() => {
                    return Err(refused(408, "the request did not come in time"));
                }
                Err(_) => return Err(Bad::Gone),
            }
        }
    }

    /// Memory that is held for what came and was not taken.
    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        self.ahead.capacity()
    }

    fn parsed(&mut self) -> Result<Option<Head>, Bad> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&self.ahead) {
            Ok(httparse::Status::Complete(bytes)) if bytes > HEAD_BYTES_MAX => Err(too_long()),
            Ok(httparse::Status::Complete(bytes)) => {
                let head = Head::of(&request)?;
                self.taken = bytes;
                Ok(Some(head))
            }
            Ok(httparse::Status::Partial) => Ok(None),
            Err(httparse::Error::TooManyHeaders) => Err(refused(431, "the request has too many headers")),
            Err(error) => Err(refused(400, format!("this is no request: {error}"))),
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        let before = self.ahead.len();
        self.ahead.resize(before + PIECE_BYTES, 0);
        let read = self.source.read(&mut self.ahead[before..]);
        self.ahead.truncate(before + read.as_ref().map_or(0, |read| *read));
        read
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    /// A line without its end.
    pub(super) fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        loop {
            match self.byte()? {
                b'\n' if line.last() == Some(&b'\r') => {
                    line.pop();
                    return Ok(line);
                }
                b'\n' => return Err(wrong("a line of the body does not end as one")),
                _ if line.len() > LINE_BYTES_MAX => return Err(wrong("a line of the body is too long")),
                byte => line.push(byte),
            }
        }
    }
}

impl<R: Read> Read for Incoming<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let ahead = &self.ahead[self.taken..];
        if ahead.is_empty() {
            // As large as it was asked for: an upload need not go through `ahead`.
            if into.len() >= PIECE_BYTES {
                return self.source.read(into);
            }
            (self.ahead, self.taken) = (Vec::new(), 0);
            self.fill()?;
        }
        let ahead = &self.ahead[self.taken..];
        let taken = ahead.len().min(into.len());
        into[..taken].copy_from_slice(&ahead[..taken]);
        self.taken += taken;
        Ok(taken)
    }
}

/// Nothing came for as long as was waited.
fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
