//! Reading CSV files.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use async_trait::async_trait;
use bytes::Bytes;
use datafusion::datasource::file_format::csv::CsvDecoder;
use datafusion::error::{DataFusionError, Result};
use datafusion_datasource::decoder::{DecoderDeserializer, deserialize_stream};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use gradframe_ml_core::Error;
use object_store::{GetResultPayload, ObjectStoreExt};

use super::FUNCTION;
use super::blank::BlankLines;
use super::convert::Conversion;
use super::empty::{EmptyTexts, restored};
use super::options::ReadOptions;
use super::quotes::{self, QuoteCounter};
use super::{diagnose, sample};
use crate::files::error::external;
use crate::files::fit::fit;
use crate::files::selection::FoundFile;
use crate::files::source::{Batches, FileToRead, ReadFile, Wanted};

/// Reads CSV as the options say.
#[derive(Debug)]
pub(super) struct CsvReader(pub(super) Arc<ReadOptions>);

#[async_trait]
impl ReadFile for CsvReader {
    fn file_type(&self) -> &'static str {
        "csv"
    }

    fn explain(&self) -> String {
        format!(", has_header={}", self.0.dialect.has_header())
    }

    async fn read(&self, file: FileToRead, wanted: Wanted) -> Result<Batches> {
        let found = FoundFile { name: file.name.clone(), meta: file.meta.clone() };
        let header = sample::read(&file.store, &found, &self.0, 0).await.map_err(external)?;
        let names = header.names.iter().map(String::as_str);
        let layout = Layout::of(&file.name, names, &wanted, self.0.shared.union.by_name).map_err(external)?;
        let reading = Reading {
            options: self.0.clone(),
            conversion: Conversion::of(&self.0),
            layout,
            wanted,
            name: file.name,
            has_empty: Arc::default(),
        };
        let compression = self.0.dialect.compression(file.meta.location.as_ref());
        match file.store.get(&file.meta.location).await?.payload {
            GetResultPayload::File(file, path) => reading.read_file(compression.convert_read(file)?, &path),
            GetResultPayload::Stream(bytes) => {
                let text = compression.convert_stream(bytes.map_err(DataFusionError::from).boxed())?;
                Ok(reading.read_stream(text))
            }
        }
    }
}

/// Where the wanted columns are in one file.
#[derive(Debug, Clone)]
struct Layout {
    /// All columns of the file, those that the table has with its types.
    file: SchemaRef,
    /// Positions of the wanted ones that are there.
    columns: Vec<usize>,
}

impl Layout {
    /// Errors: `Execution` if the file has got other columns since the table was opened.
    fn of<'a>(file: &str, names: impl Iterator<Item = &'a str>, wanted: &Wanted, by_name: bool) -> Result<Self, Error> {
        let changed = |what: String| {
            Error::execution(FUNCTION, format!("`{file}` {what} since the table was opened")).hint("open the table again")
        };
        // A column that the path gives, or a new one, is not read.
        let unread = |name: &str| Field::new(name, DataType::Utf8, true);
        let of_table = |name: &str| wanted.table.field_with_name(name).cloned().unwrap_or_else(|_| unread(name));
        let fields: Vec<FieldRef> = names.map(|name| Arc::new(of_table(name))).collect();
        let here = |name: &str| fields.iter().any(|field| field.name() == name);
        if let Some(lost) = wanted.table.fields().iter().find(|field| !by_name && !here(field.name())) {
            return Err(changed(format!("has lost the column `{}`", lost.name())));
        }
        let is_wanted = |field: &FieldRef| wanted.output.field_with_name(field.name()).is_ok();
        let columns = (0..fields.len()).filter(|&i| is_wanted(&fields[i])).collect();
        Ok(Layout { file: Arc::new(Schema::new(fields)), columns })
    }
}

/// One file being read.
#[derive(Debug, Clone)]
struct Reading {
    options: Arc<ReadOptions>,
    conversion: Option<Conversion>,
    layout: Layout,
    wanted: Wanted,
    name: String,
    /// Whether empty texts in quotes were met.
    has_empty: Arc<AtomicBool>,
}

impl Reading {
    fn builder(&self) -> arrow::csv::ReaderBuilder {
        let schema = match self.conversion {
            Some(_) => Conversion::texts(&self.layout.file),
            None => self.layout.file.clone(),
        };
        let columns = self.layout.columns.clone();
        self.options.dialect.batches(schema).with_projection(columns).with_batch_size(self.wanted.batch_rows)
    }

    /// In columns of texts that are wanted.
    fn empty_texts(&self) -> Option<EmptyTexts> {
        EmptyTexts::of(&self.options.dialect, &self.layout.file, &self.has_empty)
    }

    /// In a file of one column they are rows.
    fn blank_lines(&self) -> Option<BlankLines> {
        if self.layout.file.fields().len() == 1 { BlankLines::of(&self.options.dialect) } else { None }
    }

    fn finish(&self, batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
        let batch = match &self.conversion {
            Some(conversion) => conversion.apply(&batch, &Arc::new(self.layout.file.project(&self.layout.columns)?))?,
            None => batch,
        };
        let batch = if self.has_empty.load(Ordering::Relaxed) { restored(&batch)? } else { batch };
        fit(&batch, &self.wanted.output)
    }

