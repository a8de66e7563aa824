//! Syntax errors as the user should see them: sqlparser's message in our words, a place always, a hint where the slip is a
//! common one.

use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan};
use gradframe_ml_core::{Error, Result};
use gradframe_plan::error::from_datafusion;
use gradframe_plan::names::nearest;

use crate::tokens::is_word;

/// Statements begin with these.
const STATEMENTS: [&str; 20] = [
    "SELECT",
    "WITH",
    "FROM",
    "VALUES",
    "CREATE",
    "DROP",
    "INSERT",
    "UPDATE",
    "DELETE",
    "MERGE",
    "COPY",
    "EXPLAIN",
    "DESCRIBE",
    "SHOW",
    "SET",
    "RESET",
    "PREPARE",
    "EXECUTE",
    "DEALLOCATE",
    "TRUNCATE",
];

/// Clauses of a query and of CREATE MODEL begin with these.
const CLAUSES: [&str; 20] = [
    "FROM",
    "WHERE",
    "GROUP",
    "HAVING",
    "ORDER",
    "LIMIT",
    "OFFSET",
    "JOIN",
    "LEFT",
    "RIGHT",
    "INNER",
    "CROSS",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "USING",
    "WINDOW",
    "QUALIFY",
    "OPTIONS",
    "AS",
];

/// An error of sqlparser or DataFusion as ours.
pub(crate) fn ours<T>(result: Result<T, impl Into<datafusion::error::DataFusionError>>) -> Result<T> {
    result.map_err(|error| from_datafusion(error.into()))
}

/// "expected x, found y", at the token that was found.
pub(crate) fn expected(what: &str, found: &TokenWithSpan) -> Error {
    let error = Error::plan("sql", format!("expected: {what}, found: {found}"));
    at(error, found.span.start)
}

/// The error at this place, unless the place is unknown.
pub(crate) fn at(error: Error, place: Location) -> Error {
    if place.line == 0 { error } else { error.at(place.line, place.column) }
}

/// Finishes the parser's error about a statement of these tokens, which ends at `end`.
pub(crate) fn finish(error: Error, tokens: &[TokenWithSpan], end: Location) -> Error {
    if !matches!(error, Error::Plan(_)) {
        return error;
    }
    let detail = error.detail();
    let place = detail.place.map_or(end, |place| Location::new(place.line, place.column));
    let (what, hint) = match expected_and_found(&detail.what) {
        Some((expected, found)) => (in_words(expected, found), hint(expected, found, tokens, place)),
        None => (detail.what.clone(), None),
    };
    let finished = at(Error::plan(&detail.op, what), place);
    match detail.hint.clone().or(hint) {
        Some(hint) => finished.hint(hint),
        None => finished,
    }
}

/// Takes sqlparser's `Expected: x, found: y` apart.
fn expected_and_found(message: &str) -> Option<(&str, &str)> {
    let rest = message.strip_prefix("expected: ").or_else(|| message.strip_prefix("Expected: "))?;
    rest.rsplit_once(", found: ")
}

fn in_words(expected: &str, found: &str) -> String {
    match found {
        "EOF" => format!("expected {expected}, found the end of the statement"),
        _ => format!("expected {expected}, found `{found}`"),
    }
}

fn hint(expected: &str, found: &str, tokens: &[TokenWithSpan], place: Location) -> Option<String> {
    if found == "EOF" {
        return open_parenthesis(tokens).map(|open| {
            let Location { line, column } = open.span.start;
            format!("the parenthesis opened at line {line}, column {column} is never closed")
        });
    }
    if has_bare_query_argument(tokens) {
        return Some("a query that is an argument stands in parentheses: (SELECT ...)".into());
    }
    let before = tokens.iter().rev().find(|token| token.span.start < place);
    if expected == "an expression" && before.is_some_and(|token| token.token == Token::Comma) {
        return Some("remove the comma before it".into());
    }
    let candidates: &[&str] = if expected == "an SQL statement" { &STATEMENTS } else { &CLAUSES };
    let near = nearest(found, candidates.iter().copied()).filter(|near| !near.eq_ignore_ascii_case(found));
    near.map(|near| format!("did you mean `{near}`?"))
}

/// No SQL has a comma before SELECT.
fn has_bare_query_argument(tokens: &[TokenWithSpan]) -> bool {
    tokens.windows(2).any(|pair| pair[0].token == Token::Comma && is_word(&pair[1].token, "SELECT"))
}

/// The innermost parenthesis that is still open at the end.
fn open_parenthesis(tokens: &[TokenWithSpan]) -> Option<&TokenWithSpan> {
    let mut open = Vec::new();
    for token in tokens {
        match token.token {
            Token::LParen => open.push(token),
            Token::RParen => drop(open.pop()),
            _ => {}
        }
    }
    open.pop()
}
