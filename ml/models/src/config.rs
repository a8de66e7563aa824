//! `config.json` read field by field: each by its name and type, with a default or an error that says what was expected.

use gradframe_ml_core::{Error, Result};
use serde_json::Value;

use crate::files::{Directory, OP};

/// The largest size that a configuration may name: what is larger is a lie, and would be allocated.
const SIZE_MAX: u64 = 1 << 31;
/// The most layers, far beyond any model's: what each of them needs is made before its weights are looked for.
const LAYERS_MAX: usize = 1 << 12;

/// A configuration, and the file it was read from.
#[derive(Debug, Clone)]
pub struct Config {
    file: String,
    fields: Value,
}

impl Config {
    /// Of a file that must be there. Errors: `External` if it is missing, `Execution` if it is not a JSON object.
    pub fn read(directory: &Directory, file: &str) -> Result<Self> {
        let missing = || {
            let what = format!("{} has no {file}", directory.path().display());
            Error::external(OP, what).hint("a model's directory holds config.json, tokenizer.json and model.safetensors")
        };
        Self::read_if_there(directory, file)?.ok_or_else(missing)
    }

    /// Of a file that may be there. Errors: `Execution` if it is not a JSON object.
    pub fn read_if_there(directory: &Directory, file: &str) -> Result<Option<Self>> {
        match directory.json(file)? {
            None => Ok(None),
            Some(fields @ Value::Object(_)) => Ok(Some(Config { file: file.to_owned(), fields })),
            Some(other) => Err(Error::execution(OP, format!("{file}: expected an object, got {}", kind(&other)))),
        }
    }

    /// Of fields that were read elsewhere.
    pub fn new(file: &str, fields: Value) -> Self {
        Config { file: file.to_owned(), fields }
    }

    /// A field's value; None if it is absent or null.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// True if the field is there and says null.
    pub fn is_null(&self, name: &str) -> bool {
        self.fields.get(name).is_some_and(Value::is_null)
    }

    /// A nested object; what is not an object is as absent.
    pub fn nested(&self, name: &str) -> Option<Config> {
        let fields = self.get(name).filter(|v| v.is_object())?;
        Some(Config { file: format!("{}: {name}", self.file), fields: fields.clone() })
    }

    /// A size. Errors: `Execution` if it is absent, not a whole number or too large for any model.
    pub fn size(&self, name: &str) -> Result<usize> {
        let value = self.get(name).ok_or_else(|| self.wrong(name, "a size", None))?;
        let size = value.as_u64().filter(|&n| n <= SIZE_MAX).ok_or_else(|| self.wrong(name, "a size", Some(value)))?;
        Ok(size as usize)
    }

    /// A size, or what it is where it is absent.
    pub fn size_or(&self, name: &str, default: usize) -> Result<usize> {
        if self.get(name).is_some() { self.size(name) } else { Ok(default) }
    }

    /// A size that something is divided into. Errors: also if it is 0.
    pub fn count(&self, name: &str) -> Result<usize> {
        match self.size(name)? {
            0 => Err(self.wrong(name, "a positive size", self.get(name))),
            size => Ok(size),
        }
    }

    /// A number of layers. Errors: as for a size; also if no model has so many.
    pub fn layers(&self, name: &str) -> Result<usize> {
        let layers = self.size(name)?;
        if layers > LAYERS_MAX {
            return Err(self.wrong(name, &format!("layers, {LAYERS_MAX} at most"), self.get(name)));
        }
        Ok(layers)
    }

    /// A number, or what it is where it is absent. Errors: `Execution` if it is no number.
    pub fn number_or(&self, name: &str, default: f64) -> Result<f64> {
        let Some(value) = self.get(name) else { return Ok(default) };
        value.as_f64().ok_or_else(|| self.wrong(name, "a number", Some(value)))
    }

    /// True or false, or what it is where it is absent. Errors: `Execution` if it is neither.
    pub fn flag_or(&self, name: &str, default: bool) -> Result<bool> {
        let Some(value) = self.get(name) else { return Ok(default) };
        value.as_bool().ok_or_else(|| self.wrong(name, "true or false", Some(value)))
    }

    /// A text, or what it is where it is absent. Errors: `Execution` if it is no text.
    pub fn text_or<'a>(&'a self, name: &str, default: &'a str) -> Result<&'a str> {
        let Some(value) = self.get(name) else { return Ok(default) };
        value.as_str().ok_or_else(|| self.wrong(name, "a text", Some(value)))
    }

    /// An error about a field: what was expected of it.
    pub fn wrong(&self, name: &str, expected: &str, got: Option<&Value>) -> Error {
        let got = got.map_or("nothing".to_owned(), |value| shortened(&value.to_string()));
        Error::execution(OP, format!("{}: `{name}`: expected {expected}, got {got}", self.file))
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a bool",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn shortened(text: &str) -> String {
    const MOST: usize = 60;
    if text.chars().count() <= MOST { text.to_owned() } else { text.chars().take(MOST).chain("...".chars()).collect() }
}
