//! Empty texts in quotes, which are none of the missing values beside them.
//!
//! The CSV readers give `""` and nothing between two delimiters as the same empty value, which is null. Here a field that is nothing but two
//! quotes, in a column of texts, becomes a mark, and the mark an empty text once it is read. Text without two quotes in a row is handed on as it is.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, Scalar, StringArray};
use arrow::compute::kernels::cmp::eq;
use arrow::compute::kernels::zip::zip;
use arrow::datatypes::Schema;
use arrow::error::ArrowError;
use memchr::{memchr, memchr_iter, memmem, memrchr};

use super::dialect::Dialect;

/// What stands for an empty text while a file is read: characters that are none, of which no text is made.
pub(super) const EMPTY: &str = "\u{10FFFE}\u{FFFE}\u{10FFFF}";
/// A line that is longer passes as it is.
const LINE_BYTES: usize = 1 << 24;

/// Follows the text of a file, whole lines at a time where they have empty texts.
#[derive(Debug)]
pub(super) struct EmptyTexts {
    quote: u8,
    delimiter: u8,
    /// What lines begin with that are none of the file's.
    comment: Option<u8>,
    /// Which of the file's columns are of texts.
    texts: Vec<bool>,
    /// Where in a record the text goes on that is not handed on yet.
    place: Place,
    /// Text whose lines are not whole yet.
    held: Vec<u8>,
    /// Whether a mark was written.
    found: Arc<AtomicBool>,
}

impl EmptyTexts {
    /// None where no text can be quoted, and where quotes and ends of lines may be escaped or left out.
    pub(super) fn of(dialect: &Dialect, file: &Schema, found: &Arc<AtomicBool>) -> Option<Self> {
        let texts: Vec<bool> = file.fields().iter().map(|field| field.data_type().is_string()).collect();
        if dialect.escape.is_some() || !texts.contains(&true) {
            return None;
        }
        let (quote, delimiter) = (dialect.quote?, dialect.delimiter.unwrap_or(b','));
        let comment = dialect.comment;
        Some(EmptyTexts { quote, delimiter, comment, texts, place: Place::START, held: vec![], found: Arc::clone(found) })
    }

    /// Whether a piece of the text is handed on as it is: nothing is held, and it has no two quotes in a row.
    fn passes(&mut self, text: &[u8]) -> bool {
        let passes = self.held.is_empty()
            && text.last() != Some(&self.quote)
            && (memchr(self.quote, text).is_none() || memmem::find(text, &[self.quote; 2]).is_none());
        if passes {
            self.place = self.after(text);
        }
        passes
    }

    /// Adds a piece of the text to `out`, as far as its lines are whole.
    pub(super) fn fill(&mut self, text: &[u8], out: &mut Vec<u8>) {
        if self.passes(text) {
            out.extend_from_slice(text);
            return;
        }
        self.held.extend_from_slice(text);
        match self.end_of_lines(&self.held) {
            Some(end) => {
                let rest = self.held.split_off(end);
                let block = std::mem::replace(&mut self.held, rest);
                self.marked(&block, out);
                self.place = Place::START;
            }
            None if self.held.len() > LINE_BYTES => {
                self.place = self.after(&self.held);
                out.append(&mut self.held);
            }
            None => {}
        }
    }

