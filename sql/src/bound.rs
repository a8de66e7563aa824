//! Values that come beside a text: `WHERE id = $1 AND name = $name AND x > ?`.
//!
//! Each takes its placeholder's place among the tokens, as a literal of its own type, before anything is parsed: what a text holds is never read as SQL. Of a
//! statement that keeps its text (a view, a training) the text has the literals.

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Span, Token, TokenWithSpan};
use gradframe_ml_core::{Error, Result};

use crate::errors::{at, ours};
use crate::parser::parse_statement;
use crate::statement::Parsed;
use crate::text::SourceText;
use crate::tokens::{is_word, statements};

/// The values of a text's placeholders.
#[derive(Debug, Clone, PartialEq)]
pub enum BoundValues {
    /// Those of `?`, one after the other, or of `$1`, `$2`, ...
    Listed(Vec<ScalarValue>),
    /// Those of `$name`.
    Named(Vec<(String, ScalarValue)>),
}

impl BoundValues {
    /// No values: a text with a placeholder is an error.
    pub const NONE: BoundValues = BoundValues::Listed(vec![]);

    fn values(&self) -> Vec<&ScalarValue> {
        match self {
            BoundValues::Listed(values) => values.iter().collect(),
            BoundValues::Named(values) => values.iter().map(|(_, value)| value).collect(),
        }
    }

    /// What there is, in words.
    fn known(&self) -> String {
        match self {
            BoundValues::Listed(values) if values.is_empty() => {
                "values come beside the text: in Python params=[..] for ? and $1, params={..} for $name".to_owned()
            }
            BoundValues::Listed(values) => format!("params has {} values", values.len()),
            BoundValues::Named(values) => {
                let names: Vec<String> = values.iter().map(|(name, _)| format!("`{name}`")).collect();
                format!("params has {}", names.join(", "))
            }
        }
    }
}

/// [`crate::parse`] with values in the places of placeholders.
///
/// Errors: those of `parse`; `Plan` for a placeholder without a value, and for a value without a placeholder.
pub fn parse_bound(text: &str, values: &BoundValues) -> Result<Vec<Parsed>> {
    let (source, mut binder) = (SourceText::new(text), Binder::new(values));
    let mut parsed = vec![];
    for mut statement in ours(statements(text).map_err(ParserError::from))? {
        let (start, end) = (statement.start, statement.end);
        let (tokens, written) = binder.bind(statement.tokens)?;
        statement.tokens = tokens;
        let text = source.with(start, end, &written);
        parsed.push(Parsed { text, ..parse_statement(&source, statement)? });
    }
    binder.finish()?;
    Ok(parsed)
}

/// A literal in the place of a placeholder: where that stood, and how the literal is written.
pub(crate) type Written = (Span, String);

/// Puts values in the places of placeholders, statement by statement.
pub(crate) struct Binder<'a> {
    values: &'a BoundValues,
    used: Vec<bool>,
    /// How many `?` there were.
    questions: usize,
    /// Whether there was a `$1`.
    numbered: bool,
}

impl<'a> Binder<'a> {
    pub(crate) fn new(values: &'a BoundValues) -> Self {
        Binder { values, used: vec![false; values.values().len()], questions: 0, numbered: false }
    }

    /// The tokens of a statement with literals. PREPARE has placeholders of its own.
    ///
    /// Errors: `Plan` for a placeholder without a value, `NotImplemented` for a value that no literal has the type of.
    pub(crate) fn bind(&mut self, tokens: Vec<TokenWithSpan>) -> Result<(Vec<TokenWithSpan>, Vec<Written>)> {
        if tokens.first().is_some_and(|first| is_word(&first.token, "PREPARE")) {
            return Ok((tokens, vec![]));
        }
        let (mut bound, mut written) = (Vec::with_capacity(tokens.len()), vec![]);
        for token in tokens {
            let Token::Placeholder(placeholder) = &token.token else {
                bound.push(token);
                continue;
            };
            let place = self.place(placeholder).map_err(|error| at(error, token.span.start))?;
            self.used[place] = true;
            let literal = literal(self.values.values()[place]).map_err(|error| at(error, token.span.start))?;
            written.push((token.span, text(&literal)));
            bound.extend(literal.into_iter().map(|part| TokenWithSpan::new(part, token.span)));
        }
        Ok((bound, written))
    }

