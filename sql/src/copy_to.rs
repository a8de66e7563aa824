//! COPY TO, in DataFusion's grammar and in that of DuckDB and PostgreSQL:
//!
//! ```sql
//! COPY t TO 'dir' STORED AS parquet PARTITIONED BY (a, b) OPTIONS (compression zstd)
//! COPY (SELECT ...) TO 'dir' (FORMAT parquet, PARTITION_BY (a, b), COMPRESSION zstd, OVERWRITE)
//! ```

use datafusion::execution::SessionState;
use datafusion::sql::parser::{CopyToSource, CopyToStatement, DFParser, Statement as SqlStatement};
use datafusion::sql::sqlparser::ast::Value;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::Token;
use gradframe_ml_core::{Error, Result};
use gradframe_plan::names::suggest;

use crate::errors::{at, expected, ours};
use crate::tokens::is_word;

const OP: &str = "copy";
/// Endings of compressed files: the one before says the format.
const COMPRESSED: [&str; 4] = [".gz", ".zst", ".bz2", ".xz"];
/// Formats by the names that users know.
const FORMATS: [&str; 4] = ["parquet", "csv", "json", "arrow"];

/// Parses a COPY statement; the word COPY has been read.
pub(crate) fn parse(sql: &mut DFParser<'_>) -> Result<SqlStatement> {
    let source = source(sql)?;
    let mut clauses = Clauses::default();
    while !matches!(sql.parser.peek_token_ref().token, Token::EOF) {
        clauses.add(sql)?;
    }
    let Some(target) = clauses.target else { return Err(expected("TO 'path'", sql.parser.peek_token_ref())) };
    let stored_as = clauses.stored_as.or_else(|| ending(&target));
    let partitioned_by = clauses.partitioned_by.unwrap_or_default();
    Ok(SqlStatement::CopyTo(CopyToStatement { source, target, partitioned_by, stored_as, options: clauses.options }))
}

/// Errors: `Plan` if the statement is a COPY in a format that nobody has registered.
pub(crate) fn check(statement: &SqlStatement, state: &SessionState) -> Result<()> {
    let copy = match statement {
        SqlStatement::CopyTo(copy) => copy,
        SqlStatement::Explain(explain) => return check(&explain.statement, state),
        _ => return Ok(()),
    };
    match &copy.stored_as {
        Some(format) if state.get_file_format_factory(&format.to_lowercase()).is_some() => Ok(()),
        Some(format) => Err(Error::plan(OP, format!("unknown format `{format}`")).hint(suggest(format, FORMATS))),
        None => {
            let error = Error::plan(OP, format!("the ending of `{}` names no format", copy.target));
            Err(error.hint("write it: COPY ... TO '...' (FORMAT parquet)"))
        }
    }
}

fn source(sql: &mut DFParser<'_>) -> Result<CopyToSource> {
    if !sql.parser.consume_token(&Token::LParen) {
        return Ok(CopyToSource::Relation(ours(sql.parser.parse_object_name(true))?));
    }
    let query = ours(sql.parser.parse_query())?;
    ours(sql.parser.expect_token(&Token::RParen))?;
    Ok(CopyToSource::Query(query))
}

/// The format that a path's ending names.
fn ending(target: &str) -> Option<String> {
    let lower = target.to_lowercase();
    let plain = COMPRESSED.iter().find_map(|ending| lower.strip_suffix(ending)).unwrap_or(&lower);
    let (_, ending) = plain.rsplit('/').next()?.rsplit_once('.')?;
    Some(ending.to_string())
}

/// What follows the source, in any order.
#[derive(Default)]
struct Clauses {
    target: Option<String>,
    stored_as: Option<String>,
    partitioned_by: Option<Vec<String>>,
    options: Vec<(String, Value)>,
}

