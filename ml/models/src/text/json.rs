//! The filter `tojson` of templates, as transformers has it: Python's `json.dumps`, and nothing escaped for HTML.

use std::fmt::Write;

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, ErrorKind, Value};

/// Bytes of an indent and of a separator, at most: they are written as often as a value has items, and are paid for once.
const BYTES_MAX: usize = 16;

type Done = Result<(), Error>;

/// `tojson(ensure_ascii=False, indent=None, separators=None, sort_keys=False)`.
/// Errors: for what JSON has no word for, and for an indent or a separator that is long.
pub fn tojson(value: &Value, ensure_ascii: Option<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let indent = indent(kwargs.get::<Option<Value>>("indent")?)?;
    let separators = separators(kwargs.get::<Option<Value>>("separators")?, indent.is_some())?;
    let named = kwargs.get::<Option<Value>>("ensure_ascii")?;
    let is_true = |given: Option<Value>| given.is_some_and(|value| value.is_true());
    let (ascii, sorted) = (is_true(ensure_ascii.or(named)), is_true(kwargs.get("sort_keys")?));
    kwargs.assert_all_used()?;
    let mut writer = Writer { text: String::new(), depth: 0, indent, separators, ascii, sorted };
    writer.value(value)?;
    Ok(Value::from_safe_string(writer.text))
}

/// What a level is indented by: a number of blanks, or a text; None for one line.
fn indent(given: Option<Value>) -> Result<Option<String>, Error> {
    let Some(given) = given.filter(|value| !value.is_none() && !value.is_undefined()) else { return Ok(None) };
    if let Some(text) = given.as_str() {
        return short("indent", text).map(Some);
    }
    let blanks = match bool::try_from(given.clone()) {
        Ok(flag) => i64::from(flag),
        Err(_) => i64::try_from(given)?,
    };
    match usize::try_from(blanks.max(0)) {
        Ok(blanks) if blanks <= BYTES_MAX => Ok(Some(" ".repeat(blanks))),
        _ => Err(wrong(format!("expected an indent of at most {BYTES_MAX}, got {blanks}"))),
    }
}

/// What stands between items, and between a key and its value.
fn separators(given: Option<Value>, is_indented: bool) -> Result<[String; 2], Error> {
    let Some(given) = given.filter(|value| !value.is_none() && !value.is_undefined()) else {
        return Ok([if is_indented { "," } else { ", " }.to_owned(), ": ".to_owned()]);
    };
    let two = || wrong("separators: expected two texts".into());
    let mut texts = Vec::new();
    for item in given.try_iter()?.take(3) {
        texts.push(short("separators", item.as_str().ok_or_else(two)?)?);
    }
    <[String; 2]>::try_from(texts).map_err(|_| two())
}

fn short(what: &str, text: &str) -> Result<String, Error> {
    if text.len() > BYTES_MAX {
        return Err(wrong(format!("{what}: expected at most {BYTES_MAX} bytes, got {}", text.len())));
    }
    Ok(text.to_owned())
}

fn wrong(what: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("tojson: {what}"))
}

struct Writer {
    text: String,
    depth: usize,
    indent: Option<String>,
    separators: [String; 2],
    ascii: bool,
    sorted: bool,
}

impl Writer {
    fn value(&mut self, value: &Value) -> Done {
        match value.kind() {
            ValueKind::String => self.quoted(value.as_str().unwrap_or_default()),
            ValueKind::Seq | ValueKind::Iterable => self.list(value)?,
            ValueKind::Map => self.map(value)?,
            _ => self.text.push_str(&scalar(value)?),
        }
        Ok(())
    }

    fn list(&mut self, value: &Value) -> Done {
        let mut is_empty = true;
        for item in value.try_iter()? {
            self.before_item(is_empty, '[');
            is_empty = false;
            self.value(&item)?;
        }
        self.close(is_empty, "[]");
        Ok(())
    }

    fn map(&mut self, value: &Value) -> Done {
        let mut keys: Vec<Value> = value.try_iter()?.collect();
        if self.sorted {
            keys.sort();
        }
        for (at, key) in keys.iter().enumerate() {
            self.before_item(at == 0, '{');
            match key.as_str() {
                Some(text) => self.quoted(text),
                None => self.quoted(&scalar(key)?),
            }
            self.text.push_str(&self.separators[1]);
            self.value(&value.get_item(key)?)?;
        }
        self.close(keys.is_empty(), "{}");
        Ok(())
    }

    fn before_item(&mut self, is_first: bool, open: char) {
        if is_first {
            self.text.push(open);
            self.depth += 1;
        } else {
            self.text.push_str(&self.separators[0]);
        }
        self.line();
    }

    /// The end of what these two characters are around.
    fn close(&mut self, is_empty: bool, both: &str) {
        if is_empty {
            return self.text.push_str(both);
        }
        self.depth -= 1;
        self.line();
        self.text.push_str(&both[1..]);
    }

    fn line(&mut self) {
        let Some(indent) = &self.indent else { return };
        self.text.push('\n');
        (0..self.depth).for_each(|_| self.text.push_str(indent));
    }

    fn quoted(&mut self, text: &str) {
        self.text.push('"');
        text.chars().for_each(|character| self.character(character));
        self.text.push('"');
    }

    fn character(&mut self, character: char) {
        match character {
            '"' => self.text.push_str("\\\""),
            '\\' => self.text.push_str("\\\\"),
            '\n' => self.text.push_str("\\n"),
            '\r' => self.text.push_str("\\r"),
            '\t' => self.text.push_str("\\t"),
            '\u{8}' => self.text.push_str("\\b"),
            '\u{c}' => self.text.push_str("\\f"),
            _ if character < ' ' || (self.ascii && character > '~') => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(self.text, "\\u{unit:04x}"); // a text takes all that is written
                }
            }
            _ => self.text.push(character),
        }
    }
}

/// What has no items.
fn scalar(value: &Value) -> Result<String, Error> {
    match value.kind() {
        ValueKind::None => Ok("null".into()),
        ValueKind::Bool => Ok(if value.is_true() { "true" } else { "false" }.into()),
        ValueKind::Number if value.is_integer() => Ok(value.to_string()),
        ValueKind::Number => f64::try_from(value.clone()).map(float),
        kind => Err(wrong(format!("{kind} has no JSON"))),
    }
}

/// A float as Python writes it: with the fewest digits that say which it is, and an exponent where it is far from 1.
fn float(value: f64) -> String {
    if !value.is_finite() {
        return value.to_string().replace("inf", "Infinity");
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>().unwrap_or_default() {
        -4..16 => format!("{value:?}"),
        exponent => format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_python_writes_them() {
        for (value, expected) in [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (123_456_789.25, "123456789.25"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (-2.5e300, "-2.5e+300"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(float(value), expected);
        }
    }
}
