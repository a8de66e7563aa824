//! From text to the tokens of each statement, with what sqlparser does not know, or reads wrongly, rewritten.
//!
//! BigQuery's `ML.PREDICT(MODEL m, TABLE t)` is an ordinary function call but for `MODEL m` and `TABLE t`. Inside the
//! argument list of an `ML.` call, and nowhere else, both become `(SELECT * FROM name)`; the words keep their places in
//! the text, so that errors still point at what the user wrote. A model's name is thereby a relation, and DataFusion
//! resolves it with the tables.

use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, TokenizerError};
use gradframe_plan::dialect;
use gradframe_plan::distinct_from::as_operators;

/// The tokens of one statement, without blanks, comments and the closing semicolon. Never empty.
#[derive(Debug)]
pub(crate) struct StatementTokens {
    pub(crate) tokens: Vec<TokenWithSpan>,
    /// Where its first token starts.
    pub(crate) start: Location,
    /// Just after its last token.
    pub(crate) end: Location,
}

/// Cuts a text into statements at its semicolons and rewrites each; empty statements vanish.
pub(crate) fn statements(text: &str) -> Result<Vec<StatementTokens>, TokenizerError> {
    let mut tokens = dialect::tokens(text)?;
    tokens.retain(|token| token.token != Token::EOF);
    let pieces = tokens.split(|token| token.token == Token::SemiColon);
    Ok(pieces.filter_map(statement).collect())
}

fn statement(tokens: &[TokenWithSpan]) -> Option<StatementTokens> {
    let (first, last) = (tokens.first()?, tokens.last()?);
    Some(StatementTokens { tokens: as_operators(rewrite(tokens)), start: first.span.start, end: last.span.end })
}

/// Replaces `MODEL a.b` and `TABLE a.b` where they are arguments of an `ML.` call.
fn rewrite(tokens: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
    let mut out = Vec::with_capacity(tokens.len());
    let mut open_calls = Vec::new();
    let mut rest = tokens;
    while let Some((token, after)) = rest.split_first() {
        if at_argument(&out, &open_calls)
            && let Some(length) = named_relation_length(rest)
        {
            push_selection(&mut out, &rest[..length]);
            rest = &rest[length..];
            continue;
        }
        match token.token {
            Token::LParen => open_calls.push(ends_in_ml_function(&out)),
            Token::RParen => drop(open_calls.pop()),
            _ => {}
        }
        out.push(token.clone());
        rest = after;
    }
    out
}

/// Whether the next token starts an argument of an `ML.` call. `open_calls` says of each open parenthesis whether it is one.
fn at_argument(out: &[TokenWithSpan], open_calls: &[bool]) -> bool {
    open_calls.last() == Some(&true) && matches!(out.last().map(|t| &t.token), Some(Token::LParen | Token::Comma))
}

/// Whether the tokens end in `ML . function`.
fn ends_in_ml_function(tokens: &[TokenWithSpan]) -> bool {
    match tokens {
        [.., schema, dot, function] => {
            is_word(&schema.token, "ML") && dot.token == Token::Period && matches!(function.token, Token::Word(_))
        }
        _ => false,
    }
}

/// How many tokens make `MODEL a.b.c`, `TABLE a.b.c` or `TABLE 'file'` here.
fn named_relation_length(tokens: &[TokenWithSpan]) -> Option<usize> {
    let marker = &tokens.first()?.token;
    if !is_word(marker, "MODEL") && !is_word(marker, "TABLE") {
        return None;
    }
    if is_word(marker, "TABLE") && matches!(tokens.get(1).map(|t| &t.token), Some(Token::SingleQuotedString(_))) {
        return Some(2);
    }
    let is_name = |at: usize| tokens.get(at).is_some_and(|t| matches!(t.token, Token::Word(_)));
    if !is_name(1) {
        return None;
    }
    let mut length = 2;
    while tokens.get(length).is_some_and(|t| t.token == Token::Period) && is_name(length + 1) {
        length += 2;
    }
    Some(length)
}

/// Writes `(SELECT * FROM name)` for `MARKER name`; what is added takes the marker's place in the text.
fn push_selection(out: &mut Vec<TokenWithSpan>, marker_and_name: &[TokenWithSpan]) {
    let Some((marker, name)) = marker_and_name.split_first() else { return };
    let added = |token| TokenWithSpan::new(token, marker.span);
    out.extend([
        added(Token::LParen),
        added(Token::make_keyword("SELECT")),
        added(Token::Mul),
        added(Token::make_keyword("FROM")),
    ]);
    out.extend(name.iter().cloned());
    out.push(added(Token::RParen));
}

/// Whether a token is this word, unquoted, in any case.
pub(crate) fn is_word(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, expect: &str) {
        let statements = statements(sql).unwrap();
        let join = |s: &StatementTokens| s.tokens.iter().map(|t| t.to_string()).collect::<Vec<_>>().join(" ");
        assert_eq!(statements.iter().map(join).collect::<Vec<_>>().join(" ; "), expect, "for {sql}");
    }

    #[test]
    fn models_and_tables_become_queries_only_as_arguments_of_ml_functions() {
        check("ML.F(MODEL m)", "ML . F ( ( SELECT * FROM m ) )");
        check("ML.F(MODEL m, TABLE 'a.csv')", "ML . F ( ( SELECT * FROM m ) , ( SELECT * FROM 'a.csv' ) )");
        check("ml . f ( model a.\"B\" , table t )", "ml . f ( ( SELECT * FROM a . \"B\" ) , ( SELECT * FROM t ) )");
        check(
            "ML.F(MODEL m, (SELECT * FROM ML.F(MODEL n, TABLE t)))",
            "ML . F ( ( SELECT * FROM m ) , ( SELECT * FROM ML . F ( ( SELECT * FROM n ) , ( SELECT * FROM t ) ) ) )",
        );
    }

    #[test]
    fn other_uses_of_the_words_are_left_alone() {
        for sql in [
            "SELECT model , t . model FROM model",
            "SELECT f ( model m )",
            "ML . F ( model )",
            "ML . F ( \"model\" m )",
            "ML . F ( ( SELECT a , model m FROM t ) )",
            "CREATE TABLE t ( model INT )",
        ] {
            check(sql, sql);
        }
    }

    #[test]
    fn semicolons_cut_and_empty_statements_vanish() {
        check(";; a ; -- note\n b /* c; */ ;", "a ; b");
        check("", "");
        check("';' ; \";\"", "';' ; \";\"");
    }
}
