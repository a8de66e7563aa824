//! The objects of a JSON file, one by one, as bytes with their lines.

use std::io::{BufRead, Read};

use gradframe_ml_core::{Error, Result};

use super::FUNCTION;

/// No object is longer: a file without line ends must not fill the memory.
const RECORD_BYTES_MAX: usize = 64 << 20;
/// Some editors begin files so.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Where a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing but blanks has been read.
    Beginning,
    /// One object a line.
    Lines,
    /// In an array, before an element; at the first one the array may end.
    Element { first: bool },
    /// In an array, after an element.
    Separator,
    /// After the array.
    End,
}

/// Reads records. Errors: `Execution` naming file and line.
pub(super) struct Records<R> {
    text: R,
    file: String,
    state: State,
    /// Lines that have ended.
    lines: u64,
}

impl<R: BufRead> Records<R> {
    pub(super) fn new(text: R, file: &str) -> Self {
        Records { text, file: file.to_string(), state: State::Beginning, lines: 0 }
    }

    /// Appends the next record to `out` and gives its first line, from 1; None at the end.
    pub(super) fn next(&mut self, out: &mut Vec<u8>) -> Result<Option<u64>> {
        if self.state == State::Beginning {
            self.begin()?;
        }
        match self.state {
            State::Lines => self.line(out),
            _ => self.element(out),
        }
    }

    /// An error about the line.
    pub(super) fn error(&self, line: u64, what: impl std::fmt::Display) -> Error {
        Error::execution(FUNCTION, format!("`{}`, line {line}: {what}", self.file))
    }

    /// Finds out how the objects are written.
    fn begin(&mut self) -> Result<()> {
        let start = self.text.fill_buf().map_err(|e| unreadable(&self.file, e))?;
        if start.starts_with(BYTE_ORDER_MARK) {
            self.text.consume(BYTE_ORDER_MARK.len());
        }
        self.state = match self.peek()? {
            Some(b'[') => {
                self.text.consume(1);
                State::Element { first: true }
            }
            _ => State::Lines,
        };
        Ok(())
    }

    /// The next byte that is no blank; it stays.
    fn peek(&mut self) -> Result<Option<u8>> {
        loop {
            let bytes = self.text.fill_buf().map_err(|e| unreadable(&self.file, e))?;
            let Some(&byte) = bytes.first() else { return Ok(None) };
            match byte {
                b' ' | b'\t' | b'\r' => {}
                b'\n' => self.lines += 1,
                byte => return Ok(Some(byte)),
            }
            self.text.consume(1);
        }
    }

    fn line(&mut self, out: &mut Vec<u8>) -> Result<Option<u64>> {
        if self.peek()?.is_none() {
            return Ok(None);
        }
        let line = self.lines + 1;
        let start = out.len();
        let mut limited = (&mut self.text).take(RECORD_BYTES_MAX as u64 + 1);
        limited.read_until(b'\n', out).map_err(|e| unreadable(&self.file, e))?;
        if out.len() - start > RECORD_BYTES_MAX {
            return Err(self.error(line, format!("longer than {} MiB", RECORD_BYTES_MAX >> 20)));
        }
        self.lines += 1;
        Ok(Some(line))
    }

    fn element(&mut self, out: &mut Vec<u8>) -> Result<Option<u64>> {
        if self.state == State::Separator {
            match self.peek()? {
                Some(b',') => self.state = State::Element { first: false },
                Some(b']') => self.state = State::End,
                Some(_) => return Err(self.error(self.lines + 1, "expected `,` or `]` after an element of the array")),
                None => return Err(self.truncated()),
            }
            self.text.consume(1);
        }
        match (self.state, self.peek()?) {
            (State::Element { first: true }, Some(b']')) => {
                self.text.consume(1);
                self.state = State::End;
                self.element(out)
            }
            (State::End, None) => Ok(None),
            (State::End, Some(_)) => Err(self.error(self.lines + 1, "text after the end of the array")),
            (_, None) => Err(self.truncated()),
            (_, Some(b',' | b']')) => Err(self.error(self.lines + 1, "expected an object in the array")),
            (_, Some(_)) => self.scan(out).map(Some),
        }
    }

    fn truncated(&self) -> Error {
        self.error(self.lines + 1, "the file ends within the array")
    }

    /// Copies bytes up to the `,` or `]` after the element; whether they are JSON is seen when they are parsed.
    fn scan(&mut self, out: &mut Vec<u8>) -> Result<u64> {
        let line = self.lines + 1;
        let start = out.len();
        let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
        loop {
            let bytes = self.text.fill_buf().map_err(|e| unreadable(&self.file, e))?;
            let mut taken = 0;
            let mut ended = bytes.is_empty();
            for &byte in bytes {
                if !in_text && depth == 0 && matches!(byte, b',' | b']') {
                    ended = true;
                    break;
                }
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' if in_text => escaped = true,
                    b'"' => in_text = !in_text,
                    b'{' | b'[' if !in_text => depth += 1,
                    b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
                    b'\n' => self.lines += 1,
                    _ => {}
                }
                taken += 1;
            }
            out.extend_from_slice(&bytes[..taken]);
            self.text.consume(taken);
            if out.len() - start > RECORD_BYTES_MAX {
                return Err(self.error(line, format!("an element longer than {} MiB", RECORD_BYTES_MAX >> 20)));
            }
            if ended {
                self.state = State::Separator;
                return Ok(line);
            }
        }
    }
}

/// Bytes that cannot be had: a file cut off in the middle of its compression, a disk that fails.
pub(super) fn unreadable(file: &str, error: std::io::Error) -> Error {
    Error::execution(FUNCTION, format!("cannot read `{file}`: {error}")).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records as `line:text`, blanks around them dropped, and the error that ends them.
    fn read(text: &str) -> Vec<String> {
        // A small buffer: what is told apart must not depend on where it ends.
        let mut records = Records::new(std::io::BufReader::with_capacity(3, text.as_bytes()), "f");
        let mut all = Vec::new();
        loop {
            let mut out = Vec::new();
            match records.next(&mut out) {
                Ok(Some(line)) => all.push(format!("{line}:{}", String::from_utf8(out).unwrap().trim())),
                Ok(None) => return all,
                Err(error) => {
                    all.push(error.detail().what.clone());
                    return all;
                }
            }
        }
    }

    #[test]
    fn one_object_a_line_with_blank_lines_between() {
        assert_eq!(read("\u{feff}{\"a\":1}\n\n  {\"a\":2}\r\n{\"a\":3}"), ["1:{\"a\":1}", "3:{\"a\":2}", "4:{\"a\":3}"]);
        assert_eq!(read(" \n "), Vec::<String>::new());
    }

    #[test]
    fn elements_of_an_array() {
        let text = "[\n {\"a\": \"],\\\"[\"},\n {\"a\":\n [1, {}]} ]\n";
        assert_eq!(read(text), ["2:{\"a\": \"],\\\"[\"}", "3:{\"a\":\n [1, {}]}"]);
        assert_eq!(read("[]"), Vec::<String>::new());
    }

    #[test]
    fn broken_arrays_are_errors() {
        assert_eq!(read("[{},]"), ["1:{}", "`f`, line 1: expected an object in the array"]);
        assert_eq!(read("[{}\n"), ["1:{}", "`f`, line 2: the file ends within the array"]);
        assert_eq!(read("[{}] x"), ["1:{}", "`f`, line 1: text after the end of the array"]);
        assert_eq!(read("[\n"), ["`f`, line 2: the file ends within the array"]);
    }
}