    /// Adds what is left at the end of the text.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        let block = std::mem::take(&mut self.held);
        self.marked(&block, out);
    }

    /// The end of the last whole line: of a line feed before which quotes are closed.
    fn end_of_lines(&self, text: &[u8]) -> Option<usize> {
        if self.comment.is_some() {
            return self.end_beside_comments(text);
        }
        let mut quotes = memchr_iter(self.quote, text).count() + usize::from(self.place.state == State::Quoted);
        let mut end = text.len();
        while let Some(at) = memrchr(b'\n', &text[..end]) {
            quotes -= memchr_iter(self.quote, &text[at..end]).count();
            if quotes.is_multiple_of(2) {
                return Some(at + 1);
            }
            end = at;
        }
        None
    }

    /// The same of a file with comments, whose quotes open nothing.
    fn end_beside_comments(&self, text: &[u8]) -> Option<usize> {
        let (mut place, mut end) = (self.place, None);
        for (at, byte) in text.iter().enumerate() {
            if *byte == b'\n' && place.state != State::Quoted {
                end = Some(at + 1);
            }
            place = self.step(place, *byte);
        }
        end
    }

    /// Where a record goes on after this text.
    fn after(&self, text: &[u8]) -> Place {
        match self.end_of_lines(text) {
            Some(end) => text[end..].iter().fold(Place::START, |place, byte| self.step(place, *byte)),
            None => text.iter().fold(self.place, |place, byte| self.step(place, *byte)),
        }
    }

    fn step(&self, place: Place, byte: u8) -> Place {
        let is_quote = byte == self.quote;
        match place.state {
            State::Quoted if is_quote => Place { state: State::Closed, ..place },
            State::Quoted => place,
            State::Comment if byte != b'\n' && byte != b'\r' => place,
            State::Start if place.column == 0 && self.comment == Some(byte) => Place { state: State::Comment, ..place },
            State::Start | State::Closed if is_quote => Place { state: State::Quoted, ..place },
            _ if byte == self.delimiter => Place { column: place.column + 1, state: State::Start },
            _ if byte == b'\n' || byte == b'\r' => Place::START,
            _ => Place { state: State::Unquoted, ..place },
        }
    }

    /// Text with the mark in the place of empty texts in quotes.
    fn marked(&self, block: &[u8], out: &mut Vec<u8>) {
        let (mut place, mut followed, mut copied, mut from) = (self.place, 0, 0, 0);
        let ends = |byte: u8| byte == self.delimiter || byte == b'\n' || byte == b'\r';
        while let Some(found) = memmem::find(&block[from..], &[self.quote; 2]) {
            let at = from + found;
            from = at + 1;
            if !block.get(at + 2).is_none_or(|byte| ends(*byte)) || at > 0 && !ends(block[at - 1]) {
                continue;
            }
            place = block[followed..at].iter().fold(place, |place, byte| self.step(place, *byte));
            followed = at;
            if place.state == State::Start && self.texts.get(place.column) == Some(&true) {
                out.extend_from_slice(&block[copied..at]);
                out.extend_from_slice(EMPTY.as_bytes());
                copied = at + 2;
                self.found.store(true, Ordering::Relaxed);
            }
        }
        out.extend_from_slice(&block[copied..]);
    }

    /// The text of a file.
    pub(super) fn over<R: Read>(self, text: R) -> Marked<R> {
        Marked { text, fields: self, marked: Vec::new(), at: 0, ended: false }
    }
}

/// Where in a record a byte stands.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Place {
    column: usize,
    state: State,
}

impl Place {
    const START: Place = Place { column: 0, state: State::Start };
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    /// A field begins.
    Start,
    Unquoted,
    Quoted,
    /// After a quote within quotes: their end, or the first of two.
    Closed,
    /// In a line that is none of the file's.
    Comment,
}

/// A text with its empty texts marked.
#[derive(Debug)]
pub(super) struct Marked<R> {
    text: R,
    fields: EmptyTexts,
    marked: Vec<u8>,
    /// So much of `marked` is handed out.
    at: usize,
    ended: bool,
}

impl<R: Read> Read for Marked<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.marked.len() {
            if self.ended || out.is_empty() {
                return Ok(0);
            }
            let bytes = self.text.read(out)?;
            if bytes > 0 && self.fields.passes(&out[..bytes]) {
                return Ok(bytes);
            }
            self.marked.clear();
            self.at = 0;
            self.ended = bytes == 0;
            match self.ended {
                true => self.fields.finish(&mut self.marked),
                false => self.fields.fill(&out[..bytes], &mut self.marked),
            }
        }
        let bytes = out.len().min(self.marked.len() - self.at);
        out[..bytes].copy_from_slice(&self.marked[self.at..self.at + bytes]);
        self.at += bytes;
        Ok(bytes)
    }
}

