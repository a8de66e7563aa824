//! A column as whole numbers, to the last digit: what a module takes as integers goes through no float.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Float64Type};
use arrow::util::display::array_value_to_string;
use gradframe_ml_core::{DType, Error, Result, Tensor};
use gradframe_plan::element_types::arrow_type;

use super::{arrow_error, convert, primitive, texts};

/// A column as numbers of an integer type, [N]. Integers and booleans are taken, floats and decimals if they are whole, dates as days since
/// 1970. One of that very type is not copied. Values under a null are arbitrary.
/// Errors: what `wrong` makes of a text that says which value, or that the column's type, is not taken, and what is: `0.5 in a row,
/// expected ..`.
pub fn whole_numbers(array: &ArrayRef, to: DType, wrong: impl Fn(&str) -> Error) -> Result<Tensor> {
    let array = match array.data_type() {
        DataType::Dictionary(_, values) => return whole_numbers(&convert(array, values)?, to, wrong),
        DataType::Date32 | DataType::Date64 => convert(&convert(array, &DataType::Date32)?, &DataType::Int32)?,
        _ => Arc::clone(array),
    };
    if !to.is_integer() {
        return Err(Error::internal("whole numbers", format!("{to} is no integer type")));
    }
    let target = arrow_type(to);
    let wrong = |what: String| wrong(&format!("{what}, expected a whole number, {target}"));
    if !is_number(array.data_type()) {
        return Err(wrong(format!("of type {}", array.data_type())));
    }
    let whole = match *array.data_type() == target {
        true => Arc::clone(&array),
        false => {
            let options = CastOptions { safe: true, ..CastOptions::default() };
            cast_with_options(&array, &target, &options).map_err(arrow_error)?
        }
    };
    let too_far = || (0..array.len()).find(|&row| array.is_valid(row) && whole.is_null(row));
    let lost = if whole.null_count() > array.null_count() { too_far() } else { None };
    let lost = lost.map_or_else(|| fraction(&array), |row| Ok(Some(row)))?;
    match lost {
        Some(row) => {
            let value = array_value_to_string(&array, row).map_err(arrow_error)?;
            Err(wrong(format!("{value} in a row")))
        }
        None => tensor(&whole, to),
    }
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_integer() || data_type.is_floating() || data_type.is_decimal() || *data_type == DataType::Boolean
}

/// The first row whose value is not whole.
fn fraction(array: &ArrayRef) -> Result<Option<usize>> {
    let data_type = array.data_type();
    if data_type.is_floating() {
        let values = primitive::<Float64Type>(array)?;
        // Of NaN and infinities the fraction is NaN.
        return Ok(values.iter().position(|value| value.is_some_and(|value| value.fract() != 0.0)));
    }
    if data_type.is_decimal() {
        let is_whole = |text: &str| text.split_once('.').is_none_or(|(_, digits)| digits.bytes().all(|digit| digit == b'0'));
        return Ok(texts(array)?.iter().position(|value| value.is_some_and(|text| !is_whole(text))));
    }
    Ok(None)
}

/// The values of an array of the arrow type of `to`.
fn tensor(array: &ArrayRef, to: DType) -> Result<Tensor> {
    let (data, width) = (array.to_data(), to.size_bytes());
    let bytes = data.buffers().first().ok_or_else(|| Error::internal("whole numbers", "an array without values"))?;
    Tensor::try_new(to, &[array.len()], bytes.slice_with_length(data.offset() * width, array.len() * width))
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        AsArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array, Float64Array, Int8Array, Int64Array,
        StringArray, TimestampSecondArray, UInt64Array,
    };

    use super::*;

    fn of(array: impl Array + 'static, to: DType) -> Result<Tensor> {
        whole_numbers(&(Arc::new(array) as ArrayRef), to, |what| Error::dtype("test", what))
    }

    fn numbers(array: impl Array + 'static) -> Vec<i64> {
        of(array, DType::I64).unwrap().values::<i64>().unwrap().to_vec()
    }

    fn refused(array: impl Array + 'static, to: DType) -> String {
        let what = of(array, to).unwrap_err().detail().what.clone();
        what.split_once(", expected a whole number").unwrap().0.to_owned()
    }

    #[test]
    fn integers_keep_every_digit_and_are_not_copied() {
        let large = i64::MAX - 1;
        let array: ArrayRef = Arc::new(Int64Array::from(vec![1, large, i64::MIN]).slice(1, 2));
        let tensor = whole_numbers(&array, DType::I64, |what| Error::dtype("test", what)).unwrap();
        assert_eq!(tensor.values::<i64>().unwrap(), [large, i64::MIN]);
        assert_eq!(tensor.buffer().as_ptr(), array.as_primitive::<arrow::datatypes::Int64Type>().values().inner().as_ptr());
        let unsigned = of(UInt64Array::from(vec![u64::MAX]), DType::U64).unwrap();
        assert_eq!(unsigned.values::<u64>().unwrap(), [u64::MAX]);
    }

    #[test]
    fn what_is_whole_is_taken_whatever_its_type() {
        assert_eq!(numbers(Int8Array::from(vec![-3, 7])), [-3, 7]);
        assert_eq!(numbers(BooleanArray::from(vec![true, false])), [1, 0]);
        assert_eq!(numbers(Float64Array::from(vec![-0.0, 9_007_199_254_740_994.0])), [0, 9_007_199_254_740_994]);
        assert_eq!(numbers(Date32Array::from(vec![3])), [3]);
        let keys = Int8Array::from(vec![1, 0]);
        assert_eq!(numbers(DictionaryArray::new(keys, Arc::new(Date32Array::from(vec![3, 5])))), [5, 3]);
        let decimal = Decimal128Array::from(vec![900_719_925_474_099_300]).with_precision_and_scale(20, 2).unwrap();
        assert_eq!(numbers(decimal), [9_007_199_254_740_993]);
    }

    #[test]
    fn what_is_not_whole_or_too_far_is_told() {
        assert_eq!(refused(Float32Array::from(vec![1.0, 0.5]), DType::I64), "0.5 in a row");
        assert_eq!(refused(Float64Array::from(vec![f64::NAN]), DType::I64), "NaN in a row");
        assert_eq!(refused(Float64Array::from(vec![3e30]), DType::I64), "3e30 in a row");
        assert_eq!(refused(Float64Array::from(vec![f64::NEG_INFINITY]), DType::I64), "-inf in a row");
        assert_eq!(refused(UInt64Array::from(vec![u64::MAX]), DType::I64), "18446744073709551615 in a row");
        assert_eq!(refused(StringArray::from(vec!["1"]), DType::I64), "of type Utf8");
        assert!(refused(TimestampSecondArray::from(vec![1]), DType::I64).starts_with("of type Timestamp"));
        let decimal = Decimal128Array::from(vec![150]).with_precision_and_scale(5, 2).unwrap();
        assert_eq!(refused(decimal, DType::I64), "1.50 in a row");
        assert_eq!(refused(Int64Array::from(vec![-1]), DType::U64), "-1 in a row");
        assert_eq!(refused(Int64Array::from(vec![300]), DType::I8), "300 in a row");
    }

    #[test]
    fn nulls_are_no_numbers_and_no_errors() {
        let column = Float64Array::from(vec![Some(2.0), None]);
        assert_eq!(of(column, DType::I64).unwrap().values::<i64>().unwrap()[0], 2);
    }
}
