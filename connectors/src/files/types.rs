//! Types by name, as the option `types` gives them.

use arrow::datatypes::{DataType, TimeUnit};
use gradframe_ml_core::{Error, Result};

/// `{'column': 'type'}` as types.
pub(super) fn parse_all(function: &str, named: Vec<(String, String)>) -> Result<Vec<(String, DataType)>> {
    named.into_iter().map(|(column, name)| Ok((column, parse(function, &name)?))).collect()
}

/// A type by its name in SQL, or by Arrow's. Errors: `Plan` for an unknown name.
fn parse(function: &str, name: &str) -> Result<DataType> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "boolean" | "bool" => DataType::Boolean,
        "tinyint" | "int8" => DataType::Int8,
        "smallint" | "int16" => DataType::Int16,
        "integer" | "int" | "int32" => DataType::Int32,
        "bigint" | "int64" => DataType::Int64,
        "uint8" => DataType::UInt8,
        "uint16" => DataType::UInt16,
        "uint32" => DataType::UInt32,
        "uint64" => DataType::UInt64,
        "real" | "float" | "float32" => DataType::Float32,
        "double" | "float64" => DataType::Float64,
        "varchar" | "text" | "string" | "utf8" | "str" => DataType::Utf8,
        "date" | "date32" => DataType::Date32,
        "timestamp" | "datetime" => DataType::Timestamp(TimeUnit::Microsecond, None),
        _ => name.parse().map_err(|e| {
            let error = Error::plan(function, format!("option `types`: unknown type `{name}`")).because(e);
            error.hint(
                "types are BOOLEAN, BIGINT, DOUBLE, VARCHAR, DATE, TIMESTAMP ... and Arrow's names, as in Decimal128(10, 2)",
            )
        })?,
    })
}
