//! A call's arguments: JSON in the body, or names and values in the address.

use std::io;

use base64::Engine;
use serde_json::{Map, Value};

use super::answer::Failure;
use crate::http::{Body, Request};

/// The arguments of one call.
#[derive(Debug)]
pub struct Call(Map<String, Value>);

type Result<T> = std::result::Result<T, Failure>;

impl Call {
    /// Reads them. Errors: a body that is too long or no object of JSON.
    pub fn read(request: &Request, body: &mut Body<'_>, bytes_max: u64) -> Result<Self> {
        let bytes = body.read_all(bytes_max).map_err(|error| not_read(&error))?;
        let mut arguments = match bytes.is_empty() {
            true => Map::new(),
            false => match serde_json::from_slice(&bytes) {
                Ok(Value::Object(arguments)) => arguments,
                Ok(_) => return Err(Failure::invalid("the body is no object of JSON")),
                Err(error) => return Err(Failure::invalid(format!("the body is no JSON: {error}"))),
            },
        };
        for (name, value) in &request.query {
            // A name that comes again is a list.
            match arguments.get_mut(name) {
                Some(Value::Array(values)) => values.push(Value::String(value.clone())),
                Some(first) => *first = Value::Array(vec![first.take(), Value::String(value.clone())]),
                None => drop(arguments.insert(name.clone(), Value::String(value.clone()))),
            }
        }
        Ok(Call(arguments))
    }

    /// Whatever is said.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A text that is there and not empty; None without one.
    pub fn maybe(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// A text that is there, an empty one too; None without one.
    pub fn said(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// As [`Call::maybe`]; what is no text is an error, not none.
    pub fn optional(&self, name: &str) -> Result<Option<&str>> {
        match self.0.get(name) {
            None | Some(Value::Null | Value::String(_)) => Ok(self.maybe(name)),
            Some(other) => Err(Failure::invalid(format!("`{name}` is {other}, expected a text"))),
        }
    }

    /// A text that has to be there.
    pub fn text(&self, name: &str) -> Result<&str> {
        self.maybe(name).ok_or_else(|| Failure::invalid(format!("missing value for required parameter `{name}`")))
    }

    /// An integer, as a number or as text, which is how 64 bits travel.
    pub fn integer(&self, name: &str) -> Result<Option<i64>> {
        self.0.get(name).map(|value| integer(name, value)).transpose()
    }

    /// True if it is there and says so; in an address as text.
    pub fn flag(&self, name: &str) -> bool {
        match self.0.get(name) {
            Some(Value::Bool(truth)) => *truth,
            Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
            _ => false,
        }
    }

    /// A list, empty if it is not there.
    pub fn list(&self, name: &str) -> Result<Vec<&Value>> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(vec![]),
            Some(Value::Array(values)) => Ok(values.iter().collect()),
            Some(one @ Value::String(_)) => Ok(vec![one]),
            Some(_) => Err(Failure::invalid(format!("`{name}` is no list"))),
        }
    }

    /// A list of texts.
    pub fn texts(&self, name: &str) -> Result<Vec<String>> {
        let text = |value: &Value| match value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            _ => Err(Failure::invalid(format!("`{name}` is no list of texts"))),
        };
        self.list(name)?.into_iter().map(text).collect()
    }

    /// A list of objects with `key` and `value`.
    pub fn pairs(&self, name: &str) -> Result<Vec<(String, String)>> {
        self.list(name)?.into_iter().map(pair).collect()
    }

    /// The arguments as they came.
    pub fn all(&self) -> Value {
        Value::Object(self.0.clone())
    }
}

/// The body could not be read: a fault of its client's.
pub fn not_read(error: &io::Error) -> Failure {
    let what = format!("the body cannot be read: {error}");
    if error.kind() == io::ErrorKind::FileTooLarge { Failure::too_long(what) } else { Failure::invalid(what) }
}

/// A name and its value in an object.
pub fn pair(value: &Value) -> Result<(String, String)> {
    let key = value.get("key").and_then(Value::as_str).filter(|key| !key.is_empty());
    let key = key.ok_or_else(|| Failure::invalid("missing value for required parameter `key`"))?;
    let text = match value.get("value") {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => String::new(),
        Some(other) => other.to_string(),
    };
    Ok((key.to_owned(), text))
}

/// An integer from a number or a text.
pub fn integer(name: &str, value: &Value) -> Result<i64> {
    let number = match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(whole)),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| Failure::invalid(format!("`{name}` is no integer: {value}")))
}

/// A float that is an integer: what some clients write of one.
fn whole(number: f64) -> Option<i64> {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0; // 2^63
    (number.fract() == 0.0 && (-BEYOND..BEYOND).contains(&number)).then_some(number as i64)
}

/// A float from a number, or from what JSON has no number for: `NaN`, `Infinity`, `-Infinity`.
pub fn float(name: &str, value: &Value) -> Result<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            text => text.parse().ok(),
        },
        _ => None,
    };
    number.ok_or_else(|| Failure::invalid(format!("`{name}` is no number: {value}")))
}

/// A float as JSON.
pub fn number(value: f64) -> Value {
    match serde_json::Number::from_f64(value) {
        Some(number) => Value::Number(number),
        None if value.is_nan() => "NaN".into(),
        None if value > 0.0 => "Infinity".into(),
        None => "-Infinity".into(),
    }
}

/// The secret of an Authorization header: a bearer's token, or the password of a basic one.
pub fn credential(header: &str) -> Option<String> {
    let (scheme, secret) = header.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(secret.trim().to_owned());
    }
    let decoded =
        base64::engine::general_purpose::STANDARD.decode(secret.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    String::from_utf8(decoded).ok()?.split_once(':').map(|(_, password)| password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_json_lacks_travel_as_texts() {
        for value in [0.1, f64::INFINITY, f64::NEG_INFINITY, -0.0] {
            assert_eq!(float("v", &number(value)).unwrap(), value);
        }
        assert!(float("v", &number(f64::NAN)).unwrap().is_nan());
        assert!(float("v", &Value::Null).is_err() && float("v", &"x".into()).is_err());
        assert_eq!(integer("v", &"12".into()).unwrap(), 12);
        assert_eq!(integer("v", &serde_json::json!(3.0)).unwrap(), 3);
        for wrong in ["\"1.5\"", "1.5", "9223372036854775808", "1e30", "true"] {
            assert!(integer("v", &serde_json::from_str(wrong).unwrap()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn secrets_are_read_from_both_schemes() {
        assert_eq!(credential("Bearer abc"), Some("abc".into()));
        assert_eq!(credential("Basic dXNlcjpzZTpjcmV0"), Some("se:cret".into()));
        assert_eq!(credential("Basic !!"), None);
        assert_eq!(credential("nonsense"), None);
    }
}
