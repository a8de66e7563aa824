//! Families of types that operators tell apart.

use arrow::datatypes::DataType;

/// A family of types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    Integer,
    Float,
    /// Of 38 digits; others are `Other`.
    Decimal,
    Text,
    Date,
    Timestamp,
    Time,
    Duration,
    Null,
    /// What is DataFusion's affair alone: intervals, lists, structures, bytes.
    Other,
}

impl Kind {
    pub(super) fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Boolean => Kind::Boolean,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Kind::Text,
            DataType::Date32 => Kind::Date,
            DataType::Timestamp(_, _) => Kind::Timestamp,
            DataType::Time32(_) | DataType::Time64(_) => Kind::Time,
            DataType::Duration(_) => Kind::Duration,
            DataType::Null => Kind::Null,
            DataType::Decimal128(..) => Kind::Decimal,
            DataType::Dictionary(_, values) => Kind::of(values),
            number if number.is_integer() => Kind::Integer,
            number if number.is_floating() => Kind::Float,
            _ => Kind::Other,
        }
    }

    /// Numbers, and booleans, which count as 0 and 1.
    pub(super) fn is_number(self) -> bool {
        matches!(self, Kind::Boolean | Kind::Integer | Kind::Float)
    }

    /// Dates, times and durations.
    pub(super) fn is_moment(self) -> bool {
        matches!(self, Kind::Date | Kind::Timestamp | Kind::Time | Kind::Duration)
    }
}
