//! How a CSV file is written, and readers that follow it.

use std::io::{BufRead, BufReader, Read};

use arrow::datatypes::SchemaRef;
use datafusion::common::parsers::CompressionTypeVariant;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use gradframe_ml_core::Result;

use crate::files::compression;

/// A byte that UTF-8 never has, so that nothing is quoted by it.
const NO_QUOTE: u8 = 0xff;

/// How files are written. Lines end with `\n`, `\r\n` or `\r`; values in quotes may hold line ends.
#[derive(Debug, Clone)]
pub(super) struct Dialect {
    /// Whether the first record names the columns; None until a sample settles it.
    pub(super) header: Option<bool>,
    /// None until the ending settles it.
    pub(super) delimiter: Option<u8>,
    /// None: quotes are ordinary characters. Within quotes, two of them mean one.
    pub(super) quote: Option<u8>,
    /// A character that makes the next one ordinary.
    pub(super) escape: Option<u8>,
    /// Lines that begin with it are left out.
    pub(super) comment: Option<u8>,
    /// Lines to leave out before anything else.
    pub(super) skip: usize,
    /// None: the ending decides, file by file.
    pub(super) compression: Option<CompressionTypeVariant>,
}

impl Dialect {
    /// Where no delimiter is given, that of the paths' ending: a tabulator for `.tsv`.
    pub(super) fn fit_ending(&mut self, paths: &[String]) {
        let tabs = paths.iter().any(|path| path.to_ascii_lowercase().contains(".tsv"));
        self.delimiter.get_or_insert(if tabs { b'\t' } else { b',' });
    }

    pub(super) fn has_header(&self) -> bool {
        self.header.unwrap_or(true)
    }

    /// How a file of this name is compressed.
    pub(super) fn compression(&self, name: &str) -> FileCompressionType {
        FileCompressionType::from(self.compression.unwrap_or_else(|| compression::of_ending(name)))
    }

    /// The bytes after the lines to skip.
    pub(super) fn after_skipped<R: Read>(&self, reader: R) -> std::io::Result<BufReader<R>> {
        let mut reader = BufReader::with_capacity(1 << 16, reader);
        for _ in 0..self.skip {
            reader.skip_until(b'\n')?;
        }
        Ok(reader)
    }

    /// Records one by one, the header among them; rows of any length.
    pub(super) fn records<R: Read>(&self, reader: R) -> Result<csv::Reader<BufReader<R>>, std::io::Error> {
        let mut builder = csv::ReaderBuilder::new();
        builder.has_headers(false).flexible(true).delimiter(self.delimiter.unwrap_or(b','));
        builder.quote(self.quote.unwrap_or(NO_QUOTE)).quoting(self.quote.is_some()).escape(self.escape).comment(self.comment);
        Ok(builder.from_reader(self.after_skipped(reader)?))
    }

    /// The builder of Arrow's reader: whole batches.
    pub(super) fn batches(&self, schema: SchemaRef) -> arrow::csv::ReaderBuilder {
        let mut builder = arrow::csv::ReaderBuilder::new(schema)
            .with_header(self.has_header())
            .with_delimiter(self.delimiter.unwrap_or(b','))
            .with_quote(self.quote.unwrap_or(NO_QUOTE));
        if let Some(escape) = self.escape {
            builder = builder.with_escape(escape);
        }
        if let Some(comment) = self.comment {
            builder = builder.with_comment(comment);
        }
        builder
    }

    /// The line of the file on which a record of [`Dialect::records`] begins, from 1.
    pub(super) fn line(&self, record: &csv::ByteRecord) -> u64 {
        record.position().map_or(0, csv::Position::line) + self.skip as u64
    }
}
