//! Texts as values: spaces trimmed, null values made null, the rest cast.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;

use super::empty::EMPTY;
use super::options::ReadOptions;

/// What is done to batches after they are read, where Arrow's reader does not do it itself.
#[derive(Debug, Clone)]
pub(super) struct Conversion {
    trim: bool,
    nulls: Vec<String>,
}

impl Conversion {
    /// None if there is nothing to do.
    pub(super) fn of(options: &ReadOptions) -> Option<Self> {
        (options.trim || !options.nulls.is_empty()).then(|| Conversion { trim: options.trim, nulls: options.nulls.clone() })
    }

    /// The schema to read with: all texts.
    pub(super) fn texts(schema: &Schema) -> SchemaRef {
        Arc::new(Schema::new(
            schema.fields().iter().map(|field| Field::new(field.name(), DataType::Utf8, true)).collect::<Vec<_>>(),
        ))
    }

    /// A batch of texts as a batch of `schema`. Errors: a value that does not fit its column.
    pub(super) fn apply(&self, texts: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
        let columns = texts.columns().iter().zip(schema.fields());
        let columns =
            columns.map(|(texts, field)| self.column(texts.as_string(), field.data_type())).collect::<Result<_, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(texts.num_rows()));
        RecordBatch::try_new_with_options(schema.clone(), columns, &options)
    }

    fn column(&self, texts: &StringArray, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
        let texts: StringArray = texts.iter().map(|text| self.value(text?)).collect();
        match data_type {
            DataType::Utf8 => Ok(Arc::new(texts)),
            other => cast_with_options(&texts, other, &CastOptions { safe: false, ..Default::default() }),
        }
    }

    fn value<'a>(&self, text: &'a str) -> Option<&'a str> {
        if text == EMPTY {
            return Some(text);
        }
        let text = if self.trim { text.trim() } else { text };
        (!text.is_empty() && !self.nulls.iter().any(|null| null == text)).then_some(text)
    }
}
