//! CSV that tells an empty text, `""`, from a null, which is nothing between two delimiters.
//!
//! Arrow's writer writes both as nothing, and in a file of one column both as `""`. Where a batch has some of them they are written as a mark
//! that nothing else in the batch is, which then gives way to what is meant.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, Scalar, StringArray};
use arrow::compute::cast;
use arrow::compute::kernels::cmp::eq;
use arrow::compute::kernels::zip::zip;
use arrow::csv::{QuoteStyle, WriterBuilder};
use arrow::datatypes::{DataType, Field, Schema};
use bytes::Bytes;
use datafusion::error::Result;
use datafusion_datasource::write::BatchSerializer;
use memchr::memmem;

/// The serializer in the place of Arrow's.
#[derive(Debug)]
pub(super) struct CsvSerializer {
    pub(super) builder: WriterBuilder,
}

impl BatchSerializer for CsvSerializer {
    fn serialize(&self, batch: RecordBatch, initial: bool) -> Result<Bytes> {
        let builder = self.builder.clone().with_header(self.builder.header() && initial);
        if !matches!(builder.quote_style(), QuoteStyle::Necessary) {
            return written(builder, &batch).map(Bytes::from);
        }
        let empty = empty_texts(&batch)?;
        let lone_nulls =
            if batch.num_columns() == 1 && builder.null().is_empty() { batch.column(0).logical_null_count() } else { 0 };
        let empties = empty.iter().flatten().map(|mask| mask.true_count()).sum::<usize>();
        if empties == 0 && lone_nulls == 0 {
            return written(builder, &batch).map(Bytes::from);
        }
        let quotes = [builder.quote(); 2];
        let mut attempt = 0;
        loop {
            let (empty_mark, null_mark) = (format!("\u{E000}{attempt}e\u{E001}"), format!("\u{E000}{attempt}n\u{E001}"));
            let builder = if lone_nulls == 0 { builder.clone() } else { builder.clone().with_null(null_mark.clone()) };
            let bytes = written(builder, &marked(&batch, &empty, &empty_mark)?)?;
            let (bytes, empties_found) = replaced(&bytes, empty_mark.as_bytes(), &quotes);
            let (bytes, nulls_found) = replaced(&bytes, null_mark.as_bytes(), b"");
            // More of them than were put there: some stood in the texts.
            if empties_found == empties && nulls_found == lone_nulls {
                return Ok(Bytes::from(bytes));
            }
            attempt += 1;
        }
    }
}

fn written(builder: WriterBuilder, batch: &RecordBatch) -> Result<Vec<u8>> {
    let mut buffer = Vec::with_capacity(4096);
    let mut writer = builder.build(&mut buffer);
    writer.write(batch)?;
    drop(writer);
    Ok(buffer)
}

type Mask = arrow::array::BooleanArray;

/// Where each column of texts is empty; None of a column that never is.
fn empty_texts(batch: &RecordBatch) -> Result<Vec<Option<Mask>>> {
    let of_column = |column: &ArrayRef| {
        let Some(texts) = as_texts(column)? else { return Ok(None) };
        let mask = eq(&texts, &one("", texts.data_type())?)?;
        Ok((mask.true_count() > 0).then_some(mask))
    };
    batch.columns().iter().map(of_column).collect()
}

/// The column if it is of texts, without a dictionary.
fn as_texts(column: &ArrayRef) -> Result<Option<ArrayRef>> {
    Ok(match column.data_type() {
        own if own.is_string() => Some(Arc::clone(column)),
        DataType::Dictionary(_, values) if values.is_string() => Some(cast(column, values)?),
        _ => None,
    })
}

fn one(text: &str, data_type: &DataType) -> Result<Scalar<ArrayRef>> {
    Ok(Scalar::new(cast(&StringArray::from(vec![text]), data_type)?))
}

/// The batch with a mark in the place of empty texts.
fn marked(batch: &RecordBatch, empty: &[Option<Mask>], mark: &str) -> Result<RecordBatch> {
    let mut fields: Vec<Field> = vec![];
    let mut columns = vec![];
    for ((column, field), mask) in batch.columns().iter().zip(batch.schema().fields()).zip(empty) {
        let column = match (mask, as_texts(column)?) {
            (Some(mask), Some(texts)) => zip(mask, &one(mark, texts.data_type())?, &texts)?,
            _ => Arc::clone(column),
        };
        fields.push(field.as_ref().clone().with_data_type(column.data_type().clone()));
        columns.push(column);
    }
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

/// The bytes with others in the place of a mark, and how often it was there.
fn replaced(bytes: &[u8], mark: &[u8], with: &[u8]) -> (Vec<u8>, usize) {
    let mut made = Vec::with_capacity(bytes.len());
    let (mut from, mut count) = (0, 0);
    for at in memmem::find_iter(bytes, mark) {
        made.extend_from_slice(&bytes[from..at]);
        made.extend_from_slice(with);
        from = at + mark.len();
        count += 1;
    }
    made.extend_from_slice(&bytes[from..]);
    (made, count)
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;

    use super::*;

    fn text(batch: &RecordBatch) -> String {
        let serializer = CsvSerializer { builder: WriterBuilder::new() };
        String::from_utf8(serializer.serialize(batch.clone(), true).unwrap().to_vec()).unwrap()
    }

    #[test]
    fn empty_texts_are_quoted_and_nulls_are_nothing() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("x"), Some(""), None, Some("\u{E000}0e\u{E001}")]));
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(2), None, Some(4)]));
        let batch = RecordBatch::try_from_iter([("a", Arc::clone(&texts)), ("b", numbers)]).unwrap();
        assert_eq!(text(&batch), "a,b\nx,1\n\"\",2\n,\n\u{E000}0e\u{E001},4\n");
        let alone = RecordBatch::try_from_iter([("a", texts)]).unwrap();
        assert_eq!(text(&alone), "a\nx\n\"\"\n\n\u{E000}0e\u{E001}\n");
    }
}
