//! What a store keeps in a column.

use rusqlite::types::{ToSqlOutput, ValueRef as SqliteValue};

/// A value of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Value {
    Null,
    Integer(i64),
    Text(String),
    Blob(Vec<u8>),
}

/// A value that lies elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum ValueRef<'v> {
    Null,
    Integer(i64),
    Text(&'v str),
    Blob(&'v [u8]),
}

/// What can be bound to a statement.
pub(in super::super) trait ToValue {
    fn to_value(&self) -> ValueRef<'_>;
}

/// What a column can be read as; None if its value is of another type.
pub(in super::super) trait FromValue: Sized {
    fn from_value(value: ValueRef<'_>) -> Option<Self>;
}

impl ToValue for Value {
    fn to_value(&self) -> ValueRef<'_> {
        match self {
            Value::Null => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }
    }
}

impl ToValue for i64 {
    fn to_value(&self) -> ValueRef<'_> {
        ValueRef::Integer(*self)
    }
}

impl ToValue for bool {
    fn to_value(&self) -> ValueRef<'_> {
        ValueRef::Integer((*self).into())
    }
}

impl ToValue for str {
    fn to_value(&self) -> ValueRef<'_> {
        ValueRef::Text(self)
    }
}

impl ToValue for String {
    fn to_value(&self) -> ValueRef<'_> {
        ValueRef::Text(self)
    }
}

impl ToValue for Vec<u8> {
    fn to_value(&self) -> ValueRef<'_> {
        ValueRef::Blob(self)
    }
}

impl ToValue for [u8] {
    fn to_value(&self) -> ValueRef<'_> {
        ValueRef::Blob(self)
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn to_value(&self) -> ValueRef<'_> {
        (**self).to_value()
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> ValueRef<'_> {
        self.as_ref().map_or(ValueRef::Null, T::to_value)
    }
}

impl FromValue for Value {
    fn from_value(value: ValueRef<'_>) -> Option<Self> {
        Some(match value {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Text(text) => Value::Text(text.to_owned()),
            ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
        })
    }
}

impl FromValue for i64 {
    fn from_value(value: ValueRef<'_>) -> Option<Self> {
        if let ValueRef::Integer(number) = value { Some(number) } else { None }
    }
}

impl FromValue for bool {
    fn from_value(value: ValueRef<'_>) -> Option<Self> {
        i64::from_value(value).map(|number| number != 0)
    }
}

impl FromValue for String {
    fn from_value(value: ValueRef<'_>) -> Option<Self> {
        if let ValueRef::Text(text) = value { Some(text.to_owned()) } else { None }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: ValueRef<'_>) -> Option<Self> {
        if let ValueRef::Blob(bytes) = value { Some(bytes.to_vec()) } else { None }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: ValueRef<'_>) -> Option<Self> {
        if value == ValueRef::Null { Some(None) } else { T::from_value(value).map(Some) }
    }
}

/// None for a float, which no column of ours has, and for text that is no UTF-8.
pub(super) fn of_sqlite(value: SqliteValue<'_>) -> Option<ValueRef<'_>> {
    Some(match value {
        SqliteValue::Null => ValueRef::Null,
        SqliteValue::Integer(number) => ValueRef::Integer(number),
        SqliteValue::Text(text) => ValueRef::Text(str::from_utf8(text).ok()?),
        SqliteValue::Blob(bytes) => ValueRef::Blob(bytes),
        SqliteValue::Real(_) => return None,
    })
}

impl rusqlite::ToSql for dyn ToValue + '_ {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.to_value() {
            ValueRef::Null => SqliteValue::Null,
            ValueRef::Integer(number) => SqliteValue::Integer(number),
            ValueRef::Text(text) => SqliteValue::Text(text.as_bytes()),
            ValueRef::Blob(bytes) => SqliteValue::Blob(bytes),
        }))
    }
}
