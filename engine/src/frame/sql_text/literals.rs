//! Constants and types as SQL writes them.

use arrow::array::{Array, AsArray};
use arrow::datatypes::DataType;
use arrow::util::display::array_value_to_string;
use datafusion::scalar::ScalarValue;
use gradframe_plan::error::from_datafusion;

use super::no_words;
use crate::Result;

/// A float of so many digits is read as it was written, whatever the parser makes of longer ones.
const DIGITS_MAX: usize = 15;

/// The constant with its type.
pub(super) fn literal(value: &ScalarValue) -> Result<String> {
    Ok(match value {
        ScalarValue::Null => "NULL".to_owned(),
        value if value.is_null() => typed("NULL", &value.data_type()),
        ScalarValue::Boolean(Some(flag)) => if *flag { "TRUE" } else { "FALSE" }.to_owned(),
        ScalarValue::Int64(Some(number)) if *number != i64::MIN => number.to_string(),
        ScalarValue::Float64(Some(number)) => float(*number),
        ScalarValue::Utf8(Some(text)) | ScalarValue::LargeUtf8(Some(text)) | ScalarValue::Utf8View(Some(text)) => quoted(text),
        ScalarValue::Binary(Some(bytes)) | ScalarValue::LargeBinary(Some(bytes)) | ScalarValue::BinaryView(Some(bytes)) => {
            typed(&format!("X'{}'", bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>()), &value.data_type())
        }
        ScalarValue::Dictionary(_, inner) => typed(&literal(inner)?, &value.data_type()),
        ScalarValue::List(_) | ScalarValue::LargeList(_) | ScalarValue::FixedSizeList(_) => list(value)?,
        ScalarValue::Struct(fields) => {
            structure(&fields.columns().iter().map(|c| scalar(c, 0)).collect::<Result<Vec<_>>>()?, fields.column_names())?
        }
        other => of_text(other)?,
    })
}

/// `arrow_cast(value, 'type')`
pub(super) fn typed(value: &str, data_type: &DataType) -> String {
    format!("arrow_cast({value}, {})", quoted(&data_type.to_string()))
}

/// The name that SQL has for the type, if it means exactly this one.
pub(super) fn sql_type(data_type: &DataType) -> Option<&'static str> {
    Some(match data_type {
        DataType::Boolean => "BOOLEAN",
        DataType::Int8 => "TINYINT",
        DataType::Int16 => "SMALLINT",
        DataType::Int32 => "INT",
        DataType::Int64 => "BIGINT",
        DataType::Float32 => "REAL",
        DataType::Float64 => "DOUBLE",
        DataType::Date32 => "DATE",
        _ => return None,
    })
}

/// A text in quotes.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn float(number: f64) -> String {
    let text = format!("{number:?}");
    let is_short = text.chars().filter(char::is_ascii_digit).count() <= DIGITS_MAX;
    if number.is_finite() && is_short && !text.contains('e') { text } else { format!("CAST('{text}' AS DOUBLE)") }
}

/// A value of another type by its text, where that reads back as itself; of a moment else by its number.
fn of_text(value: &ScalarValue) -> Result<String> {
    let data_type = value.data_type();
    let reads_back = |constant: &ScalarValue| constant.cast_to(&data_type).is_ok_and(|read| read == *value);
    let array = value.to_array().map_err(from_datafusion)?;
    if let Ok(number) = value.cast_to(&DataType::Int64)
        && data_type.is_integer()
        && let ScalarValue::Int64(Some(small)) = number
    {
        return Ok(typed(&small.to_string(), &data_type));
    }
    let text = array_value_to_string(&array, 0).unwrap_or_default();
    if reads_back(&ScalarValue::from(text.as_str())) {
        return Ok(typed(&quoted(&text), &data_type));
    }
    match value.cast_to(&DataType::Int64) {
        Ok(number @ ScalarValue::Int64(Some(count))) if reads_back(&number) => Ok(typed(&count.to_string(), &data_type)),
        _ => Err(no_words(format!("a constant of type {data_type}"))),
    }
}

fn list(value: &ScalarValue) -> Result<String> {
    let array = value.to_array().map_err(from_datafusion)?;
    let items = match array.data_type() {
        DataType::List(_) => array.as_list::<i32>().value(0),
        DataType::LargeList(_) => array.as_list::<i64>().value(0),
        _ => array.as_fixed_size_list().value(0),
    };
    let items = (0..items.len()).map(|at| literal(&scalar(&items, at)?)).collect::<Result<Vec<_>>>()?;
    Ok(typed(&format!("make_array({})", items.join(", ")), &value.data_type()))
}

fn structure(values: &[ScalarValue], names: Vec<&str>) -> Result<String> {
    let field = |(name, value): (&str, &ScalarValue)| Ok(format!("{}, {}", quoted(name), literal(value)?));
    let fields = names.into_iter().zip(values).map(field).collect::<Result<Vec<_>>>()?;
    Ok(format!("named_struct({})", fields.join(", ")))
}

fn scalar(array: &dyn Array, at: usize) -> Result<ScalarValue> {
    ScalarValue::try_from_array(array, at).map_err(from_datafusion)
}
