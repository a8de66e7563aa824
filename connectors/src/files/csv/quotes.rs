//! Quotes that are opened and never closed.
//!
//! A CSV reader takes all that follows such a quote for one value, without a word. Where quotes are well used their number is
//! even, which costs little to count; only where it is odd the file is read once more to find out.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::dialect::Dialect;

/// Counts the quotes that pass through.
pub(super) struct QuoteCounter<R> {
    text: R,
    quote: Option<u8>,
    count: Arc<AtomicUsize>,
}

impl<R: Read> QuoteCounter<R> {
    /// The counter, and where it counts.
    pub(super) fn new(text: R, quote: Option<u8>) -> (Self, Arc<AtomicUsize>) {
        let count = Arc::new(AtomicUsize::new(0));
        (QuoteCounter { text, quote, count: count.clone() }, count)
    }
}

impl<R: Read> Read for QuoteCounter<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.text.read(buffer)?;
        if let Some(quote) = self.quote {
            self.count.fetch_add(memchr::memchr_iter(quote, &buffer[..read]).count(), Ordering::Relaxed);
        }
        Ok(read)
    }
}

/// The line on which the quote was opened that is open at the end of the text; None if there is none.
pub(super) fn unclosed(text: impl Read, dialect: &Dialect) -> Option<u64> {
    let quote = dialect.quote?;
    let mut scan = Scan { quote, dialect, line: dialect.skip as u64 + 1, state: State::RecordStart };
    let mut text = BufReader::new(dialect.after_skipped(text).ok()?);
    loop {
        let bytes = text.fill_buf().ok()?;
        if bytes.is_empty() {
            break;
        }
        bytes.iter().for_each(|&byte| scan.step(byte));
        let taken = bytes.len();
        text.consume(taken);
    }
    match scan.state {
        State::Quoted { opened } | State::Escaped { opened } => Some(opened),
        _ => None,
    }
}

#[derive(Clone, Copy)]
enum State {
    RecordStart,
    FieldStart,
    Unquoted,
    Comment,
    Quoted {
        opened: u64,
    },
    /// After the escape character.
    Escaped {
        opened: u64,
    },
    /// After a quote within quotes: its end, or the first of two.
    QuoteInQuotes {
        opened: u64,
    },
}

struct Scan<'a> {
    quote: u8,
    dialect: &'a Dialect,
    line: u64,
    state: State,
}

impl Scan<'_> {
    fn step(&mut self, byte: u8) {
        let is = |wanted: Option<u8>| wanted == Some(byte);
        self.state = match self.state {
            State::Quoted { opened } if byte == self.quote => State::QuoteInQuotes { opened },
            State::Quoted { opened } if is(self.dialect.escape) => State::Escaped { opened },
            State::Escaped { opened } | State::Quoted { opened } => State::Quoted { opened },
            State::QuoteInQuotes { opened } if byte == self.quote => State::Quoted { opened },
            State::RecordStart if is(self.dialect.comment) => State::Comment,
            State::RecordStart | State::FieldStart if byte == self.quote => State::Quoted { opened: self.line },
            _ if matches!(byte, b'\n' | b'\r') => State::RecordStart,
            State::Comment => State::Comment,
            _ if byte == self.dialect.delimiter.unwrap_or(b',') => State::FieldStart,
            _ => State::Unquoted,
        };
        self.line += u64::from(byte == b'\n');
    }
}
