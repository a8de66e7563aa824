//! Option values: SQL's and Python's literals as the JSON in which learners check and models keep them.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray, StructArray};
use arrow::datatypes::{DataType, Field};
use datafusion::scalar::ScalarValue;
use gradframe_ml_core::{Error, Result};
use serde_json::Value;

use super::OP;

/// A class and its weight, an item of the option `class_weights`: `STRUCT(class, weight)`.
pub fn class_weight(class: &str, weight: f64) -> ScalarValue {
    let class = (Arc::new(Field::new("class", DataType::Utf8, false)), Arc::new(StringArray::from(vec![class])) as ArrayRef);
    let weight =
        (Arc::new(Field::new("weight", DataType::Float64, false)), Arc::new(Float64Array::from(vec![weight])) as ArrayRef);
    ScalarValue::Struct(Arc::new(StructArray::from(vec![class, weight])))
}

/// A list of values of one type, such as the option `hidden_units`. An empty list is one of texts.
pub fn list(values: &[ScalarValue]) -> ScalarValue {
    let item = values.first().map_or(DataType::Utf8, ScalarValue::data_type);
    ScalarValue::List(ScalarValue::new_list_nullable(values, &item))
}

/// An option's value as it is checked and kept. Errors: `Plan` naming the option.
pub(super) fn json(name: &str, value: &ScalarValue) -> Result<Value> {
    converted(value).ok_or_else(|| {
        let hint = "options are numbers, text, booleans or lists of these";
        Error::plan(OP, format!("option `{name}` cannot be {value}")).hint(hint)
    })
}

fn converted(value: &ScalarValue) -> Option<Value> {
    let number = |v: f64| serde_json::Number::from_f64(v).map(Value::Number);
    match value {
        ScalarValue::Boolean(Some(v)) => Some((*v).into()),
        ScalarValue::Float64(_) | ScalarValue::Float32(_) => float(value).and_then(number),
        v if v.is_null() => None,
        ScalarValue::List(items) => items_of(items),
        ScalarValue::Struct(fields) => fields.columns().iter().map(first).collect::<Option<Vec<_>>>().map(Value::Array),
        v if v.data_type().is_integer() => v.to_string().parse::<i64>().ok().map(Into::into),
        v if v.data_type().is_decimal() => v.cast_to(&DataType::Float64).ok().as_ref().and_then(float).and_then(number),
        v => v.try_as_str().flatten().map(Into::into),
    }
}

fn items_of(list: &Arc<arrow::array::ListArray>) -> Option<Value> {
    let items = ScalarValue::convert_array_to_scalar_vec(list.as_ref()).ok()?.into_iter().next()??;
    items.iter().map(converted).collect::<Option<Vec<_>>>().map(Value::Array)
}

fn first(column: &ArrayRef) -> Option<Value> {
    ScalarValue::try_from_array(column, 0).ok().as_ref().and_then(converted)
}

/// A float of either size; None for another type or null.
pub(super) fn float(value: &ScalarValue) -> Option<f64> {
    match value {
        ScalarValue::Float64(v) => *v,
        ScalarValue::Float32(v) => v.map(f64::from),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_and_class_weights_become_arrays() {
        let units = list(&[ScalarValue::from(64i64), ScalarValue::from(32i64)]);
        assert_eq!(super::json("o", &units).unwrap(), json!([64, 32]));
        assert_eq!(super::json("o", &list(&[])).unwrap(), json!([]));
        let weights = list(&[class_weight("yes", 2.0), class_weight("no", 0.5)]);
        assert_eq!(super::json("o", &weights).unwrap(), json!([["yes", 2.0], ["no", 0.5]]));
    }

    #[test]
    fn a_null_and_an_infinite_number_are_no_values() {
        for value in [ScalarValue::Null, ScalarValue::from(f64::INFINITY), list(&[ScalarValue::from(f64::NAN)])] {
            assert!(super::json("o", &value).unwrap_err().to_string().contains("option `o` cannot be"));
        }
    }
}
