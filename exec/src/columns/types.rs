//! Arrow types whose values are the elements of a tensor of a numeric stage, or of a column on a device.

use arrow::datatypes::DataType;
use gradframe_ml_core::DType;
use gradframe_plan::element_types;

/// Digits of a decimal that 63 bits hold.
const DIGITS_MAX: u8 = 18;

/// The element type of a number; None of other types, and of floats of 16 bits, which DataFusion computes with.
pub(crate) fn number(data_type: &DataType) -> Option<DType> {
    element_types::number(data_type).filter(|dtype| *dtype != DType::F16)
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
