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
                go_on(value, line.trim_matches([' ', '\t']), empty_lines);
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
    if value.starts_with('"') && goes_on(value) {
        value.pop();
        value.push_str(if line.starts_with("\\ ") { &line[1..] } else { line });
        return;
    }
    match empty_lines {
        0 => value.push(' '),
        // Escaped, as all else of a value in double quotes.
        breaks if value.starts_with('"') => value.push_str(&"\\n".repeat(breaks)),
        breaks => value.push_str(&"\n".repeat(breaks)),
    }
    value.push_str(line);
}

/// Whether its last backslash escapes the line break: one that is escaped itself does not.
fn goes_on(value: &str) -> bool {
    value.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

fn unquoted(value: &str) -> String {
    if let Some(inner) = value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return inner.replace("''", "'");
    }
    match value.strip_prefix('"') {
        Some(rest) => unescaped(rest.strip_suffix('"').unwrap_or(rest)),
        None => value.to_owned(),
    }
}

/// What stands in double quotes. Source: YAML 1.1, 5.7 "escape sequences"; what is none stays as it is written.
fn unescaped(inner: &str) -> String {
    let (mut text, mut left) = (String::new(), inner);
    while let Some((before, rest)) = left.split_once('\\') {
        text.push_str(before);
        let (escaped, after) = escape(rest).unwrap_or(('\\', rest));
        text.push(escaped);
        left = after;
    }
    text + left
}

/// The character that an escape stands for, which begins after its backslash, and what comes after it.
fn escape(text: &str) -> Option<(char, &str)> {
    let kind = text.chars().next()?;
    let rest = &text[kind.len_utf8()..];
    let digits = match kind {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => return Some((named_escape(kind)?, rest)),
    };
    let (number, rest) = rest.split_at_checked(digits)?;
    Some((char::from_u32(u32::from_str_radix(number, 16).ok()?)?, rest))
}

fn named_escape(kind: char) -> Option<char> {
    Some(match kind {
        '0' => '\0',
        'a' => '\x07',
        'b' => '\x08',
        't' | '\t' => '\t',
        'n' => '\n',
        'v' => '\x0b',
        'f' => '\x0c',
        'r' => '\r',
        'e' => '\x1b',
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        ' ' | '"' | '/' | '\\' => kind,
        _ => return None,
    })
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
    fn escapes_in_double_quotes_are_yaml_s() {
        for (written, read) in [
            (r#""odd \U0001F695 \"d\" #: x""#, "odd \u{1f695} \"d\" #: x"),
            (r#""\xE9\U0001F695\Lx\P\x7F\N\_\e\0""#, "\u{e9}\u{1f695}\u{2028}x\u{2029}\x7f\u{85}\u{a0}\x1b\0"),
            (r#""a\tb\r\nc\\d\/\a\b\v\f""#, "a\tb\r\nc\\d/\x07\x08\x0b\x0c"),
            (r#""\q \x4 \uD83D \U00110000 \""#, r"\q \x4 \uD83D \U00110000 \"),
            (r#""\u00e9\ \x""#, "\u{e9} \\x"),
            (r#""""#, ""),
        ] {
            assert_eq!(unquoted(written), read, "{written}");
        }
        let read = read("name: \"ends in \\\\\\\n  \\ on\"\nlast: \"a \\\\\n  b\"\n");
        assert_eq!((read["name"].as_str(), read["last"].as_str()), ("ends in \\ on", "a \\ b"));
    }

    #[test]
    fn long_values_are_put_together_as_they_were() {
        let read = read("double: \"a\\\n  \\ b\\n\\\n  c\"\nsingle: 'one\n\n  two'\nquoted: 'null'\n");
        assert_eq!((read["double"].as_str(), read["single"].as_str(), read["quoted"].as_str()), ("a b\nc", "one\ntwo", "null"));
    }
}
