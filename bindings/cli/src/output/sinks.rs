//! The formats of programs: CSV, JSON, Parquet, Arrow.

use std::sync::Arc;

use arrow::csv;
use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::StreamWriter;
use arrow::json::writer::{ArrayWriter, JsonArray, LineDelimited, WriterBuilder};
use arrow::record_batch::RecordBatch;
use gradframe::{Result, require_in_parquet};
use parquet::arrow::ArrowWriter;

use super::json_floats::JsonFloats;
use super::table::{TableSink, TableStyle};
use super::{Out, Sink, written};
use crate::args::Format;

/// A sink of the format asked for. Errors: a type that the format does not take.
pub fn open(schema: SchemaRef, format: Format, table: TableStyle, out: Out) -> Result<Box<dyn Sink>> {
    Ok(match format {
        Format::Table => Box::new(TableSink::new(schema, table, out)),
        Format::Csv => Box::new(csv_sink(&schema, out)?),
        Format::Json => Box::new(json().build::<Out, JsonArray>(out)),
        Format::Parquet => {
            require_in_parquet("output", &schema)?;
            Box::new(ArrowWriter::try_new(out, schema, None).map_err(|error| written(error.into()))?)
        }
        Format::Arrow => Box::new(StreamWriter::try_new(out, &schema).map_err(written)?),
    })
}

fn json() -> WriterBuilder {
    WriterBuilder::new().with_explicit_nulls(true).with_encoder_factory(Arc::new(JsonFloats))
}

/// The rows as JSON, an object a line, without the last line's end.
pub fn json_lines(batch: &RecordBatch) -> Result<String> {
    let mut writer = json().build::<Vec<u8>, LineDelimited>(Vec::new());
    writer.write(batch).and_then(|()| writer.finish()).map_err(written)?;
    Ok(String::from_utf8_lossy(&writer.into_inner()).trim_end().to_owned())
}

/// The header is written at once, so that an empty result still names its columns.
fn csv_sink(schema: &SchemaRef, out: Out) -> Result<csv::Writer<Out>> {
    let mut writer = csv::Writer::new(out);
    writer.write(&RecordBatch::new_empty(schema.clone())).map_err(written)?;
    Ok(writer)
}

impl Sink for csv::Writer<Out> {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        csv::Writer::write(self, batch).map_err(written)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        flush(self.into_inner())
    }
}

impl Sink for ArrayWriter<Out> {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        ArrayWriter::write(self, batch).map_err(written)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        ArrayWriter::finish(&mut self).map_err(written)?;
        let mut out = self.into_inner();
        out.write_all(b"\n").map_err(|error| written(error.into()))?;
        flush(out)
    }
}

impl Sink for ArrowWriter<Out> {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        ArrowWriter::write(self, batch).map_err(|error| written(error.into()))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        flush(self.into_inner().map_err(|error| written(error.into()))?)
    }
}

impl Sink for StreamWriter<Out> {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        StreamWriter::write(self, batch).map_err(written)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        flush(self.into_inner().map_err(written)?)
    }
}

/// Hands over what is buffered.
pub fn flush(mut out: Out) -> Result<()> {
    out.flush().map_err(|error| written(error.into()))
}
