//! Texts as numbers and moments: the whole text must be one, without blanks around it.

use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, Decimal128Array, PrimitiveArray, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use datafusion::common::Result;

use super::value::arrows;
use super::{decimals, moments};

/// The texts as values of another type; null for what is none.
pub(super) fn parsed(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let texts = cast(array, &DataType::Utf8View)?;
    let texts = texts.as_string_view();
    Ok(match to {
        DataType::Int8 => each::<Int8Type>(texts),
        DataType::Int16 => each::<Int16Type>(texts),
        DataType::Int32 => each::<Int32Type>(texts),
        DataType::Int64 => each::<Int64Type>(texts),
        DataType::UInt8 => each::<UInt8Type>(texts),
        DataType::UInt16 => each::<UInt16Type>(texts),
        DataType::UInt32 => each::<UInt32Type>(texts),
        DataType::UInt64 => each::<UInt64Type>(texts),
        DataType::Float32 => each::<Float32Type>(texts),
        DataType::Float64 => each::<Float64Type>(texts),
        DataType::Float16 => cast(&each::<Float32Type>(texts), to)?,
        DataType::Boolean => Arc::new(texts.iter().map(|text| truth(text?)).collect::<BooleanArray>()),
        DataType::Decimal128(precision, scale) => {
            let numbers = texts.iter().map(|text| decimals::parsed(text?, *precision, *scale));
            Arc::new(numbers.collect::<Decimal128Array>().with_precision_and_scale(*precision, *scale)?)
        }
        DataType::Duration(_) => moments::moved(&each::<Int64Type>(texts), to)?,
        _ if moments::is_moment(to) => arrows(&without_blanks(texts), to)?,
        _ => arrows(array, to)?,
    })
}

fn each<T: ArrowPrimitiveType>(texts: &StringViewArray) -> ArrayRef
where
    T::Native: FromStr,
{
    Arc::new(texts.iter().map(|text| text?.parse::<T::Native>().ok()).collect::<PrimitiveArray<T>>())
}

/// As truth is written.
fn truth(text: &str) -> Option<bool> {
    match text {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// Arrow's reader of moments takes blanks around them.
fn without_blanks(texts: &StringViewArray) -> ArrayRef {
    Arc::new(texts.iter().map(|text| text.filter(|text| text.trim() == *text)).collect::<StringViewArray>())
}