/// The batch with empty texts in the place of marks.
pub(super) fn restored(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().map(restored_column).collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(batch.schema(), columns, &options)
}

fn restored_column(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    if !column.data_type().is_string() {
        return Ok(Arc::clone(column));
    }
    let one =
        |text: &str| Ok::<_, ArrowError>(Scalar::new(arrow::compute::cast(&StringArray::from(vec![text]), column.data_type())?));
    let marked = eq(column, &one(EMPTY)?)?;
    if marked.true_count() == 0 { Ok(Arc::clone(column)) } else { zip(&marked, &one("")?, column) }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::{DataType, Field};

    use super::*;

    fn marked(text: &str, comment: Option<u8>, chunk: usize) -> String {
        let fields =
            ["a", "b", "c"].map(|name| Field::new(name, if name == "b" { DataType::Int64 } else { DataType::Utf8 }, true));
        let dialect =
            Dialect { header: Some(true), delimiter: None, quote: Some(b'"'), escape: None, comment, skip: 0, compression: None };
        let empty = EmptyTexts::of(&dialect, &Schema::new(fields.to_vec()), &Arc::default()).unwrap();
        let mut out = String::new();
        let pieces = text.as_bytes().chunks(chunk).map(io::Cursor::new);
        let chained = pieces.fold(Box::new(io::empty()) as Box<dyn Read>, |before, piece| Box::new(before.chain(piece)));
        empty.over(chained).read_to_string(&mut out).unwrap();
        out.replace(EMPTY, "E")
    }

    #[test]
    fn quoted_nothing_in_columns_of_texts_is_marked() {
        for (text, expected) in [
            ("\"\",\"\",\"\"\n", "E,\"\",E\n"),
            ("\"\",1,x\r\n,2,\"\"\r\n", "E,1,x\r\n,2,E\r\n"),
            ("\"a,\"\",b\",1,\"\"", "\"a,\"\",b\",1,E"),
            ("\"\n\"\"\n\",1,\"\"\n", "\"\n\"\"\n\",1,E\n"),
            ("\"\"\"\",1,\"\"\"\"\n", "\"\"\"\",1,\"\"\"\"\n"),
            ("x\"\",1,\"\"y\n", "x\"\",1,\"\"y\n"),
            ("", ""),
            ("no end,1,\"", "no end,1,\""),
        ] {
            for chunk in [1, 3, 1000] {
                assert_eq!(marked(text, None, chunk), expected, "{text:?} by {chunk}");
            }
        }
    }

    #[test]
    fn comments_have_neither_quotes_nor_empty_texts() {
        for (text, expected) in [
            ("# \"\n\"\",1,x\n", "# \"\nE,1,x\n"),
            ("#\"\",\"\"\n\"\",1,\"\"\n", "#\"\",\"\"\nE,1,E\n"),
            ("x,1,\"\n#\"\"\"\n# it's \"\r\n\"\",2,#\"\"\n", "x,1,\"\n#\"\"\"\n# it's \"\r\nE,2,#\"\"\n"),
        ] {
            for chunk in [1, 3, 1000] {
                assert_eq!(marked(text, Some(b'#'), chunk), expected, "{text:?} by {chunk}");
            }
        }
    }

    #[test]
    fn marks_become_empty_texts() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some(EMPTY), None, Some("x")]));
        let batch = restored(&RecordBatch::try_from_iter([("a", texts)]).unwrap()).unwrap();
        assert_eq!(batch.column(0).as_string::<i32>(), &StringArray::from(vec![Some(""), None, Some("x")]));
    }
}
