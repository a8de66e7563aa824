//! Arguments of functions: their types, and those that must be constants.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, Float64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::ColumnarValue;
use gradframe_ml_core::Error;

use crate::error::to_datafusion;

/// Numbers, and booleans as 0 and 1; the type of a bare NULL too.
pub(super) fn is_number(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_number(values),
        t => t.is_numeric() || matches!(t, DataType::Boolean | DataType::Null),
    }
}

/// What can be written as text without loss: text, numbers that are whole, booleans.
pub(super) fn is_category(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_category(values),
        t => t.is_string() || t.is_integer() || matches!(t, DataType::Boolean | DataType::Null),
    }
}

pub(super) fn float_list() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Float64, true)))
}

/// An error of a function's arguments, on its way through DataFusion.
pub(super) fn wrong<T>(function: &str, what: impl Into<String>) -> Result<T> {
    Err(to_datafusion(Error::plan(function, what)))
}

/// The numbers of a constant list. Errors: `Plan` if it varies by row, or holds nulls.
pub(super) fn constant_floats(function: &str, what: &str, value: &ColumnarValue) -> Result<Vec<f64>> {
    let list: ArrayRef = match value {
        ColumnarValue::Scalar(ScalarValue::List(list)) if list.len() == 1 && list.is_valid(0) => list.value(0),
        _ => return wrong(function, format!("{what} must be a constant list of numbers")),
    };
    let list = list.as_primitive::<Float64Type>();
    if list.null_count() > 0 {
        return wrong(function, format!("{what} hold a null"));
    }
    Ok(list.values().to_vec())
}

/// The value of an argument that must be the same for all rows.
pub(super) fn constant<'a>(function: &str, what: &str, value: &'a ColumnarValue) -> Result<&'a ScalarValue> {
    match value {
        ColumnarValue::Scalar(value) => Ok(value),
        ColumnarValue::Array(_) => wrong(function, format!("{what} must be a constant")),
    }
}
