//! Arrow arrays as what learning reads: tensors of numbers, category codes, class labels; and classes back as arrays.

mod types;
mod whole;

use std::sync::Arc;

use arrow::array::{
    AnyDictionaryArray, Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, PrimitiveArray, StringArray,
    StringViewArray, UInt32Array,
};
use arrow::buffer::NullBuffer;
use arrow::compute::{CastOptions, cast_with_options, take};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Float64Type, Int64Type, TimeUnit, UInt64Type};
use arrow::error::ArrowError;
use gradframe_ml_core::{DType, Error, Result, Tensor};
use gradframe_ml_learn::{ClassLabel, LabelSpec, Vocabulary};
use gradframe_plan::error::from_datafusion;

pub(crate) use self::types::{number, stored_as};
pub use self::whole::whole_numbers;

/// A numeric column: `values` f64 [N]; `valid` bool [N], absent where nothing is null. Values under a null are
/// arbitrary. Booleans are 0 and 1, dates days and timestamps seconds since 1970. A Float64 column is not copied.
/// Errors: `Execution` if a value cannot be a number.
pub fn numbers(array: &ArrayRef) -> Result<(Tensor, Option<Tensor>)> {
    let array = floats(array)?;
    let values = Tensor::try_new(DType::F64, &[array.len()], array.values().inner().clone())?;
    let valid = array.nulls().filter(|n| n.null_count() > 0).map(validity).transpose()?;
    Ok((values, valid))
}

/// A numeric column as Float64.
fn floats(array: &ArrayRef) -> Result<Float64Array> {
    let array = match array.data_type() {
        DataType::Dictionary(_, values) => convert(array, values)?,
        _ => Arc::clone(array),
    };
    match array.data_type() {
        DataType::Timestamp(unit, _) => seconds(&array, *unit),
        DataType::Date32 | DataType::Date64 => {
            let days = convert(&convert(&array, &DataType::Date32)?, &DataType::Int32)?;
            primitive::<Float64Type>(&days)
        }
        _ => primitive::<Float64Type>(&array),
    }
}

fn seconds(array: &ArrayRef, unit: TimeUnit) -> Result<Float64Array> {
    let per_second = match unit {
        TimeUnit::Second => 1.0,
        TimeUnit::Millisecond => 1e3,
        TimeUnit::Microsecond => 1e6,
        TimeUnit::Nanosecond => 1e9,
    };
    Ok(primitive::<Int64Type>(array)?.unary(|ticks| ticks as f64 / per_second))
}

fn primitive<T: ArrowPrimitiveType>(array: &ArrayRef) -> Result<PrimitiveArray<T>> {
    Ok(convert(array, &T::DATA_TYPE)?.as_primitive::<T>().clone())
}

/// A cast in which a value that does not fit is an error, never a null.
fn convert(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    if array.data_type() == to {
        return Ok(Arc::clone(array));
    }
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(array, to, &options).map_err(arrow_error)
}

fn validity(nulls: &NullBuffer) -> Result<Tensor> {
    let valid: Vec<bool> = nulls.iter().collect();
    Tensor::from_bools(&[valid.len()], &valid)
}

/// A text column as strings, whatever its layout. The characters are not copied.
pub fn texts(array: &ArrayRef) -> Result<StringViewArray> {
    Ok(convert(array, &DataType::Utf8View)?.as_string_view().clone())
}

/// A text column as codes of a vocabulary: i32 [N]. A dictionary's values are looked up once each.
pub fn codes(array: &ArrayRef, vocabulary: &Vocabulary) -> Result<Tensor> {
    let codes = match array.as_any_dictionary_opt() {
        Some(dictionary) => dictionary_codes(dictionary, vocabulary)?,
        None => plain_codes(array, vocabulary)?,
    };
    Tensor::from_vec(&[codes.len()], codes)
}

fn dictionary_codes(dictionary: &dyn AnyDictionaryArray, vocabulary: &Vocabulary) -> Result<Vec<i32>> {
    let null = vocabulary.code(None);
    let of_value = plain_codes(dictionary.values(), vocabulary)?;
    if of_value.is_empty() {
        return Ok(vec![null; dictionary.keys().len()]); // all null, and no key is in range
    }
    let code = |(row, key): (usize, usize)| if dictionary.keys().is_null(row) { null } else { of_value[key] };
    Ok(dictionary.normalized_keys().into_iter().enumerate().map(code).collect())
}

