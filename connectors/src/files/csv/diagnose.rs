//! Where a CSV file is wrong: after a scan has failed, the file is read once more, record by record.

use std::io::Read;

use arrow::array::StringArray;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Schema};
use gradframe_ml_core::{Error, Result};

use super::FUNCTION;
use super::options::ReadOptions;

/// The first thing that is wrong in the file, with its line; None if nothing is found.
pub(super) fn first_error(text: Box<dyn Read + Send>, file: &str, options: &ReadOptions, schema: &Schema) -> Option<Error> {
    let mut reader = options.dialect.records(text).ok()?;
    let mut record = csv::ByteRecord::new();
    let mut is_header = options.dialect.has_header();
    while reader.read_byte_record(&mut record).ok()? {
        let line = options.dialect.line(&record);
        let values = match checked(file, line, &record, schema.fields().len()) {
            Ok(values) => values,
            Err(error) => return Some(error),
        };
        if !std::mem::take(&mut is_header)
            && let Some(error) = unfit(file, line, &values, options, schema)
        {
            return Some(error);
        }
    }
    None
}

/// The record's values. Errors: `Execution` naming file and line if there are more or fewer than `expected`, or if
/// they are not UTF-8.
pub(super) fn checked<'a>(file: &str, line: u64, record: &'a csv::ByteRecord, expected: usize) -> Result<Vec<&'a str>> {
    if record.len() != expected {
        let what = format!("`{file}`, line {line}: expected {expected} fields, got {}", record.len());
        return Err(Error::execution(FUNCTION, what));
    }
    let value = |(i, bytes): (usize, &'a [u8])| {
        std::str::from_utf8(bytes).map_err(|e| {
            let what = format!("`{file}`, line {line}, field {}: not UTF-8", i + 1);
            Error::execution(FUNCTION, what).hint("convert the file to UTF-8 first").because(e)
        })
    };
    record.iter().enumerate().map(value).collect()
}

fn unfit(file: &str, line: u64, values: &[&str], options: &ReadOptions, schema: &Schema) -> Option<Error> {
    let mut columns = schema.fields().iter().zip(values);
    let (field, value) = columns.find(|(field, value)| !fits(value, field.data_type(), options))?;
    let what = format!("`{file}`, line {line}: column `{}` is {}, got `{value}`", field.name(), field.data_type());
    let hint = format!("types => {{'{}': 'VARCHAR'}}, or a greater schema_infer_rows, or null_value => '{value}'", field.name());
    Some(Error::execution(FUNCTION, what).hint(hint))
}

fn fits(value: &str, data_type: &DataType, options: &ReadOptions) -> bool {
    let value = if options.trim { value.trim() } else { value };
    let is_null = value.is_empty() || options.nulls.iter().any(|null| null == value);
    match data_type {
        _ if is_null => true,
        DataType::Utf8 => true,
        DataType::Int64 if value.parse::<i64>().is_ok() => true,
        DataType::Float64 if value.parse::<f64>().is_ok() => true,
        other => {
            cast_with_options(&StringArray::from(vec![value]), other, &CastOptions { safe: false, ..Default::default() }).is_ok()
        }
    }
}
