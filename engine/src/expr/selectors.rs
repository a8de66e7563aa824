//! Selectors by name, as Polars names them. See [`Selector`] for an example.

use arrow::datatypes::DataType;

pub use super::selector::{Selector, TypeClass};

fn strings(values: impl IntoIterator<Item = impl Into<String>>) -> Vec<String> {
    values.into_iter().map(Into::into).collect()
}

fn class(class: TypeClass) -> Selector {
    Selector::Types(vec![class])
}

/// Every column.
pub fn all() -> Selector {
    Selector::All
}

/// These columns, in this order. Errors of the frame: `Plan` for one that is not there.
pub fn by_name(names: impl IntoIterator<Item = impl Into<String>>) -> Selector {
    Selector::Names { names: strings(names), required: true }
}

/// Columns of these types.
pub fn by_dtype(types: impl IntoIterator<Item = DataType>) -> Selector {
    Selector::Types(types.into_iter().map(TypeClass::Exactly).collect())
}

/// Columns at these places, from the end if negative.
pub fn by_index(places: impl IntoIterator<Item = i64>) -> Selector {
    Selector::Index(places.into_iter().collect())
}

/// The first column.
pub fn first() -> Selector {
    by_index([0])
}

/// The last column.
pub fn last() -> Selector {
    by_index([-1])
}

/// Columns whose name matches a regular expression.
pub fn matches(pattern: impl Into<String>) -> Selector {
    Selector::Matches(pattern.into())
}

/// Columns whose name starts with one of these.
pub fn starts_with(heads: impl IntoIterator<Item = impl Into<String>>) -> Selector {
    Selector::StartsWith(strings(heads))
}

/// Columns whose name ends with one of these.
pub fn ends_with(tails: impl IntoIterator<Item = impl Into<String>>) -> Selector {
    Selector::EndsWith(strings(tails))
}

/// Columns whose name contains one of these.
pub fn contains(parts: impl IntoIterator<Item = impl Into<String>>) -> Selector {
    Selector::Contains(strings(parts))
}

/// Columns of numbers: integers, floats, decimals.
pub fn numeric() -> Selector {
    class(TypeClass::Numeric)
}

/// Columns of integers.
pub fn integer() -> Selector {
    class(TypeClass::Integer)
}

/// Columns of floating point numbers.
pub fn float() -> Selector {
    class(TypeClass::Float)
}

/// Columns of text.
pub fn string() -> Selector {
    class(TypeClass::String)
}

/// Columns of booleans.
pub fn boolean() -> Selector {
    class(TypeClass::Boolean)
}

/// Columns of dates, times, timestamps and durations.
pub fn temporal() -> Selector {
    class(TypeClass::Temporal)
}
