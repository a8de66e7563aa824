//! Blank lines in files of one column: each is a row whose value is missing.
//!
//! The CSV readers pass over blank lines, which in a file of several columns are no rows. Here they are handed on as an empty
//! value in quotes.

use std::io::{self, Read};

use super::dialect::Dialect;

const CHUNK_BYTES: usize = 1 << 16;

/// Follows the text of a file with one column, byte by byte.
#[derive(Debug)]
pub(super) struct BlankLines {
    quote: u8,
    escape: Option<u8>,
    /// Blank lines before the header are none of its rows.
    begun: bool,
    at_line_start: bool,
    after_return: bool,
    in_quotes: bool,
    /// The byte before has closed a quote, which another one opens again.
    after_quoted: bool,
    escaped: bool,
}

impl BlankLines {
    /// None where nothing can be quoted.
    pub(super) fn of(dialect: &Dialect) -> Option<Self> {
        Some(BlankLines {
            quote: dialect.quote?,
            escape: dialect.escape,
            begun: !dialect.has_header(),
            at_line_start: true,
            after_return: false,
            in_quotes: false,
            after_quoted: false,
            escaped: false,
        })
    }

    /// Adds a piece of the text to `out`, its blank lines filled.
    pub(super) fn fill(&mut self, text: &[u8], out: &mut Vec<u8>) {
        for &byte in text {
            let ends_line = !self.in_quotes && !self.escaped && matches!(byte, b'\n' | b'\r');
            let second_of_two = byte == b'\n' && self.after_return;
            if ends_line && self.at_line_start && self.begun && !second_of_two {
                out.extend([self.quote, self.quote]);
            }
            out.push(byte);
            self.after_return = ends_line && byte == b'\r';
            if !ends_line {
                self.within_line(byte);
            }
            self.at_line_start = ends_line;
        }
    }

    fn within_line(&mut self, byte: u8) {
        self.begun = true;
        if std::mem::take(&mut self.escaped) {
            return;
        }
        let was = self.in_quotes;
        self.escaped = was && self.escape == Some(byte);
        if byte == self.quote && !self.escaped {
            // Within a value that did not begin with one, a quote is an ordinary character.
            self.in_quotes = !was && (self.at_line_start || self.after_quoted);
        }
        self.after_quoted = was && !self.in_quotes;
    }

    /// The text of a file.
    pub(super) fn over<R: Read>(self, text: R) -> Filled<R> {
        Filled { text, lines: self, read: vec![0; CHUNK_BYTES], filled: Vec::new(), at: 0 }
    }
}

/// A text with its blank lines filled.
#[derive(Debug)]
pub(super) struct Filled<R> {
    text: R,
    lines: BlankLines,
    /// Where pieces of the text are read into.
    read: Vec<u8>,
    filled: Vec<u8>,
    /// So much of `filled` is handed out.
    at: usize,
}

impl<R: Read> Read for Filled<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.filled.len() {
            let bytes = self.text.read(&mut self.read)?;
            if bytes == 0 {
                return Ok(0);
            }
            self.filled.clear();
            self.at = 0;
            self.lines.fill(&self.read[..bytes], &mut self.filled);
        }
        let bytes = out.len().min(self.filled.len() - self.at);
        out[..bytes].copy_from_slice(&self.filled[self.at..self.at + bytes]);
        self.at += bytes;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str, has_header: bool) -> String {
        let lines = BlankLines {
            quote: b'"',
            escape: None,
            begun: !has_header,
            at_line_start: true,
            after_return: false,
            in_quotes: false,
            after_quoted: false,
            escaped: false,
        };
        let mut out = String::new();
        lines.over(text.as_bytes()).read_to_string(&mut out).unwrap();
        out
    }

    #[test]
    fn blank_lines_are_empty_values() {
        for (text, expected) in [
            ("x\n1\n\n3\n", "x\n1\n\"\"\n3\n"),
            ("x\r\n1\r\n\r\n3", "x\r\n1\r\n\"\"\r\n3"),
            ("x\r1\r\r3", "x\r1\r\"\"\r3"),
            ("\n\nx\n\n", "\n\nx\n\"\"\n"),
            ("x\n\"a\n\nb\"\"\n\n\"\n\n", "x\n\"a\n\nb\"\"\n\n\"\n\"\"\n"),
            ("x\na\"b\n\n", "x\na\"b\n\"\"\n"),
        ] {
            assert_eq!(filled(text, true), expected, "{text:?}");
        }
        assert_eq!(filled("\n1\n", false), "\"\"\n1\n");
    }
}
