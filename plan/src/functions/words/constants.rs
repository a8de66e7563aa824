//! Constants in a word: `3`, `0.5`, `true`, `'text'`; of any other type, its name and the value as text: `Int32 '5'`, `Date32 null`.

use arrow::array::Array;
use arrow::datatypes::DataType;
use arrow::util::display::array_value_to_string;
use datafusion::common::ScalarValue;

/// An argument that is no constant.
const GAP: &str = "_";

/// The constants, between commas. One that has no text which reads back as itself is shown and cannot be read.
pub(super) fn written(constants: &[ScalarValue]) -> String {
    constants.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn one(constant: &ScalarValue) -> String {
    match constant {
        ScalarValue::Boolean(Some(flag)) => flag.to_string(),
        ScalarValue::Int64(Some(number)) => number.to_string(),
        ScalarValue::Float64(Some(number)) if number.is_finite() => format!("{number:?}"),
        ScalarValue::Utf8(Some(text)) => quoted(text),
        other if other.is_null() => format!("{} null", other.data_type()),
        ScalarValue::List(list) => format!("{} [{}]", constant.data_type(), items(&list.value(0))),
        other => match other.to_array().and_then(|array| Ok(array_value_to_string(&array, 0)?)) {
            Ok(text) => format!("{} {}", other.data_type(), quoted(&text)),
            Err(_) => format!("{} ?", other.data_type()),
        },
    }
}

fn items(values: &dyn Array) -> String {
    let item = |at| ScalarValue::try_from_array(values, at).map_or_else(|_| "?".to_owned(), |value| one(&value));
    (0..values.len()).map(item).collect::<Vec<_>>().join(", ")
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Constants among which there are gaps.
pub(super) fn with_gaps(constants: &[Option<ScalarValue>]) -> String {
    constants.iter().map(|constant| constant.as_ref().map_or_else(|| GAP.to_owned(), one)).collect::<Vec<_>>().join(", ")
}

/// What [`with_gaps`] has written.
pub(super) fn read_with_gaps(mut text: &str) -> Option<Vec<Option<ScalarValue>>> {
    let mut constants = vec![];
    loop {
        let rest = match text.strip_prefix(GAP) {
            Some(rest) => {
                constants.push(None);
                rest
            }
            None => {
                let (constant, rest) = first(text)?;
                constants.push(Some(constant));
                rest
            }
        };
        match rest.strip_prefix(", ") {
            Some(more) => text = more,
            None => return rest.is_empty().then_some(constants),
        }
    }
}

/// The constants of a text; None for what was not written here.
pub(super) fn read(mut text: &str) -> Option<Vec<ScalarValue>> {
    let mut constants = vec![];
    if text.is_empty() {
        return Some(constants);
    }
    loop {
        let (constant, rest) = first(text)?;
        constants.push(constant);
        match rest.strip_prefix(", ") {
            Some(more) => text = more,
            None => return rest.is_empty().then_some(constants),
        }
    }
}

/// The first constant, and what follows it.
fn first(text: &str) -> Option<(ScalarValue, &str)> {
    if text.starts_with('\'') {
        let (value, rest) = unquoted(text)?;
        return Some((value.into(), rest));
    }
    plain(text).or_else(|| if text.starts_with("List(") { list(text) } else { None }).or_else(|| of_type(text))
}

/// A number or a flag, up to the next comma.
fn plain(text: &str) -> Option<(ScalarValue, &str)> {
    let end = text.find(", ").unwrap_or(text.len());
    let end = text.find(']').map_or(end, |bracket| end.min(bracket));
    let (own, rest) = text.split_at(end);
    let flag = own.parse::<bool>().ok().map(ScalarValue::from);
    let whole = own.parse::<i64>().ok().map(ScalarValue::from);
    let is_number = own.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    let fraction = || own.parse::<f64>().ok().filter(|_| is_number).map(ScalarValue::from);
    Some((flag.or(whole).or_else(fraction)?, rest))
}

/// A list: its type, and its items in brackets.
fn list(text: &str) -> Option<(ScalarValue, &str)> {
    let (data_type, inside) = text.split_once(" [")?;
    let DataType::List(item) = data_type.parse::<DataType>().ok()? else { return None };
    let (mut values, mut rest) = (vec![], inside);
    while !rest.starts_with(']') {
        let (value, more) = first(rest)?;
        values.push(value.cast_to(item.data_type()).ok()?);
        rest = more.strip_prefix(", ").unwrap_or(more);
    }
    Some((ScalarValue::List(ScalarValue::new_list(&values, item.data_type(), item.is_nullable())), &rest[1..]))
}

/// The type is written without quotes around its parts but for a time zone's and fields' names, which are in double ones.
fn of_type(text: &str) -> Option<(ScalarValue, &str)> {
    let value = text.find(" '").filter(|at| text.find(" null").is_none_or(|null| *at < null));
    let Some(at) = value else {
        let (data_type, rest) = text.split_once(" null")?;
        return Some((ScalarValue::try_from(&data_type.parse::<DataType>().ok()?).ok()?, rest));
    };
    let data_type: DataType = text[..at].parse().ok()?;
    let (value, rest) = unquoted(&text[at + 1..])?;
    Some((ScalarValue::from(value).cast_to(&data_type).ok().filter(|read| !read.is_null())?, rest))
}

/// The text in quotes, and what follows it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let inside = text.strip_prefix('\'')?;
    let mut value = String::new();
    let mut rest = inside;
    loop {
        let (part, more) = rest.split_once('\'')?;
        value.push_str(part);
        match more.strip_prefix('\'') {
            Some(more) => {
                value.push('\'');
                rest = more;
            }
            None => return Some((value, more)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let constants = vec![
            ScalarValue::from(-3_i64),
            0.1.into(),
            1e300.into(),
            true.into(),
            "it's, 'quoted' ['\"]".into(),
            "".into(),
            ScalarValue::UInt64(Some(u64::MAX)),
            ScalarValue::Int32(None),
            ScalarValue::Date32(Some(19_000)),
            ScalarValue::TimestampMicrosecond(Some(1_700_000_000_123_456), Some("Europe/Berlin".into())),
            ScalarValue::TimestampMicrosecond(None, Some("UTC".into())),
            ScalarValue::Float64(Some(f64::INFINITY)),
            ScalarValue::List(ScalarValue::new_list(&[true.into(), ScalarValue::Boolean(None)], &DataType::Boolean, true)),
            ScalarValue::List(ScalarValue::new_list(&["a]".into(), "b".into()], &DataType::Utf8, true)),
            ScalarValue::List(ScalarValue::new_list(&[], &DataType::Date32, true)),
            ScalarValue::try_from(&DataType::new_list(DataType::Int64, true)).expect("a null list"),
        ];
        assert_eq!(read(&written(&constants)), Some(constants));
        assert_eq!(read(""), Some(vec![]));
        for broken in ["3,", "'a", "Int32", "Int33 '1'", "3 4", "Int32 'a'"] {
            assert_eq!(read(broken), None, "{broken}");
        }
    }
}
