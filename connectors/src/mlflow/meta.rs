//! `meta.yaml` as MLflow writes it: one level of names with plain or quoted values.

use std::collections::HashMap;

/// Names and values. A value that goes on in the next lines, which begin with spaces, is put together.
pub(super) fn read(text: &str) -> HashMap<String, String> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        if line.starts_with(' ') {
            if let Some((_, value)) = found.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            found.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    found.into_iter().map(|(name, value)| (name, unquoted(&value))).filter(|(_, value)| value != "null").collect()
}

fn unquoted(value: &str) -> String {
    if let Some(inner) = value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return inner.replace("''", "'");
    }
    if value.starts_with('"') {
        // What YAML escapes in double quotes JSON escapes too, but for characters beyond 16 bits.
        return serde_json::from_str(value).unwrap_or_else(|_| wide(value));
    }
    value.to_owned()
}

/// `"\U0001F695"`, which JSON does not know.
fn wide(value: &str) -> String {
    let mut text = String::new();
    let mut left = value.trim_matches('"');
    while let Some((before, rest)) = left.split_once("\\U") {
        text.push_str(before);
        let (digits, rest) = rest.split_at_checked(8).unwrap_or((rest, ""));
        text.extend(u32::from_str_radix(digits, 16).ok().and_then(char::from_u32));
        left = rest;
    }
    text + left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_plain_quoted_or_long() {
        let read =
            read("name: taxi\nend_time: null\nquoted: 'it''s'\nwide: \"a \\U0001F695\"\nlong: 'a\n  b'\nuri: file:///x:y\n");
        let expected = [("name", "taxi"), ("quoted", "it's"), ("wide", "a \u{1f695}"), ("long", "a b"), ("uri", "file:///x:y")];
        assert_eq!(read.len(), expected.len());
        for (name, value) in expected {
            assert_eq!(read[name], value);
        }
    }
}