fn plain_codes(array: &ArrayRef, vocabulary: &Vocabulary) -> Result<Vec<i32>> {
    Ok(texts(array)?.iter().map(|text| vocabulary.code(text)).collect())
}

/// A label column as classes. Errors: `DType` for an unsigned integer beyond i64.
pub fn classes(array: &ArrayRef) -> Result<Vec<Option<ClassLabel>>> {
    match array.data_type() {
        DataType::Boolean => Ok(array.as_boolean().iter().map(|v| v.map(ClassLabel::Bool)).collect()),
        DataType::Dictionary(_, values) => classes(&convert(array, values)?),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().iter().map(|value| value.map(of_unsigned).transpose()).collect(),
        t if t.is_integer() => Ok(primitive::<Int64Type>(array)?.iter().map(|v| v.map(ClassLabel::Int)).collect()),
        _ => Ok(texts(array)?.iter().map(|v| v.map(|text| ClassLabel::Text(text.into()))).collect()),
    }
}

/// A label column as classes that compare with a model's own. Where those are whole numbers, a float or a decimal that is whole is one
/// too; any other is of none of them. Errors: as those of [`classes`].
pub fn classes_like(array: &ArrayRef, label: &LabelSpec) -> Result<Vec<Option<ClassLabel>>> {
    if let DataType::Dictionary(_, values) = array.data_type() {
        return classes_like(&convert(array, values)?, label);
    }
    let are_whole = matches!(label.classes.first(), Some(ClassLabel::Int(_)));
    match array.data_type() {
        t if are_whole && t.is_floating() => {
            Ok(primitive::<Float64Type>(array)?.iter().map(|value| value.map(of_float)).collect())
        }
        DataType::UInt64 => {
            let classes = array.as_primitive::<UInt64Type>().iter();
            Ok(classes.map(|value| value.map(|value| of_decimal(&value.to_string()))).collect())
        }
        t if are_whole && t.is_decimal() => Ok(texts(array)?.iter().map(|text| text.map(of_decimal)).collect()),
        _ => classes(array),
    }
}

fn of_unsigned(value: u64) -> Result<ClassLabel> {
    i64::try_from(value).map(ClassLabel::Int).map_err(|_| {
        let what = format!("the label is {value} in a row, expected classes of up to {}", i64::MAX);
        Error::dtype("train", what).hint("cast the label to text")
    })
}

/// A whole number of those that i64 has, else what is no whole number's class.
fn of_float(value: f64) -> ClassLabel {
    let bound = -(i64::MIN as f64);
    if value.fract() == 0.0 && (-bound..bound).contains(&value) {
        ClassLabel::Int(value as i64)
    } else {
        ClassLabel::Text(value.to_string())
    }
}

/// As [`of_float`], of a decimal's digits, which may be more than a float has.
fn of_decimal(text: &str) -> ClassLabel {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    match whole.parse() {
        Ok(value) if fraction.bytes().all(|digit| digit == b'0') => ClassLabel::Int(value),
        _ => ClassLabel::Text(text.into()),
    }
}

/// A label's classes, in order, as a column of the label's type.
pub fn class_values(label: &LabelSpec) -> Result<ArrayRef> {
    let classes = label.classes.iter();
    let values: ArrayRef = match label.classes.first() {
        Some(ClassLabel::Bool(_)) => {
            Arc::new(classes.map(|c| matches!(c, ClassLabel::Bool(true))).map(Some).collect::<BooleanArray>())
        }
        Some(ClassLabel::Int(_)) => {
            Arc::new(classes.map(|c| if let ClassLabel::Int(v) = c { Some(*v) } else { None }).collect::<Int64Array>())
        }
        _ => {
            Arc::new(classes.map(|c| if let ClassLabel::Text(v) = c { Some(v.as_str()) } else { None }).collect::<StringArray>())
        }
    };
    convert(&values, &label.data_type)
}

/// The classes of these indices, out of `class_values`.
pub fn take_classes(values: &ArrayRef, indices: impl Into<UInt32Array>) -> Result<ArrayRef> {
    take(values, &indices.into(), None).map_err(arrow_error)
}

/// Arrow's error as ours.
pub(crate) fn arrow_error(error: ArrowError) -> Error {
    from_datafusion(error.into())
}

#[cfg(test)]
mod tests {
    use arrow::array::{Date64Array, Decimal128Array, DictionaryArray, TimestampMillisecondArray};
    use arrow::datatypes::Int8Type;

