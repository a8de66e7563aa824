//! Whether an object is one that its table can hold.
//!
//! Arrow's reader is lenient: it skips keys that it does not know and cuts fractions off. Every object is checked first,
//! so that what is read is what the file says, or an error with file and line.

use std::fmt;
use std::io::BufRead;

use arrow::datatypes::{DataType, Fields};
use gradframe_ml_core::Error;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor};

use super::kind::is_json;
use super::records::Records;

/// Beyond this, whole numbers of 64-bit floats have gaps.
const EXACT_INTEGER_MAX: f64 = 9_007_199_254_740_992.0;

/// The record as text, without the end of its line.
pub(super) fn utf8(record: &[u8]) -> Result<&str, std::str::Utf8Error> {
    std::str::from_utf8(record.trim_ascii_end())
}

/// Checks a record against all columns of the table. Errors: those of [`syntax_error`].
pub(super) fn check(text: &str, columns: &Fields) -> Result<(), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    Object { columns, is_table: true }.deserialize(&mut reader)?;
    reader.end()
}

/// The error of the parser, or of [`check`], with file and line.
pub(super) fn syntax_error<R: BufRead>(records: &Records<R>, line: u64, error: &serde_json::Error) -> Error {
    let message = error.to_string();
    let what = message.rsplit_once(" at line ").map_or(message.as_str(), |(what, _)| what);
    let line = line + (error.line() as u64).saturating_sub(1);
    if error.is_data() {
        return data_error(records, line, what);
    }
    let error_here = records.error(line, format!("not JSON: {} at column {}", lower_first(what), error.column()));
    match error.is_eof() {
        true => error_here.hint("one whole object a line is expected, or an array of objects"),
        false => error_here,
    }
}

fn data_error<R: BufRead>(records: &Records<R>, line: u64, what: &str) -> Error {
    match what.split_once(HINT_FOLLOWS) {
        Some((what, hint)) => records.error(line, what).hint(hint),
        None => records.error(line, what),
    }
}

/// The error of a record that is something else.
pub(super) fn no_object<R: BufRead>(records: &Records<R>, line: u64, text: &str) -> Error {
    records.error(line, format!("expected an object, got {}", shortened(text.trim())))
}

/// The text, or its beginning.
pub(super) fn shortened(text: &str) -> String {
    const SHOWN: usize = 40;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("`{}...`", &text[..end]),
        None => format!("`{text}`"),
    }
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next();
    // But for EOF.
    match first.filter(|_| !letters.as_str().starts_with(char::is_uppercase)) {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => text.to_string(),
    }
}

/// Separates an error's hint inside serde's messages.
const HINT_FOLLOWS: &str = "\u{1f}";

/// An object whose keys are these columns.
struct Object<'a> {
    columns: &'a Fields,
    /// Not a struct inside of one.
    is_table: bool,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut place = 0;
        while let Some(next) = entries.next_key_seed(Key { columns: self.columns, expected: place })? {
            place = next + 1;
            let column = &self.columns[next];
            match is_json(column) {
                true => drop(entries.next_value::<IgnoredAny>()?),
                false => entries.next_value_seed(Value { name: column.name(), data_type: column.data_type() })?,
            }
        }
        Ok(())
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        if self.is_table { Err(E::invalid_type(Unexpected::Unit, &self)) } else { Ok(()) }
    }
}

/// A key, as its column's position.
struct Key<'a> {
    columns: &'a Fields,
    /// Objects mostly have the columns in their order.
    expected: usize,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<usize, E> {
        if self.columns.get(self.expected).is_some_and(|column| column.name() == key) {
            return Ok(self.expected);
        }
        let found = self.columns.iter().position(|column| column.name() == key);
        found.ok_or_else(|| {
            E::custom(format!("column `{key}` is not among those of the first rows{HINT_FOLLOWS}a greater schema_infer_rows"))
        })
    }
}

/// A value of a column of this type.
#[derive(Clone, Copy)]
struct Value<'a> {
    name: &'a str,
    data_type: &'a DataType,
}

impl Value<'_> {
    fn unfit<E: serde::de::Error>(&self, got: impl fmt::Display) -> E {
        let Value { name, data_type } = self;
        let hint = format!("types => {{'{name}': 'VARCHAR'}}, or a greater schema_infer_rows");
        E::custom(format!("column `{name}` is {data_type}, got {got}{HINT_FOLLOWS}{hint}"))
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.data_type {
            DataType::Struct(columns) => Object { columns, is_table: false }.deserialize(deserializer),
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} in column `{}`", self.data_type, self.name)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        if matches!(self.data_type, DataType::Boolean) || self.data_type.is_string() { Ok(()) } else { Err(self.unfit(value)) }
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        if self.data_type == &DataType::Boolean || self.data_type.is_nested() { Err(self.unfit(value)) } else { Ok(()) }
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        match i64::try_from(value) {
            Err(_) if self.data_type.is_signed_integer() => Err(self.unfit(value)),
            _ => self.visit_i64(0).map_err(|_: E| self.unfit(value)),
        }
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        let whole = value.fract() == 0.0 && value.abs() < EXACT_INTEGER_MAX;
        let takes_whole = self.data_type.is_integer() || self.data_type.is_temporal();
        if takes_whole && !whole { Err(self.unfit(value)) } else { self.visit_i64(0).map_err(|_: E| self.unfit(value)) }
    }

    /// Numbers and times may be written as texts: that they read is seen when they are read.
    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        let inferred = matches!(self.data_type, DataType::Int64 | DataType::Float64 | DataType::Boolean);
        match inferred && value.trim().parse::<f64>().is_err() || self.data_type.is_nested() {
            true => Err(self.unfit(shortened(value))),
            false => Ok(()),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let item = match self.data_type {
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => item,
            _ => return Err(self.unfit("an array")),
        };
        while items.next_element_seed(Value { name: self.name, data_type: item.data_type() })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        match self.data_type {
            DataType::Map(..) => {
                while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(())
            }
            _ => Err(A::Error::custom(self.unfit::<A::Error>("an object"))),
        }
    }
}
