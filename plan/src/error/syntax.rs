//! Errors of the SQL parser, with their place.

use datafusion::sql::sqlparser::parser::ParserError;
use gradframe_ml_core::Error;

use super::lower_first;

/// The parser's messages end in ` at Line: 2, Column: 7`, which becomes the error's place.
pub fn from_parser(error: &ParserError) -> Error {
    let message = match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
        ParserError::RecursionLimitExceeded => return Error::plan("sql", "the statement is nested too deeply"),
    };
    let (what, place) = split_place(message);
    let error = Error::plan("sql", lower_first(what));
    match place {
        Some((line, column)) => error.at(line, column),
        None => error,
    }
}

fn split_place(message: &str) -> (&str, Option<(u64, u64)>) {
    let Some((what, place)) = message.rsplit_once(" at Line: ") else { return (message, None) };
    let parsed = place.split_once(", Column: ").and_then(|(line, column)| Some((line.parse().ok()?, column.parse().ok()?)));
    // The end of the text has no place: the tokenizer says line 0.
    (what, parsed.filter(|(line, _)| *line > 0))
}