impl Clauses {
    fn add(&mut self, sql: &mut DFParser<'_>) -> Result<()> {
        let place = sql.parser.peek_token_ref().span.start;
        let twice = |clause: &str| at(Error::plan(OP, format!("{clause} is given twice")), place);
        if sql.parser.parse_keyword(Keyword::TO) {
            let target = ours(sql.parser.parse_literal_string())?;
            return self.target.replace(target).map_or(Ok(()), |_| Err(twice("TO")));
        }
        if sql.parser.parse_keywords(&[Keyword::STORED, Keyword::AS]) {
            let format = word_or_text(sql)?;
            return self.stored_as.replace(format).map_or(Ok(()), |_| Err(twice("the format")));
        }
        if sql.parser.parse_keywords(&[Keyword::PARTITIONED, Keyword::BY]) {
            let columns = columns(sql)?;
            return self.partitioned_by.replace(columns).map_or(Ok(()), |_| Err(twice("the partitioning")));
        }
        let _ = sql.parser.parse_keyword(Keyword::OPTIONS) || sql.parser.parse_keyword(Keyword::WITH);
        if !sql.parser.consume_token(&Token::LParen) {
            return Err(expected("TO, STORED AS, PARTITIONED BY or (options)", sql.parser.peek_token_ref()));
        }
        self.options(sql)
    }

    /// `name [=] value, ...)`
    fn options(&mut self, sql: &mut DFParser<'_>) -> Result<()> {
        while !sql.parser.consume_token(&Token::RParen) {
            self.option(sql)?;
            if !sql.parser.consume_token(&Token::Comma) {
                ours(sql.parser.expect_token(&Token::RParen))?;
                break;
            }
        }
        Ok(())
    }

    fn option(&mut self, sql: &mut DFParser<'_>) -> Result<()> {
        let place = sql.parser.peek_token_ref().span.start;
        let name = name(sql)?.to_lowercase();
        let twice = || at(Error::plan(OP, format!("option `{name}` is given twice")), place);
        let _ = sql.parser.consume_token(&Token::Eq);
        match name.as_str() {
            "format" => self.stored_as.replace(word_or_text(sql)?).map_or(Ok(()), |_| Err(twice())),
            "partition_by" => self.partitioned_by.replace(columns(sql)?).map_or(Ok(()), |_| Err(twice())),
            _ if self.options.iter().any(|(other, _)| *other == name) => Err(twice()),
            _ => {
                let value = value(sql)?;
                self.options.push((name, value));
                Ok(())
            }
        }
    }
}

/// `name`, `'name'` or `a.b`.
fn name(sql: &mut DFParser<'_>) -> Result<String> {
    let mut name = word_or_text(sql)?;
    while sql.parser.consume_token(&Token::Period) {
        name = format!("{name}.{}", word_or_text(sql)?);
    }
    Ok(name)
}

fn word_or_text(sql: &mut DFParser<'_>) -> Result<String> {
    match sql.parser.peek_token_ref() {
        token if matches!(token.token, Token::Word(_) | Token::SingleQuotedString(_)) => {}
        token => return Err(expected("a name", token)),
    }
    match sql.parser.next_token().token {
        Token::Word(word) => Ok(word.value),
        Token::SingleQuotedString(text) => Ok(text),
        other => Err(Error::internal(OP, format!("`{other}` is no name"))),
    }
}

/// `(a, b)` or a single name. Unquoted names are in lower case.
fn columns(sql: &mut DFParser<'_>) -> Result<Vec<String>> {
    let column = |sql: &mut DFParser<'_>| {
        let quoted = !matches!(&sql.parser.peek_token_ref().token, Token::Word(word) if word.quote_style.is_none());
        word_or_text(sql).map(|name| if quoted { name } else { name.to_lowercase() })
    };
    if !sql.parser.consume_token(&Token::LParen) {
        return Ok(vec![column(sql)?]);
    }
    let mut columns = vec![column(sql)?];
    while sql.parser.consume_token(&Token::Comma) {
        columns.push(column(sql)?);
    }
    ours(sql.parser.expect_token(&Token::RParen))?;
    Ok(columns)
}

/// A number, text, word or nothing, which is true.
fn value(sql: &mut DFParser<'_>) -> Result<Value> {
    let token = sql.parser.peek_token_ref().clone();
    match &token.token {
        Token::Comma | Token::RParen => Ok(Value::Boolean(true)),
        word if is_word(word, "TRUE") || is_word(word, "FALSE") || matches!(word, Token::SingleQuotedString(_)) => {
            Ok(ours(sql.parser.parse_value())?.value)
        }
        Token::Word(_) => Ok(Value::SingleQuotedString(word_or_text(sql)?)),
        Token::Number(..) => Ok(ours(sql.parser.parse_number_value())?.value),
        _ => Err(expected("a value", &token)),
    }
}
