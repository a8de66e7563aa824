//! Arrow types whose values are the elements of a tensor: the one table of those who read columns as they lie in memory.

use arrow::datatypes::DataType;
use gradframe_ml_core::DType;

/// Digits of a decimal that 63 bits hold.
const DIGITS_MAX: u8 = 18;

/// The element type of a number; None of other types.
pub(crate) fn number(data_type: &DataType) -> Option<DType> {
    Some(match data_type {
        DataType::Int8 => DType::I8,
        DataType::Int16 => DType::I16,
        DataType::Int32 => DType::I32,
        DataType::Int64 => DType::I64,
        DataType::UInt8 => DType::U8,
        DataType::UInt16 => DType::U16,
        DataType::UInt32 => DType::U32,
        DataType::UInt64 => DType::U64,
        DataType::Float32 => DType::F32,
        DataType::Float64 => DType::F64,
        _ => return None,
    })
}

/// The same, and the type of what is kept as a bool or as a whole number of its unit: days, parts of a second, the last digits of a
/// decimal of up to 18.
pub(crate) fn stored_as(data_type: &DataType) -> Option<DType> {
    Some(match data_type {
        DataType::Boolean => DType::Bool,
        DataType::Date32 | DataType::Time32(_) | DataType::Decimal32(..) => DType::I32,
        DataType::Date64 | DataType::Time64(_) | DataType::Timestamp(..) | DataType::Decimal64(..) => DType::I64,
        DataType::Decimal128(digits, _) if *digits <= DIGITS_MAX => DType::I64,
        other => return number(other),
    })
}
