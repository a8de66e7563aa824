//! What kind of values a JSON column holds.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// The narrowest kind that all values of a column have so far.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// No value yet.
    Null,
    Boolean,
    Integer,
    Float,
    Text,
    List(Box<Kind>),
    Struct(Vec<(String, Kind)>),
    /// Sometimes nested and sometimes not, or an object without keys: kept as JSON text.
    Json,
}

impl Kind {
    /// The narrowest kind that holds the values of both.
    pub(super) fn or(self, other: Kind) -> Kind {
        match (self, other) {
            (Kind::Null, kind) | (kind, Kind::Null) => kind,
            (Kind::List(a), Kind::List(b)) => Kind::List(Box::new(a.or(*b))),
            (Kind::Struct(a), Kind::Struct(b)) => Kind::Struct(or_fields(a, b)),
            (a, b) if a == b => a,
            (Kind::Integer, Kind::Float) | (Kind::Float, Kind::Integer) => Kind::Float,
            (a, b) if a.is_scalar() && b.is_scalar() => Kind::Text,
            _ => Kind::Json,
        }
    }

    fn is_scalar(&self) -> bool {
        matches!(self, Kind::Boolean | Kind::Integer | Kind::Float | Kind::Text)
    }

    /// True if the values cannot be had but as JSON text.
    fn is_json(&self) -> bool {
        match self {
            Kind::Json => true,
            Kind::List(item) => item.is_json(),
            Kind::Struct(fields) => fields.is_empty() || fields.iter().any(|(_, kind)| kind.is_json()),
            _ => false,
        }
    }

    /// A column of this kind. A column of JSON text says so in its metadata.
    pub(super) fn field(&self, name: &str) -> Field {
        if self.is_json() { json_field(name) } else { Field::new(name, self.data_type(), true) }
    }

    fn data_type(&self) -> DataType {
        match self {
            Kind::Null => DataType::Null,
            Kind::Boolean => DataType::Boolean,
            Kind::Integer => DataType::Int64,
            Kind::Float => DataType::Float64,
            Kind::Text | Kind::Json => DataType::Utf8,
            Kind::List(item) => DataType::new_list(item.data_type(), true),
            Kind::Struct(fields) => {
                let fields = fields.iter().map(|(name, kind)| Field::new(name, kind.data_type(), true));
                DataType::Struct(fields.collect())
            }
        }
    }
}

/// Fields by name, each once.
pub(super) fn or_fields(mut a: Vec<(String, Kind)>, b: Vec<(String, Kind)>) -> Vec<(String, Kind)> {
    for (place, (name, kind)) in b.into_iter().enumerate() {
        // Objects mostly have the same keys in the same order.
        let here = |(known, _): &(String, Kind)| *known == name;
        let found = if a.get(place).is_some_and(here) { Some(place) } else { a.iter().position(here) };
        match found {
            Some(found) => {
                let before = std::mem::replace(&mut a[found].1, Kind::Null);
                a[found].1 = before.or(kind);
            }
            None => a.push((name, kind)),
        }
    }
    a
}

/// The canonical extension type of JSON text.
const JSON_EXTENSION: &str = "arrow.json";
const EXTENSION_NAME: &str = "ARROW:extension:name";

fn json_field(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true).with_metadata([(EXTENSION_NAME.to_string(), JSON_EXTENSION.to_string())].into())
}

/// True for a column that holds JSON text, whatever its values are in the file.
pub(super) fn is_json(field: &Field) -> bool {
    field.metadata().get(EXTENSION_NAME).is_some_and(|name| name == JSON_EXTENSION)
}

/// The schema with text in place of types that are not known.
pub(super) fn known_types(schema: &Schema) -> Schema {
    Schema::new(known_fields(schema.fields()))
}

fn known_fields(fields: &Fields) -> Fields {
    fields.iter().map(known_field).collect()
}

fn known_field(field: &FieldRef) -> FieldRef {
    let data_type = match field.data_type() {
        DataType::Null => DataType::Utf8,
        DataType::List(item) => DataType::List(known_field(item)),
        DataType::Struct(fields) => DataType::Struct(known_fields(fields)),
        other => other.clone(),
    };
    Arc::new(field.as_ref().clone().with_data_type(data_type))
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KindVisitor)
    }
}

struct KindVisitor;

impl<'de> Visitor<'de> for KindVisitor {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Kind, E> {
        Ok(Kind::Boolean)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Kind, E> {
        Ok(Kind::Integer)
    }

    /// An integer beyond 64 bits with sign is text: reading changes no value.
    fn visit_u64<E>(self, value: u64) -> Result<Kind, E> {
        Ok(if i64::try_from(value).is_ok() { Kind::Integer } else { Kind::Text })
    }

    fn visit_f64<E>(self, _: f64) -> Result<Kind, E> {
        Ok(Kind::Float)
    }

    fn visit_str<E>(self, _: &str) -> Result<Kind, E> {
        Ok(Kind::Text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Kind, A::Error> {
        let mut item = Kind::Null;
        while let Some(next) = items.next_element::<Kind>()? {
            item = item.or(next);
        }
        Ok(Kind::List(Box::new(item)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Kind, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = entries.next_entry::<String, Kind>()? {
            fields = or_fields(fields, vec![field]);
        }
        Ok(Kind::Struct(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Kind {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn kinds_of_values() {
        assert_eq!(of("18446744073709551615"), Kind::Text);
        assert_eq!(of("-9223372036854775808"), Kind::Integer);
        assert_eq!(of("1.0"), Kind::Float);
        assert_eq!(of("[1, 2.5, null]"), Kind::List(Box::new(Kind::Float)));
        assert_eq!(of("[]").field("x").data_type(), &DataType::new_list(DataType::Null, true));
        assert!(is_json(&of("[1, [2]]").field("x")), "nested and not nested");
        assert!(is_json(&of("{\"a\": {}}").field("x")), "no struct is without fields");
        assert!(is_json(&of("1").or(of("[1]")).field("x")));
    }

    #[test]
    fn structs_gather_their_keys() {
        let both = of(r#"{"a": 1, "b": "x"}"#).or(of(r#"{"b": "y", "c": true, "a": 0.5}"#));
        let fields = [("a", Kind::Float), ("b", Kind::Text), ("c", Kind::Boolean)].map(|(name, kind)| (name.to_string(), kind));
        assert_eq!(both, Kind::Struct(fields.to_vec()));
    }
}
