//! Arrow's types of numbers and the element types of tensors: the one table of those who read columns as they lie in memory, and of those
//! who make columns of tensors.

use arrow::datatypes::DataType;
use gradframe_ml_core::DType;

/// The element type of a number; None of other types.
pub fn number(data_type: &DataType) -> Option<DType> {
    Some(match data_type {
        DataType::Int8 => DType::I8,
        DataType::Int16 => DType::I16,
        DataType::Int32 => DType::I32,
        DataType::Int64 => DType::I64,
        DataType::UInt8 => DType::U8,
        DataType::UInt16 => DType::U16,
        DataType::UInt32 => DType::U32,
        DataType::UInt64 => DType::U64,
        DataType::Float16 => DType::F16,
        DataType::Float32 => DType::F32,
        DataType::Float64 => DType::F64,
        _ => return None,
    })
}

/// The type of a column of such elements; Arrow has none for bf16, whose values are those of floats of 32 bits.
pub fn arrow_type(dtype: DType) -> DataType {
    match dtype {
        DType::Bool => DataType::Boolean,
        DType::I8 => DataType::Int8,
        DType::I16 => DataType::Int16,
        DType::I32 => DataType::Int32,
        DType::I64 => DataType::Int64,
        DType::U8 => DataType::UInt8,
        DType::U16 => DataType::UInt16,
        DType::U32 => DataType::UInt32,
        DType::U64 => DataType::UInt64,
        DType::F16 => DataType::Float16,
        DType::BF16 | DType::F32 => DataType::Float32,
        DType::F64 => DataType::Float64,
    }
}

/// How many digits the longest integer of a type has; None of other types.
pub fn digits_of_integer(data_type: &DataType) -> Option<u8> {
    Some(match data_type {
        DataType::Int8 | DataType::UInt8 => 3,
        DataType::Int16 | DataType::UInt16 => 5,
        DataType::Int32 | DataType::UInt32 => 10,
        DataType::Int64 => 19,
        DataType::UInt64 => 20,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_numbers_have_elements_of_their_own_type() {
        for dtype in DType::ALL {
            let expected = match dtype {
                DType::Bool => None,
                DType::BF16 => Some(DType::F32),
                number => Some(number),
            };
            assert_eq!(number(&arrow_type(dtype)), expected, "{dtype}");
        }
        for other in [DataType::Utf8, DataType::Date32, DataType::Decimal128(10, 0), DataType::Null] {
            assert_eq!(number(&other), None, "{other}");
        }
    }
}
