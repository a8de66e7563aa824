//! What a column can be to a model, by its Arrow type; and finding columns by a feature's name.

use std::fmt;

use arrow::datatypes::DataType;
use datafusion::common::{Column, DFSchema};
use gradframe_ml_core::{Error, Result};

use crate::names::suggest;

/// Families of Arrow types that mean the same to a model: within one, a column may change its type between training
/// and prediction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeFamily {
    /// Integers, floats and decimals of any width.
    Number,
    Boolean,
    /// Days; 32 or 64 bits.
    Date,
    /// Any unit and time zone.
    Timestamp,
    /// Strings of any layout, dictionaries of strings included.
    Text,
    /// The type of a bare NULL, which fits everywhere.
    Null,
}

impl TypeFamily {
    /// The family of a type; None for types that no model takes.
    pub fn of(data_type: &DataType) -> Option<TypeFamily> {
        match data_type {
            DataType::Boolean => Some(TypeFamily::Boolean),
            DataType::Date32 | DataType::Date64 => Some(TypeFamily::Date),
            DataType::Timestamp(_, _) => Some(TypeFamily::Timestamp),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(TypeFamily::Text),
            DataType::Dictionary(_, values) => Self::of(values),
            DataType::Null => Some(TypeFamily::Null),
            t if t.is_numeric() => Some(TypeFamily::Number),
            _ => None,
        }
    }

    /// True if a column of this kind can stand where `trained` was learned.
    pub fn fits(self, trained: TypeFamily) -> bool {
        self == trained || self == TypeFamily::Null || trained == TypeFamily::Null
    }
}

impl fmt::Display for TypeFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TypeFamily::Number => "a number",
            TypeFamily::Boolean => "a boolean",
            TypeFamily::Date => "a date",
            TypeFamily::Timestamp => "a timestamp",
            TypeFamily::Text => "text",
            TypeFamily::Null => "null",
        })
    }
}

/// The one column of this name, whatever its qualifier; None if there is none.
/// Errors: `Plan` if several qualifiers have it.
pub fn find(op: &str, schema: &DFSchema, name: &str) -> Result<Option<usize>> {
    let mut places = schema.iter().enumerate().filter(|(_, (_, field))| field.name() == name).map(|(i, _)| i);
    let first = places.next();
    match (first, places.next()) {
        (Some(a), Some(b)) => Err(ambiguous(op, schema, a, b)),
        _ => Ok(first),
    }
}

fn ambiguous(op: &str, schema: &DFSchema, a: usize, b: usize) -> Error {
    let [a, b] = [a, b].map(|i| Column::from(schema.qualified_field(i)));
    let what = format!("column `{}` is ambiguous: the input has `{}` and `{}`", a.name, a.flat_name(), b.flat_name());
    Error::plan(op, what).hint("select one of them, or rename one with AS")
}

/// The error for a column that is not in the input; the nearest name is its hint.
pub fn missing(op: &str, schema: &DFSchema, what: String, name: &str) -> Error {
    Error::plan(op, what).hint(suggest(name, schema.fields().iter().map(|f| f.name().as_str())))
}