    /// Errors: `Plan` for values that no placeholder has asked for.
    pub(crate) fn finish(self) -> Result<()> {
        let Some(unused) = self.used.iter().position(|used| !used) else { return Ok(()) };
        let what = match self.values {
            BoundValues::Named(values) => {
                format!("a value is given for `{}`, and no `${0}` stands in the text", values[unused].0)
            }
            BoundValues::Listed(values) => {
                format!("{} values are given, and no placeholder asks for the one at {}", values.len(), unused + 1)
            }
        };
        Err(Error::plan("sql", what).hint("leave it out, or write its placeholder"))
    }

    /// Which value a placeholder stands for.
    fn place(&mut self, placeholder: &str) -> Result<usize> {
        let missing = |what: String| Err(Error::plan("sql", what).hint(self.values.known()));
        if placeholder == "?" {
            self.questions += 1;
            let place = self.questions - 1;
            return match self.values {
                _ if self.numbered => mixed(),
                BoundValues::Named(_) => missing("`?` has no name, and values are given by name".to_owned()),
                BoundValues::Listed(values) if place < values.len() => Ok(place),
                BoundValues::Listed(_) => missing(format!("the `?` at {} stands for a value that is not given", place + 1)),
            };
        }
        let Some(name) = placeholder.strip_prefix(['$', '?']).filter(|name| !name.is_empty()) else {
            return missing(format!("`{placeholder}` is no placeholder, which are ?, $1 and $name"));
        };
        let number = name.parse::<usize>().ok();
        self.numbered |= number.is_some();
        let found = match (self.values, number) {
            (BoundValues::Named(values), _) => values.iter().position(|(own, _)| own.eq_ignore_ascii_case(name)),
            (BoundValues::Listed(_), Some(_)) if self.questions > 0 => return mixed(),
            (BoundValues::Listed(values), Some(number)) => number.checked_sub(1).filter(|place| *place < values.len()),
            (BoundValues::Listed(_), None) => None,
        };
        found.map_or_else(|| missing(format!("`{placeholder}` stands for a value that is not given")), Ok)
    }
}

fn mixed<T>() -> Result<T> {
    Err(Error::plan("sql", "`?` and `$1` stand in one text").hint("write one of the two"))
}

/// The literal of a value.
fn literal(value: &ScalarValue) -> Result<Vec<Token>> {
    let own = value.data_type();
    if own.is_null() {
        return Ok(vec![Token::make_keyword("NULL")]);
    }
    if value.is_null() {
        return Ok(cast(vec![Token::make_keyword("NULL")], &own));
    }
    if let DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) = &own {
        return list(value, item);
    }
    Ok(match value {
        ScalarValue::Boolean(Some(value)) => vec![Token::make_keyword(if *value { "TRUE" } else { "FALSE" })],
        ScalarValue::Float64(Some(value)) if value.is_finite() => vec![Token::Number(format!("{value:?}"), false)],
        ScalarValue::Decimal128(Some(unscaled), _, scale) => {
            let digits = u8::try_from(unscaled.unsigned_abs().to_string().len()).unwrap_or(u8::MAX);
            let precision = digits.max(scale.unsigned_abs()).min(38);
            cast(vec![Token::SingleQuotedString(shown(value)?)], &DataType::Decimal128(precision, *scale))
        }
        ScalarValue::Binary(Some(bytes)) | ScalarValue::LargeBinary(Some(bytes)) | ScalarValue::BinaryView(Some(bytes)) => {
            vec![Token::HexStringLiteral(bytes.iter().map(|byte| format!("{byte:02X}")).collect())]
        }
        _ if own.is_integer() => vec![Token::Number(shown(value)?, false)],
        _ if own.is_string() => vec![Token::SingleQuotedString(shown(value)?)],
        _ if matches!(own, DataType::Duration(_)) => {
            cast(vec![Token::Number(shown(&ours(value.cast_to(&DataType::Int64))?)?, false)], &own)
        }
        _ if own.is_temporal() || own.is_floating() || own.is_decimal() => {
            cast(vec![Token::SingleQuotedString(shown(value)?)], &own)
        }
        _ => return Err(Error::not_implemented("sql", format!("a value of type {own} beside the text"))),
    })
}