    /// A file on disk, read by blocking calls: the page cache is as fast as anything.
    fn read_file(self, text: Box<dyn Read + Send>, path: &Path) -> Result<Batches> {
        let name = &self.name;
        let unreadable = |e: std::io::Error| external(Error::external(FUNCTION, format!("cannot read `{name}`: {e}")).because(e));
        let (text, quotes) = QuoteCounter::new(text, self.options.dialect.quote);
        let text = self.options.dialect.after_skipped(text).map_err(unreadable)?;
        let text: Box<dyn BufRead + Send> = match self.empty_texts() {
            Some(fields) => Box::new(BufReader::with_capacity(1 << 16, fields.over(text))),
            None => Box::new(text),
        };
        let text: Box<dyn BufRead + Send> = match self.blank_lines() {
            Some(lines) => Box::new(BufReader::new(lines.over(text))),
            None => text,
        };
        let batches = self.builder().build_buffered(text)?;
        let path = path.to_path_buf();
        let at_end = (self.clone(), path.clone());
        let at_end = std::iter::once_with(move || at_end.0.unclosed_quote(&at_end.1, quotes.load(Ordering::Relaxed)));
        let batches = batches.map(move |batch| batch.and_then(|batch| self.finish(batch)).map_err(|e| self.explain(&path, e)));
        Ok(futures::stream::iter(batches.chain(at_end.flatten().map(Err))).boxed())
    }

    /// The error of a quote that is open at the end of the file, in which there are so many quotes.
    fn unclosed_quote(&self, path: &Path, quotes: usize) -> Option<DataFusionError> {
        if quotes.is_multiple_of(2) && self.options.dialect.escape.is_none() {
            return None;
        }
        let text = self.again(path)?;
        let line = quotes::unclosed(text, &self.options.dialect)?;
        let what = format!("`{}`, line {line}: a quote is opened here and never closed", self.name);
        Some(external(Error::execution(FUNCTION, what).hint("quote => '' reads quotes as ordinary characters")))
    }

    /// The file's text from its beginning.
    fn again(&self, path: &Path) -> Option<Box<dyn Read + Send>> {
        let compression = self.options.dialect.compression(&self.name);
        std::fs::File::open(path).ok().and_then(|file| compression.convert_read(file).ok())
    }

    /// A file in a remote store.
    fn read_stream(self, text: BoxStream<'static, Result<Bytes>>) -> Batches {
        let text = skip_lines(text, self.options.dialect.skip);
        let text = match self.empty_texts() {
            Some(fields) => mark_empty_texts(text, fields),
            None => text,
        };
        let text = match self.blank_lines() {
            Some(lines) => fill_blank_lines(text, lines),
            None => text,
        };
        let text = text.fuse();
        let batches = deserialize_stream(text, DecoderDeserializer::new(CsvDecoder::new(self.builder().build_decoder())));
        let name = self.name.clone();
        let named = move |e: ArrowError| external(Error::execution(FUNCTION, format!("`{name}`: {e}")).because(e));
        batches.map(move |batch| batch.and_then(|batch| self.finish(batch)).map_err(&named)).boxed()
    }

    /// The error with file and line. Arrow counts records; people count lines.
    fn explain(&self, path: &Path, error: ArrowError) -> DataFusionError {
        let name = &self.name;
        let found = self.again(path).and_then(|text| diagnose::first_error(text, name, &self.options, &self.layout.file));
        external(found.unwrap_or_else(|| Error::execution(FUNCTION, format!("`{name}`: {error}")).because(error)))
    }
}

/// The bytes after the first `count` lines.
fn skip_lines(text: BoxStream<'static, Result<Bytes>>, mut count: usize) -> BoxStream<'static, Result<Bytes>> {
    let skip = move |mut chunk: Bytes| {
        while count > 0 {
            let Some(end) = chunk.iter().position(|&byte| byte == b'\n') else { return Bytes::new() };
            let _ = chunk.split_to(end + 1);
            count -= 1;
        }
        chunk
    };
    text.map_ok(skip).boxed()
}

fn fill_blank_lines(text: BoxStream<'static, Result<Bytes>>, mut lines: BlankLines) -> BoxStream<'static, Result<Bytes>> {
    let fill = move |chunk: Bytes| {
        let mut filled = Vec::with_capacity(chunk.len());
        lines.fill(&chunk, &mut filled);
        Bytes::from(filled)
    };
    text.map_ok(fill).boxed()
}

fn mark_empty_texts(text: BoxStream<'static, Result<Bytes>>, fields: EmptyTexts) -> BoxStream<'static, Result<Bytes>> {
    let whole = text.map(Some).chain(futures::stream::iter([None]));
    let mark = |fields: &mut EmptyTexts, chunk: Option<Result<Bytes>>| {
        let mut marked = vec![];
        let marked = match chunk {
            Some(Ok(chunk)) => {
                fields.fill(&chunk, &mut marked);
                Ok(Bytes::from(marked))
            }
            Some(Err(error)) => Err(error),
            None => {
                fields.finish(&mut marked);
                Ok(Bytes::from(marked))
            }
        };
        futures::future::ready(Some(marked))
    };
    whole.scan(fields, mark).boxed()
}