    use super::*;

    fn values(array: ArrayRef) -> (Vec<f64>, Option<Vec<u8>>) {
        let (values, valid) = numbers(&array).unwrap();
        (values.values::<f64>().unwrap().to_vec(), valid.map(|v| v.values::<u8>().unwrap().to_vec()))
    }

    #[test]
    fn floats_are_not_copied() {
        let array: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0]).slice(1, 2));
        let (tensor, valid) = numbers(&array).unwrap();
        assert_eq!(tensor.values::<f64>().unwrap(), [2.0, 3.0]);
        assert_eq!(tensor.buffer().as_ptr(), array.as_primitive::<Float64Type>().values().inner().as_ptr());
        assert!(valid.is_none());
    }

    #[test]
    fn every_kind_of_number_becomes_one() {
        let day_ms = 86_400_000;
        assert_eq!(values(Arc::new(Date64Array::from(vec![day_ms * 3]))).0, [3.0]);
        assert_eq!(values(Arc::new(TimestampMillisecondArray::from(vec![1500]))).0, [1.5]);
        assert_eq!(values(Arc::new(BooleanArray::from(vec![true, false]))).0, [1.0, 0.0]);
        let decimal = Decimal128Array::from(vec![125]).with_precision_and_scale(5, 2).unwrap();
        assert_eq!(values(Arc::new(decimal)).0, [1.25]);
        assert_eq!(values(Arc::new(Int64Array::from(vec![Some(7), None]))).1, Some(vec![1, 0]));
    }

    #[test]
    fn texts_of_every_layout_get_the_same_codes() {
        let vocabulary = Vocabulary::new(&["a".into(), "b".into()], 1);
        let plain: ArrayRef = Arc::new(StringArray::from(vec![Some("b"), None, Some("z"), Some("a")]));
        let dictionary: ArrayRef =
            Arc::new([Some("b"), None, Some("z"), Some("a")].into_iter().collect::<DictionaryArray<Int8Type>>());
        let view = convert(&plain, &DataType::Utf8View).unwrap();
        for array in [plain, dictionary, view] {
            assert_eq!(codes(&array, &vocabulary).unwrap().values::<i32>().unwrap(), [1, 2, -1, 0]);
        }
        let nulls: ArrayRef = Arc::new([None::<&str>, None].into_iter().collect::<DictionaryArray<Int8Type>>());
        assert_eq!(codes(&nulls, &vocabulary).unwrap().values::<i32>().unwrap(), [2, 2]);
    }

    #[test]
    fn whole_floats_and_decimals_are_the_classes_of_integers() {
        let classes = vec![ClassLabel::Int(-1), ClassLabel::Int(7)];
        let label = LabelSpec { name: "y".into(), data_type: DataType::Int64, classes };
        let of = |array: ArrayRef| classes_like(&array, &label).unwrap();
        let whole = [Some(ClassLabel::Int(7)), None, Some(ClassLabel::Int(-1)), Some(ClassLabel::Int(0))];
        assert_eq!(of(Arc::new(Float64Array::from(vec![Some(7.0), None, Some(-1.0), Some(-0.0)]))), whole);
        let decimal = Decimal128Array::from(vec![Some(700), None, Some(-100), Some(0)]).with_precision_and_scale(20, 2).unwrap();
        assert_eq!(of(Arc::new(decimal)), whole);
        let others: ArrayRef = Arc::new(Float64Array::from(vec![7.5, f64::NAN, f64::INFINITY, 9_223_372_036_854_775_808.0]));
        assert!(of(others).iter().all(|class| matches!(class, Some(ClassLabel::Text(_)))));
        let decimal = Decimal128Array::from(vec![705, -50]).with_precision_and_scale(20, 2).unwrap();
        assert!(of(Arc::new(decimal)).iter().all(|class| matches!(class, Some(ClassLabel::Text(_)))));
    }

    #[test]
    fn classes_come_back_in_the_labels_type() {
        let label =
            LabelSpec { name: "y".into(), data_type: DataType::Int16, classes: vec![ClassLabel::Int(-1), ClassLabel::Int(7)] };
        let all = class_values(&label).unwrap();
        let array = take_classes(&all, vec![1, 0, 1]).unwrap();
        assert_eq!(array.data_type(), &DataType::Int16);
        assert_eq!(classes(&array).unwrap()[0], Some(ClassLabel::Int(7)));
    }
}
