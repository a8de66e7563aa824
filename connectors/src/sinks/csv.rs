//! CSV that tells an empty text, `""`, from a null, which is nothing between two delimiters.
//!
//! Arrow's writer writes both as nothing, and in a file of one column both as `""`. Where a batch has some of them they are written as a mark
//! that nothing else in the batch is, which then gives way to what is meant. So do nulls, and texts of digits, where what is no number is
//! quoted.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, Scalar, StringArray};
use arrow::compute::cast;
use arrow::compute::kernels::cmp::eq;
use arrow::compute::kernels::zip::zip;
use arrow::csv::{QuoteStyle, WriterBuilder};
use arrow::datatypes::{DataType, Field, Schema};
use bytes::Bytes;
use datafusion::error::Result;
use datafusion_datasource::write::BatchSerializer;
use memchr::memmem;

use super::csv_style::CsvStyle;

/// The serializer in the place of Arrow's.
#[derive(Debug)]
pub(super) struct CsvSerializer {
    pub(super) builder: WriterBuilder,
    pub(super) style: CsvStyle,
}

impl BatchSerializer for CsvSerializer {
    fn serialize(&self, batch: RecordBatch, initial: bool) -> Result<Bytes> {
        let builder = self.style.lines_ended(self.builder.clone().with_header(self.builder.header() && initial));
        let types = batch.schema();
        let batch = self.style.floats_written(batch)?;
        let bytes = match builder.quote_style() {
            QuoteStyle::Necessary => with_empty_texts(builder, &batch),
            QuoteStyle::NonNumeric => with_bare_nulls(builder, &batch, &types),
            _ => written(builder, &batch),
        }?;
        Ok(Bytes::from(if initial { self.style.begun(bytes) } else { bytes }))
    }
}

/// Empty texts are quoted, and nulls are not.
fn with_empty_texts(builder: WriterBuilder, batch: &RecordBatch) -> Result<Vec<u8>> {
    let empty = empty_texts(batch)?;
    let lone_nulls = if batch.num_columns() == 1 && builder.null().is_empty() { batch.column(0).logical_null_count() } else { 0 };
    let empties = empty.iter().flatten().map(|mask| mask.true_count()).sum::<usize>();
    if empties == 0 && lone_nulls == 0 {
        return written(builder, batch);
    }
    let quotes = [builder.quote(); 2];
    let mut attempt = 0;
    loop {
        let (empty_mark, null_mark) = (mark(attempt, 'e'), mark(attempt, 'n'));
        let builder = if lone_nulls == 0 { builder.clone() } else { builder.clone().with_null(null_mark.clone()) };
        let bytes = written(builder, &marked(batch, &empty, &empty_mark)?)?;
        let (bytes, empties_found) = replaced(&bytes, empty_mark.as_bytes(), &quotes);
        let (bytes, nulls_found) = replaced(&bytes, null_mark.as_bytes(), b"");
        // More of them than were put there: some stood in the texts.
        if empties_found == empties && nulls_found == lone_nulls {
            return Ok(bytes);
        }
        attempt += 1;
    }
}

/// All but numbers and nulls is quoted: texts that read as numbers, too, but not floats that were written as texts.
fn with_bare_nulls(builder: WriterBuilder, batch: &RecordBatch, types: &Schema) -> Result<Vec<u8>> {
    let nulls: usize = batch.columns().iter().map(|column| column.logical_null_count()).sum();
    let mut attempt = 0;
    loop {
        let (null_mark, text_mark) = (mark(attempt, 'n'), mark(attempt, 't'));
        let (texts, numerals) = no_numerals(batch, types, &text_mark)?;
        let bytes = written(builder.clone().with_null(null_mark.clone()), &texts)?;
        let quote = char::from(builder.quote());
        let (bytes, nulls_found) = replaced(&bytes, format!("{quote}{null_mark}{quote}").as_bytes(), builder.null().as_bytes());
        let (bytes, numerals_found) = replaced(&bytes, text_mark.as_bytes(), b"");
        if nulls_found == nulls && numerals_found == numerals {
            return Ok(bytes);
        }
        attempt += 1;
    }
}

fn mark(attempt: usize, of: char) -> String {
    format!("\u{E000}{attempt}{of}\u{E001}")
}

/// The batch with a mark before each text that reads as a number, and how many those are.
fn no_numerals(batch: &RecordBatch, types: &Schema, mark: &str) -> Result<(RecordBatch, usize)> {
    let mut count = 0;
    let columns = batch.columns().iter().zip(types.fields()).map(|(column, field)| {
        let texts = if field.data_type().is_floating() { None } else { as_texts(column)? };
        let Some(texts) = texts else { return Ok(Arc::clone(column)) };
        let texts = cast(&texts, &DataType::Utf8)?;
        let marked = texts.as_string::<i32>().iter().map(|text| {
            let text = text?;
            let is_numeral = text.parse::<f64>().is_ok();
            count += usize::from(is_numeral);
            Some(if is_numeral { format!("{mark}{text}") } else { text.to_owned() })
        });
        Ok(Arc::new(marked.collect::<StringArray>()) as ArrayRef)
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    Ok((of_columns(batch, columns)?, count))
}

/// The batch with other columns of its names.
pub(super) fn of_columns(batch: &RecordBatch, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
    let schema = batch.schema();
    let fields = schema.fields().iter().zip(&columns);
    let fields: Vec<Field> =
        fields.map(|(field, column)| field.as_ref().clone().with_data_type(column.data_type().clone())).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?)
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
    let columns = batch.columns().iter().zip(empty).map(|(column, mask)| match (mask, as_texts(column)?) {
        (Some(mask), Some(texts)) => Ok(zip(mask, &one(mark, texts.data_type())?, &texts)?),
        _ => Ok(Arc::clone(column)),
    });
    of_columns(batch, columns.collect::<Result<_>>()?)
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
        written_by(WriterBuilder::new(), batch)
    }

    fn written_by(builder: WriterBuilder, batch: &RecordBatch) -> String {
        let serializer = CsvSerializer { builder, style: CsvStyle::default() };
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

    #[test]
    fn what_is_no_number_is_quoted_but_for_nulls() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("12"), Some("x"), None, Some("\u{E000}0n\u{E001}")]));
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3), Some(4)]));
        let batch = RecordBatch::try_from_iter([("a", texts), ("b", numbers)]).unwrap();
        let builder = WriterBuilder::new().with_quote_style(QuoteStyle::NonNumeric);
        let expected = "\"a\",\"b\"\n\"12\",1\n\"x\",\n,3\n\"\u{E000}0n\u{E001}\",4\n";
        assert_eq!(written_by(builder.clone(), &batch), expected);
        assert_eq!(written_by(builder.with_null("7".into()), &batch).lines().nth(2), Some("\"x\",7"));
    }
}
