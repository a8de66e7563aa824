//! Reading JSON files.

use std::io::BufRead;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::ReaderBuilder;
use arrow::json::reader::Decoder;
use async_trait::async_trait;
use datafusion::error::Result as DataFusionResult;
use futures::StreamExt;
use gradframe_ml_core::{Error, Result};

use super::FUNCTION;
use super::check;
use super::kind::is_json;
use super::options::ReadOptions;
use super::records::Records;
use super::sample;
use crate::files::error::external;
use crate::files::selection::FoundFile;
use crate::files::source::{Batches, FileToRead, ReadFile, Wanted};

/// A batch is made early when its objects have taken this much.
const BATCH_BYTES_MAX: usize = 16 << 20;

/// Reads JSON as the options say.
#[derive(Debug)]
pub(super) struct NdjsonReader(pub(super) Arc<ReadOptions>);

#[async_trait]
impl ReadFile for NdjsonReader {
    fn file_type(&self) -> &'static str {
        "json"
    }

    fn explain(&self) -> String {
        String::new()
    }

    async fn read(&self, file: FileToRead, wanted: Wanted) -> DataFusionResult<Batches> {
        let found = FoundFile { name: file.name, meta: file.meta };
        let text = sample::open(&file.store, &found, &self.0).await?;
        let reading = Reading::new(Records::new(text, &found.name), wanted).map_err(external)?;
        Ok(futures::stream::iter(reading.map(|batch| batch.map_err(external))).boxed())
    }
}

/// One file being read.
struct Reading {
    records: Records<Box<dyn BufRead + Send>>,
    wanted: Wanted,
    decoder: Decoder,
    /// Wanted columns that hold JSON text.
    json_columns: Vec<String>,
    /// The objects of the batch being made.
    text: Vec<u8>,
    /// Their places in it, with their lines.
    places: Vec<(u64, Range<usize>)>,
    done: bool,
}

impl Reading {
    fn new(records: Records<Box<dyn BufRead + Send>>, wanted: Wanted) -> Result<Self> {
        let decoder = decoder(&wanted.output, wanted.batch_rows)?;
        let json_columns = wanted.output.fields().iter().filter(|field| is_json(field)).map(|field| field.name().clone());
        let json_columns = json_columns.collect();
        Ok(Reading { records, wanted, decoder, json_columns, text: Vec::new(), places: Vec::new(), done: false })
    }

    fn batch(&mut self) -> Result<Option<RecordBatch>> {
        self.text.clear();
        self.places.clear();
        while self.places.len() < self.wanted.batch_rows && self.text.len() < BATCH_BYTES_MAX {
            if !self.add_record()? {
                break;
            }
        }
        match self.places.len() {
            0 => Ok(None),
            rows if self.wanted.output.fields().is_empty() => self.rows_alone(rows).map(Some),
            _ => decode(&mut self.decoder, &self.text).map_err(|e| self.explain(e)).map(Some),
        }
    }

    /// Reads and checks one object; false at the end.
    fn add_record(&mut self) -> Result<bool> {
        let start = self.text.len();
        let Some(line) = self.records.next(&mut self.text)? else { return Ok(false) };
        let record = &self.text[start..];
        let text = check::utf8(record).map_err(|e| self.records.error(line, "not UTF-8").because(e))?;
        if !text.trim_start().starts_with('{') {
            // What is no JSON at all is said to be so, before it is said to be no object.
            serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|e| check::syntax_error(&self.records, line, &e))?;
            return Err(check::no_object(&self.records, line, text));
        }
        check::check(text, self.wanted.table.fields()).map_err(|e| check::syntax_error(&self.records, line, &e))?;
        if !self.json_columns.is_empty() {
            let rewritten = with_json_text(text, &self.json_columns);
            let rewritten = rewritten.map_err(|e| check::syntax_error(&self.records, line, &e))?;
            self.text.truncate(start);
            self.text.extend_from_slice(rewritten.as_bytes());
        }
        self.text.push(b'\n');
        self.places.push((line, start..self.text.len()));
        Ok(true)
    }

    fn rows_alone(&self, rows: usize) -> Result<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(self.wanted.output.clone(), vec![], &options);
        batch.map_err(|e| Error::internal(FUNCTION, e.to_string()))
    }

    /// The error with its line and column: the objects are decoded once more, one by one.
    fn explain(&self, error: ArrowError) -> Error {
        let alone = |schema: &SchemaRef, place: &Range<usize>| {
            decoder(schema, 1).is_ok_and(|mut decoder| decode(&mut decoder, &self.text[place.clone()]).is_err())
        };
        let Some((line, place)) = self.places.iter().find(|(_, place)| alone(&self.wanted.output, place)) else {
            return Error::execution(FUNCTION, error.to_string()).because(error);
        };
        let columns = self.wanted.output.fields().iter();
        let culprit = columns.map(|field| Arc::new(Schema::new(vec![field.clone()]))).find(|schema| alone(schema, place));
        let Some(culprit) = culprit else { return self.records.error(*line, &error).because(error) };
        let field = culprit.field(0);
        let object: Option<serde_json::Value> = serde_json::from_slice(&self.text[place.clone()]).ok();
        let value = object.and_then(|object| object.get(field.name()).map(ToString::to_string)).unwrap_or_default();
        let what = format!("column `{}` is {}, got {}", field.name(), field.data_type(), check::shortened(&value));
        self.records.error(*line, what).hint(format!("types => {{'{}': 'VARCHAR'}}", field.name())).because(error)
    }
}

impl Iterator for Reading {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let batch = self.batch().transpose();
        self.done = !matches!(batch, Some(Ok(_)));
        batch
    }
}

fn decoder(schema: &SchemaRef, rows: usize) -> Result<Decoder> {
    let builder = ReaderBuilder::new(schema.clone()).with_batch_size(rows).with_coerce_primitive(true);
    builder.build_decoder().map_err(|e| match e {
        ArrowError::NotYetImplemented(what) => Error::not_implemented(FUNCTION, what),
        e => Error::plan(FUNCTION, e.to_string()).because(e),
    })
}

/// All objects of a text as one batch.
fn decode(decoder: &mut Decoder, text: &[u8]) -> Result<RecordBatch, ArrowError> {
    let decoded = decoder.decode(text)?;
    let batch = decoder.flush()?;
    // The decoder stops at its batch size; only blanks may be left then.
    let rest = text[decoded..].trim_ascii();
    batch.filter(|_| rest.is_empty()).ok_or_else(|| ArrowError::JsonError("an object is not whole".into()))
}

/// The object with the values of these keys as texts of themselves.
fn with_json_text(object: &str, keys: &[String]) -> Result<String, serde_json::Error> {
    let mut object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(object)?;
    for (_, value) in object.iter_mut().filter(|(key, value)| keys.contains(key) && !value.is_null()) {
        *value = serde_json::Value::String(value.to_string());
    }
    serde_json::to_string(&object)
}
