//! JSON in texts: `json_decode` into a type, `json_path_match` for the value at a path.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::json::ReaderBuilder;
use datafusion::common::Result;
use serde::de::IgnoredAny;

use super::views::written;
use crate::functions::frame::arguments::{Batch, Call, Takes};
use crate::functions::frame::function::Row;
use crate::functions::frame::string::json_path::{Path, value_text};

use Takes::{Constant, Text, Word};

pub(super) const ROWS: &[Row] = &[
    Row::new("str.json_decode", &[Text, Constant], |call| Ok(call.data_type(1).clone()), json_decode),
    Row::new("str.json_path_match", &[Text, Word], path_type, json_path_match),
];

/// Each text becomes the only field of an object, one a line, which arrow's reader takes.
fn json_decode(batch: &Batch) -> Result<ArrayRef> {
    let texts = batch.texts(0)?;
    let field = Field::new("v", batch.returns.clone(), true);
    let schema = Arc::new(Schema::new(vec![field]));
    let mut reader = ReaderBuilder::new(schema).with_batch_size(batch.rows.max(1)).build_decoder()?;
    let mut line = String::new();
    for row in 0..batch.rows {
        let text = texts.get(row).unwrap_or("null");
        if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
            return batch.bad_value(format!("`{text}` is not JSON: {error}"), "json_path_match gives null for it");
        }
        line.clear();
        line.extend(["{\"v\":", text, "}\n"]);
        reader.decode(line.as_bytes())?;
    }
    match reader.flush()? {
        Some(read) => Ok(cast(read.column(0), batch.returns)?),
        None => Ok(arrow::array::new_empty_array(batch.returns)),
    }
}

fn path_type(call: &Call) -> Result<DataType> {
    let path = call.word(1).unwrap_or_default();
    match Path::parse(path) {
        Ok(_) => Ok(DataType::Utf8View),
        Err(reason) => call.wrong(format!("`{path}` is no JSON path: {reason}")),
    }
}

/// Null where the text is not JSON, has nothing at the path, or null there.
fn json_path_match(batch: &Batch) -> Result<ArrayRef> {
    let texts = batch.texts(0)?;
    let path = Path::parse(batch.word(1).unwrap_or_default()).unwrap_or_default();
    written(&texts, batch.rows, |_, text, out| {
        if serde_json::from_str::<IgnoredAny>(text).is_err() {
            return Ok(false);
        }
        Ok(path.first_in(text).is_some_and(|found| value_text(found, out)))
    })
}