fn list(value: &ScalarValue, item: &Field) -> Result<Vec<Token>> {
    let items = match value {
        ScalarValue::List(list) => list.value(0),
        ScalarValue::LargeList(list) => list.value(0),
        ScalarValue::FixedSizeList(list) => list.value(0),
        _ => return Err(Error::internal("sql", "a list that is none")),
    };
    let mut tokens = vec![Token::make_keyword("ARRAY"), Token::LBracket];
    for at in 0..items.len() {
        if at > 0 {
            tokens.push(Token::Comma);
        }
        tokens.extend(literal(&ours(ScalarValue::try_from_array(&items, at))?)?);
    }
    tokens.push(Token::RBracket);
    let is_typed = items.is_empty() && !item.data_type().is_null();
    Ok(if is_typed { cast(tokens, &value.data_type()) } else { tokens })
}

/// `arrow_cast(value, 'type')`
fn cast(value: Vec<Token>, to: &DataType) -> Vec<Token> {
    let mut tokens = vec![Token::make_word("arrow_cast", None), Token::LParen];
    tokens.extend(value);
    tokens.extend([Token::Comma, Token::SingleQuotedString(to.to_string()), Token::RParen]);
    tokens
}

fn shown(value: &ScalarValue) -> Result<String> {
    match ours(value.cast_to(&DataType::Utf8))? {
        ScalarValue::Utf8(Some(text)) => Ok(text),
        other => Err(Error::internal("sql", format!("{other} is no text"))),
    }
}

/// How a literal is written in a text that is parsed once more.
fn text(tokens: &[Token]) -> String {
    let of = |token: &Token| match token {
        Token::SingleQuotedString(text) => format!("'{}'", text.replace('\'', "''")),
        Token::Number(number, _) if number.starts_with('-') => format!("({number})"),
        other => other.to_string(),
    };
    tokens.iter().map(of).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(sql: &str, values: &BoundValues) -> Result<String> {
        Ok(parse_bound(sql, values)?.iter().map(|statement| statement.text.clone()).collect::<Vec<_>>().join("; "))
    }

    #[test]
    fn values_take_the_places_of_their_placeholders() {
        let listed = BoundValues::Listed(vec![(-5_i64).into(), "it's -- 'x'; DROP".into()]);
        let expected = "SELECT 1 -(-5), 'it''s -- ''x''; DROP'";
        assert_eq!(bound("SELECT 1 -?, ?", &listed).unwrap(), expected);
        assert_eq!(bound("SELECT 1 -$1, $2", &listed).unwrap(), expected);
        assert_eq!(bound("SELECT $1; SELECT $2, '$1 ?'", &listed).unwrap(), "SELECT (-5); SELECT 'it''s -- ''x''; DROP', '$1 ?'");
        let named = BoundValues::Named(vec![("a".into(), 0.1.into()), ("B".into(), ScalarValue::Null)]);
        assert_eq!(bound("SELECT $b, $a", &named).unwrap(), "SELECT NULL, 0.1");
        assert_eq!(bound("PREPARE p AS SELECT $1", &BoundValues::NONE).unwrap(), "PREPARE p AS SELECT $1");
    }

    #[test]
    fn what_is_missing_or_left_over_is_said() {
        let one = BoundValues::Listed(vec![1_i64.into()]);
        let named = BoundValues::Named(vec![("a".into(), 1_i64.into())]);
        for (sql, values, expected) in [
            ("SELECT $1", &BoundValues::NONE, "`$1` stands for a value that is not given"),
            ("SELECT $1, $2", &one, "`$2` stands for a value that is not given"),
            ("SELECT ?, ?", &one, "the `?` at 2 stands for a value that is not given"),
            ("SELECT $0", &one, "`$0` stands for a value that is not given"),
            ("SELECT $a", &one, "`$a` stands for a value that is not given"),
            ("SELECT ?", &named, "`?` has no name"),
            ("SELECT ?, $1", &one, "`?` and `$1` stand in one text"),
            ("SELECT 1", &one, "1 values are given, and no placeholder asks for the one at 1"),
            ("SELECT 1", &named, "a value is given for `a`, and no `$a` stands in the text"),
        ] {
            let error = bound(sql, values).unwrap_err().to_string();
            assert!(error.contains(expected), "{sql}: {error}");
        }
    }
}
