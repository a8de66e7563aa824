//! Options of reading functions: `name => value`, each read once, and no others.

use arrow::array::Array;
use arrow::datatypes::DataType;
use datafusion::scalar::ScalarValue;
use gradframe_ml_core::{Error, Result};
use gradframe_plan::names;

/// The options of one call, taken out one by one.
#[derive(Debug)]
pub(super) struct Arguments {
    function: &'static str,
    /// Names in lower case.
    given: Vec<(String, ScalarValue)>,
    known: Vec<&'static str>,
}

impl Arguments {
    /// The options given to `function`. Errors: `Plan` if one is given twice.
    pub(super) fn new(function: &'static str, options: &[(String, ScalarValue)]) -> Result<Self> {
        let mut arguments = Arguments { function, given: Vec::new(), known: Vec::new() };
        for (name, value) in options {
            let name = name.to_lowercase();
            if arguments.given.iter().any(|(known, _)| *known == name) {
                return Err(Error::plan(function, format!("option `{name}` is given twice")));
            }
            arguments.given.push((name, value.clone()));
        }
        Ok(arguments)
    }

    /// Errors: `Plan` if an option is left that nobody asked for, with the valid ones.
    pub(super) fn finish(self) -> Result<()> {
        let Some((unknown, _)) = self.given.first() else { return Ok(()) };
        let valid = format!("options are {}", self.known.join(", "));
        let hint = match names::nearest(unknown, self.known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`? {valid}"),
            None => valid,
        };
        Err(Error::plan(self.function, format!("unknown option `{unknown}`")).hint(hint))
    }

    /// The value under any of these names. A null counts as not given.
    fn take(&mut self, aliases: &[&'static str]) -> Option<(&'static str, ScalarValue)> {
        self.known.extend(aliases);
        let found = aliases.iter().find_map(|&alias| {
            let place = self.given.iter().position(|(name, _)| name == alias)?;
            Some((alias, self.given.remove(place).1))
        });
        found.filter(|(_, value)| !value.is_null())
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, aliases: &[&'static str]) -> Result<Option<bool>> {
        self.take(aliases)
            .map(|(name, value)| as_boolean(&value).ok_or_else(|| self.unfit(name, "true or false", &value)))
            .transpose()
    }

    /// `true`, `false` or `auto`; the inner None is `auto`.
    pub(super) fn boolean_or_auto(&mut self, aliases: &[&'static str]) -> Result<Option<Option<bool>>> {
        let Some((name, value)) = self.take(aliases) else { return Ok(None) };
        if as_text(&value).is_some_and(|text| text.eq_ignore_ascii_case("auto")) {
            return Ok(Some(None));
        }
        as_boolean(&value).map(|truth| Some(Some(truth))).ok_or_else(|| self.unfit(name, "true, false or 'auto'", &value))
    }

    /// `true` is `default`, `false` is None, and a text is itself.
    pub(super) fn switch_or_text(&mut self, aliases: &[&'static str], default: &str) -> Result<Option<String>> {
        let Some((name, value)) = self.take(aliases) else { return Ok(None) };
        match (as_boolean(&value), as_text(&value)) {
            (Some(true), _) => Ok(Some(default.to_string())),
            (Some(false), _) => Ok(None),
            (None, Some(text)) if !text.is_empty() => Ok(Some(text)),
            _ => Err(self.unfit(name, "true, false or a column's name", &value)),
        }
    }

    /// A number of rows or lines.
    pub(super) fn count(&mut self, aliases: &[&'static str]) -> Result<Option<usize>> {
        let count = |value: &ScalarValue| match value.cast_to(&DataType::Int64) {
            Ok(ScalarValue::Int64(Some(number))) => usize::try_from(number).ok(),
            _ => None,
        };
        self.take(aliases)
            .map(|(name, value)| count(&value).ok_or_else(|| self.unfit(name, "a count from 0", &value)))
            .transpose()
    }

    /// A single one-byte character; `\t` is the tabulator.
    pub(super) fn character(&mut self, aliases: &[&'static str]) -> Result<Option<u8>> {
        let character = |value: &ScalarValue| match as_text(value)?.as_str() {
            "\\t" => Some(b'\t'),
            text => <[u8; 1]>::try_from(text.as_bytes()).ok().map(|[byte]| byte),
        };
        self.take(aliases)
            .map(|(name, value)| character(&value).ok_or_else(|| self.unfit(name, "one ASCII character", &value)))
            .transpose()
    }

    /// A text.
    pub(super) fn text(&mut self, aliases: &[&'static str]) -> Result<Option<String>> {
        self.take(aliases).map(|(name, value)| as_text(&value).ok_or_else(|| self.unfit(name, "a text", &value))).transpose()
    }

    /// A text or a list of texts.
    pub(super) fn texts(&mut self, aliases: &[&'static str]) -> Result<Option<Vec<String>>> {
        self.take(aliases)
            .map(|(name, value)| as_texts(&value).ok_or_else(|| self.unfit(name, "a text or a list of texts", &value)))
            .transpose()
    }

    /// Texts by name: `{'a': 'BIGINT', 'b': 'VARCHAR'}`.
    pub(super) fn named_texts(&mut self, aliases: &[&'static str]) -> Result<Option<Vec<(String, String)>>> {
        self.take(aliases)
            .map(|(name, value)| as_named_texts(&value).ok_or_else(|| self.unfit(name, "{'column': 'type', ...}", &value)))
            .transpose()
    }

    fn unfit(&self, name: &str, expected: &str, value: &ScalarValue) -> Error {
        let got = if as_text(value).is_some_and(|text| text.is_empty()) { "''".to_string() } else { value.to_string() };
        Error::plan(self.function, format!("option `{name}`: expected {expected}, got {got}"))
    }
}

fn as_boolean(value: &ScalarValue) -> Option<bool> {
    match value {
        ScalarValue::Boolean(truth) => *truth,
        other => match as_text(other)?.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        },
    }
}

fn as_text(value: &ScalarValue) -> Option<String> {
    value.try_as_str().flatten().map(str::to_string)
}

fn as_texts(value: &ScalarValue) -> Option<Vec<String>> {
    let elements = match value {
        ScalarValue::List(list) => list.value(0),
        ScalarValue::LargeList(list) => list.value(0),
        ScalarValue::FixedSizeList(list) => list.value(0),
        single => return as_text(single).map(|text| vec![text]),
    };
    (0..elements.len()).map(|i| as_text(&ScalarValue::try_from_array(&elements, i).ok()?)).collect()
}

fn as_named_texts(value: &ScalarValue) -> Option<Vec<(String, String)>> {
    match value {
        ScalarValue::Struct(row) => {
            let named = row.fields().iter().zip(row.columns());
            named
                .map(|(field, column)| Some((field.name().clone(), as_text(&ScalarValue::try_from_array(column, 0).ok()?)?)))
                .collect()
        }
        ScalarValue::Map(map) => {
            let entries = map.value(0);
            let text = |column: usize, row| as_text(&ScalarValue::try_from_array(entries.column(column), row).ok()?);
            (0..entries.len()).map(|row| Some((text(0, row)?, text(1, row)?))).collect()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(options: &[(&str, ScalarValue)]) -> Arguments {
        let options: Vec<_> = options.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
        Arguments::new("read_csv", &options).unwrap()
    }

    #[test]
    fn an_unknown_option_is_refused_with_the_nearest_and_the_valid_ones() {
        let mut given = arguments(&[("heder", ScalarValue::from(true))]);
        assert_eq!(given.boolean(&["header"]).unwrap(), None);
        assert_eq!(given.character(&["delim", "sep"]).unwrap(), None);
        let message = given.finish().unwrap_err().to_string();
        assert_eq!(message, "read_csv: unknown option `heder`; hint: did you mean `header`? options are header, delim, sep");
    }

    #[test]
    fn values_of_another_kind_are_refused() {
        let message = arguments(&[("delim", ScalarValue::from("ab"))]).character(&["delim"]).unwrap_err().to_string();
        assert_eq!(message, "read_csv: option `delim`: expected one ASCII character, got ab");
        assert!(arguments(&[("skip", ScalarValue::from(-1i64))]).count(&["skip"]).is_err());
    }

    #[test]
    fn names_ignore_case_and_aliases_are_one_option() {
        let mut given = arguments(&[("SEP", ScalarValue::from("\\t")), ("nullstr", ScalarValue::from("?"))]);
        assert_eq!(given.character(&["delim", "sep"]).unwrap(), Some(b'\t'));
        assert_eq!(given.texts(&["null_value", "nullstr"]).unwrap(), Some(vec!["?".to_string()]));
        given.finish().unwrap();
    }
}
