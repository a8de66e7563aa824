//! `meta.yaml` as MLflow writes it: names with plain or quoted values, and one level of such below a name.

use std::collections::HashMap;

/// Names and values. A value that goes on in the next lines, which begin with spaces, is put together.
pub(super) fn read(text: &str) -> HashMap<String, String> {
    entries(text.lines()).into_iter().collect()
}

/// The names and values below a name.
pub(super) fn below(text: &str, name: &str) -> Vec<(String, String)> {
    let after = text.lines().skip_while(|line| line.strip_suffix(':') != Some(name)).skip(1);
    let lines = after.take_while(|line| line.is_empty() || line.starts_with(' '));
    entries(lines.map(|line| line.strip_prefix("  ").unwrap_or(line)))
}

fn entries<'t>(lines: impl Iterator<Item = &'t str>) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut empty_lines = 0;
    for line in lines {
        if line.is_empty() {
            empty_lines += 1;
        } else if line.starts_with(' ') {
            if let Some((_, value)) = found.last_mut() {
                go_on(value, line.trim(), empty_lines);
            }
            empty_lines = 0;
        } else if let Some((name, value)) = named(line) {
            found.push((unquoted(name.trim()), value.trim().to_owned()));
            empty_lines = 0;
        }
    }
    let is_there = |(_, value): &(String, String)| value != "null";
    found.into_iter().filter(is_there).map(|(name, value)| (name, unquoted(&value))).collect()
}

/// A name, which may be quoted, and what comes after its colon.
fn named(line: &str) -> Option<(&str, &str)> {
    let quote = line.chars().next().filter(|c| matches!(c, '\'' | '"'));
    let Some(quote) = quote else { return line.split_once(':') };
    let end = line.find(&format!("{quote}:"))? + quote.len_utf8();
    Some((&line[..end], &line[end + 1..]))
}

/// Adds a line to a value. A line break is a space, an empty line one break; in double quotes a backslash at the end is neither, and
/// stands before a space at a beginning.
fn go_on(value: &mut String, line: &str, empty_lines: usize) {
    if value.starts_with('"') && value.ends_with('\\') {
        value.pop();
        value.push_str(if line.starts_with("\\ ") { &line[1..] } else { line });
        return;
    }
    match empty_lines {
        0 => value.push(' '),
        // As JSON has it, which is what a value in double quotes is read as.
        breaks if value.starts_with('"') => value.push_str(&"\\n".repeat(breaks)),
        breaks => value.push_str(&"\n".repeat(breaks)),
    }
    value.push_str(line);
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

    #[test]
    fn names_below_a_name_are_read_alone() {
        let text = "a: 1\ntags:\n  mlflow.data.context: training\n  'x: y': '1'\n  long: one\n    two\nz: 2\n";
        let expected = [("mlflow.data.context", "training"), ("x: y", "1"), ("long", "one two")];
        assert_eq!(below(text, "tags"), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(below("tags: {}\nz: 2\n", "tags"), []);
    }

    #[test]
    fn long_values_are_put_together_as_they_were() {
        let read = read("double: \"a\\\n  \\ b\\n\\\n  c\"\nsingle: 'one\n\n  two'\nquoted: 'null'\n");
        assert_eq!((read["double"].as_str(), read["single"].as_str(), read["quoted"].as_str()), ("a b\nc", "one\ntwo", "null"));
    }
}
