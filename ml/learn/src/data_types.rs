//! Which Arrow types can be features and labels.

use arrow_schema::DataType;
use gradframe_ml_core::{Error, Result};

use crate::estimator::Task;

/// How a column is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// As f64: numbers, booleans (0 and 1), dates (days since 1970), timestamps (seconds since 1970).
    Number,
    /// As strings.
    Text,
}

/// How a feature of this type is read.
/// Errors: `DType` naming a type that cannot be a feature; the caller knows the column's name.
pub fn accepts(data_type: &DataType) -> Result<ColumnKind> {
    if is_text(data_type) {
        return Ok(ColumnKind::Text);
    }
    if is_numeric(data_type)
        || matches!(data_type, DataType::Boolean | DataType::Date32 | DataType::Date64 | DataType::Timestamp(..))
    {
        return Ok(ColumnKind::Number);
    }
    let what = format!("{data_type} cannot be a feature, expected a number, boolean, date, timestamp or string");
    Err(Error::dtype("train", what).hint("cast the column or leave it out of the query"))
}

/// How a label of this type is read. A class label that is an integer or boolean is a `Number` too.
/// Errors: `DType` naming a type that cannot be the label of this task.
pub fn accepts_label(task: Task, data_type: &DataType) -> Result<ColumnKind> {
    match task {
        Task::Regression if is_numeric(data_type) => Ok(ColumnKind::Number),
        Task::Regression => {
            let what = format!("{data_type} cannot be the label of a regression, expected a number");
            Err(Error::dtype("train", what).hint("cast the label, or use model_type = 'logistic_reg' to learn classes"))
        }
        Task::Classification if data_type.is_integer() || *data_type == DataType::Boolean => Ok(ColumnKind::Number),
        Task::Classification if is_text(data_type) => Ok(ColumnKind::Text),
        Task::Classification => {
            let what = format!("{data_type} cannot be a class label, expected an integer, boolean or string");
            Err(Error::dtype("train", what).hint(match is_numeric(data_type) {
                true => "cast the label to BIGINT, or use model_type = 'linear_reg' to learn a number",
                false => "cast the label to VARCHAR",
            }))
        }
    }
}

fn is_numeric(data_type: &DataType) -> bool {
    data_type.is_integer() || data_type.is_floating() || data_type.is_decimal()
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, value) => is_text(value),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use arrow_schema::TimeUnit;

    use super::*;

    #[test]
    fn every_encoding_of_a_string_is_text() {
        let dictionary = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8));
        for text in [DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View, dictionary] {
            assert_eq!(accepts(&text).unwrap(), ColumnKind::Text, "{text}");
        }
    }

    #[test]
    fn numbers_and_times_are_numbers() {
        let timestamp = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let decimal = DataType::Decimal128(10, 2);
        for number in [DataType::Boolean, DataType::UInt8, DataType::Float16, DataType::Date32, timestamp, decimal] {
            assert_eq!(accepts(&number).unwrap(), ColumnKind::Number, "{number}");
        }
    }

    #[test]
    fn other_types_are_errors_that_name_them() {
        let error = accepts(&DataType::Binary).unwrap_err();
        assert_eq!(error.kind(), "DType");
        assert!(error.to_string().contains("Binary cannot be a feature"), "{error}");
    }

    #[test]
    fn a_float_is_no_class_and_a_string_no_number() {
        assert!(
            accepts_label(Task::Classification, &DataType::Float64).unwrap_err().to_string().contains("cast the label to BIGINT")
        );
        assert!(accepts_label(Task::Regression, &DataType::Utf8).unwrap_err().to_string().contains("logistic_reg"));
        assert!(accepts_label(Task::Classification, &DataType::Boolean).is_ok());
    }
}
