//! Names as SQL spells them.

use datafusion::common::TableReference;
use datafusion::sql::sqlparser::keywords::ALL_KEYWORDS;

/// The name, in quotes where it would not be read as itself.
pub(super) fn quoted(name: &str) -> String {
    if is_plain(name) { name.to_owned() } else { in_quotes(name) }
}

pub(in super::super) fn in_quotes(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A table's name with its schema.
pub(super) fn table(name: &TableReference) -> String {
    let parts = [name.catalog(), name.schema(), Some(name.table())];
    parts.into_iter().flatten().map(quoted).collect::<Vec<_>>().join(".")
}

/// Lower case, letters and digits, and no word that means something else.
fn is_plain(name: &str) -> bool {
    let starts = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_');
    let goes_on = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    starts && goes_on && ALL_KEYWORDS.binary_search(&name.to_ascii_uppercase().as_str()).is_err()
}

/// Names for columns of which each is another one: `x`, `x_2`, ...
pub(super) fn unique<'a>(names: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let names: Vec<&String> = names.into_iter().collect();
    let mut given: Vec<String> = Vec::with_capacity(names.len());
    for name in &names {
        let is_free = |candidate: &String, given: &[String]| !candidate.is_empty() && !given.contains(candidate);
        let mut candidate = (*name).clone();
        let mut number = 1;
        while !is_free(&candidate, &given) || (number > 1 && names.contains(&&candidate)) {
            number += 1;
            candidate = format!("{name}_{number}");
        }
        given.push(candidate);
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_be_read_otherwise_are_quoted() {
        let names = ["fare", "Fare", "a b", "order", "a\"b", "7x", "str.contains", "__row_order", "é"];
        let expected =
            ["fare", "\"Fare\"", "\"a b\"", "\"order\"", "\"a\"\"b\"", "\"7x\"", "\"str.contains\"", "__row_order", "\"é\""];
        assert_eq!(names.map(quoted), expected);
        let columns = ["x", "x", "x_2", ""].map(str::to_owned);
        assert_eq!(unique(&columns), ["x", "x_3", "x_2", "_2"]);
    }
}
