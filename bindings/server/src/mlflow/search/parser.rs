//! Conditions of a filter: comparisons joined by AND and OR, AND first.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

use super::super::answer::Failure;
use super::lexer::{Token, tokens, wrong};

/// Parentheses within parentheses.
const DEPTH_MAX: usize = 50;

/// What rows have to be like.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Compare(Key, Operator, Value),
    /// True: NOT IN.
    In(Key, Vec<String>, bool),
    /// True: IS NOT NULL.
    IsNull(Key, bool),
}

/// What is compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    Metric(String),
    Param(String),
    Tag(String),
    Attribute(String),
    /// Of the data sets of a run: name, digest, context.
    Dataset(String),
    /// What a client has said about a trace when it began.
    Metadata(String),
    /// Of the spans of a trace: name, type, status, or one of their attributes as `attributes.NAME`.
    Span(String),
    /// The value of an assessment of a trace, by its name.
    Assessment(String),
}

impl Display for Key {
    /// As one writes it in a filter.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (kind, name) = match self {
            Key::Metric(name) => ("metrics", name),
            Key::Param(name) => ("params", name),
            Key::Tag(name) => ("tags", name),
            Key::Attribute(name) => ("attributes", name),
            Key::Dataset(name) => ("datasets", name),
            Key::Metadata(name) => ("metadata", name),
            Key::Span(name) => ("span", name),
            Key::Assessment(name) => ("feedback", name),
        };
        write!(f, "{kind}.{name}")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Eq,
    NotEq,
    Less,
    LessEq,
    Greater,
    GreaterEq,
    Like,
    ILike,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Text(String),
    Number(f64),
}

impl Condition {
    /// All names that are compared.
    pub fn collect_keys(&self, keys: &mut BTreeSet<Key>) {
        match self {
            Condition::And(all) | Condition::Or(all) => all.iter().for_each(|one| one.collect_keys(keys)),
            Condition::Compare(key, ..) | Condition::In(key, ..) | Condition::IsNull(key, _) => drop(keys.insert(key.clone())),
        }
    }
}

impl Operator {
    /// Whether it holds of two values in this order; None is that of a NaN.
    pub fn holds(self, order: Option<Ordering>) -> bool {
        match self {
            Operator::Eq => order == Some(Ordering::Equal),
            Operator::NotEq => order != Some(Ordering::Equal),
            Operator::Less => order == Some(Ordering::Less),
            Operator::LessEq => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Operator::Greater => order == Some(Ordering::Greater),
            Operator::GreaterEq => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
            Operator::Like | Operator::ILike => false,
        }
    }
}

/// The condition of a filter; None of an empty one. Errors: naming the character at which it goes wrong.
pub fn parse(filter: &str) -> Result<Option<Condition>, Failure> {
    let tokens = tokens(filter)?;
    if tokens.is_empty() {
        return Ok(None);
    }
    let mut parser = Parser { tokens: &tokens, end: filter.chars().count() + 1 };
    let condition = parser.or(0)?;
    match parser.tokens.first() {
        None => Ok(Some(condition)),
        Some((at, token)) => Err(wrong(*at, &format!("expected AND, OR or the end, got {}", shown(token)))),
    }
}

/// A name such as `metrics.loss`. Errors: for what begins otherwise.
pub fn key(at: usize, word: &str) -> Result<Key, Failure> {
    let Some((kind, name)) = word.split_once('.') else { return Ok(Key::Attribute(word.to_owned())) };
    let name = name.to_owned();
    match kind.to_ascii_lowercase().as_str() {
        "metrics" | "metric" => Ok(Key::Metric(name)),
        "params" | "param" | "parameters" | "parameter" => Ok(Key::Param(name)),
        "tags" | "tag" => Ok(Key::Tag(name)),
        "metadata" | "request_metadata" | "trace_metadata" => Ok(Key::Metadata(name)),
        "span" => Ok(Key::Span(name)),
        "feedback" | "expectation" => Ok(Key::Assessment(name)),
        "attributes" | "attribute" | "attr" | "run" | "trace" => Ok(Key::Attribute(name)),
        "datasets" | "dataset" if matches!(name.as_str(), "name" | "digest" | "context") => Ok(Key::Dataset(name)),
        "datasets" | "dataset" => Err(wrong(at, &format!("data sets have no `{name}`, expected name, digest or context"))),
        _ => {
            let expected = "expected metrics, params, tags, attributes or datasets";
            Err(wrong(at, &format!("`{kind}` is nothing to compare, {expected}")))
        }
    }
}

struct Parser<'a> {
    tokens: &'a [(usize, Token)],
    end: usize,
}

impl Parser<'_> {
    fn or(&mut self, depth: usize) -> Result<Condition, Failure> {
        let mut any = vec![self.and(depth)?];
        while self.takes_word("OR") {
            any.push(self.and(depth)?);
        }
        Ok(if any.len() == 1 { any.remove(0) } else { Condition::Or(any) })
    }

    fn and(&mut self, depth: usize) -> Result<Condition, Failure> {
        let mut all = vec![self.one(depth)?];
        while self.takes_word("AND") {
            all.push(self.one(depth)?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Condition::And(all) })
    }

    fn one(&mut self, depth: usize) -> Result<Condition, Failure> {
        if !self.takes_sign("(") {
            return self.comparison();
        }
        if depth == DEPTH_MAX {
            return Err(wrong(self.at(), "too many parentheses within one another"));
        }
        let inner = self.or(depth + 1)?;
        self.expect_sign(")")?;
        Ok(inner)
    }

    fn comparison(&mut self) -> Result<Condition, Failure> {
        let at = self.at();
        let key = match self.next() {
            Some(Token::Word(word)) => key(at, &word)?,
            other => return Err(self.expected(at, "a name such as metrics.loss", other)),
        };
        if self.takes_word("IS") {
            let negated = self.takes_word("NOT");
            return if self.takes_word("NULL") {
                Ok(Condition::IsNull(key, negated))
            } else {
                Err(wrong(self.at(), "expected NULL"))
            };
        }
        let negated = self.takes_word("NOT");
        if self.takes_word("IN") {
            return Ok(Condition::In(key, self.texts()?, negated));
        }
        if negated {
            return Err(wrong(self.at(), "expected IN after NOT"));
        }
        let operator = self.operator()?;
        let at = self.at();
        match self.next() {
            Some(Token::Text(text)) => Ok(Condition::Compare(key, operator, Value::Text(text))),
            Some(Token::Number(number)) => Ok(Condition::Compare(key, operator, Value::Number(number))),
            other => Err(self.expected(at, "a text in quotes or a number", other)),
        }
    }

    fn operator(&mut self) -> Result<Operator, Failure> {
        let at = self.at();
        let token = self.next();
        match &token {
            Some(Token::Sign("=" | "==")) => Ok(Operator::Eq),
            Some(Token::Sign("!=" | "<>")) => Ok(Operator::NotEq),
            Some(Token::Sign("<")) => Ok(Operator::Less),
            Some(Token::Sign("<=")) => Ok(Operator::LessEq),
            Some(Token::Sign(">")) => Ok(Operator::Greater),
            Some(Token::Sign(">=")) => Ok(Operator::GreaterEq),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("LIKE") => Ok(Operator::Like),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("ILIKE") => Ok(Operator::ILike),
            _ => Err(self.expected(at, "a comparison such as = or LIKE", token)),
        }
    }

    fn texts(&mut self) -> Result<Vec<String>, Failure> {
        self.expect_sign("(")?;
        let mut texts = Vec::new();
        loop {
            let at = self.at();
            match self.next() {
                Some(Token::Text(text)) => texts.push(text),
                other => return Err(self.expected(at, "a text in quotes", other)),
            }
            if !self.takes_sign(",") {
                self.expect_sign(")")?;
                return Ok(texts);
            }
        }
    }

    fn at(&self) -> usize {
        self.tokens.first().map_or(self.end, |(at, _)| *at)
    }

    fn next(&mut self) -> Option<Token> {
        let ((_, token), rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(token.clone())
    }

    fn takes(&mut self, wanted: impl Fn(&Token) -> bool) -> bool {
        let taken = self.tokens.first().is_some_and(|(_, token)| wanted(token));
        self.tokens = &self.tokens[usize::from(taken)..];
        taken
    }

    fn takes_word(&mut self, word: &str) -> bool {
        self.takes(|token| matches!(token, Token::Word(found) if found.eq_ignore_ascii_case(word)))
    }

    fn takes_sign(&mut self, sign: &str) -> bool {
        self.takes(|token| matches!(token, Token::Sign(found) if *found == sign))
    }

    fn expect_sign(&mut self, sign: &str) -> Result<(), Failure> {
        let at = self.at();
        if self.takes_sign(sign) { Ok(()) } else { Err(wrong(at, &format!("expected `{sign}`"))) }
    }

    fn expected(&self, at: usize, what: &str, got: Option<Token>) -> Failure {
        let got = got.map_or_else(|| "the end".to_owned(), |token| shown(&token));
        wrong(at, &format!("expected {what}, got {got}"))
    }
}

fn shown(token: &Token) -> String {
    match token {
        Token::Word(word) => format!("`{word}`"),
        Token::Text(text) => format!("'{text}'"),
        Token::Number(number) => number.to_string(),
        Token::Sign(sign) => format!("`{sign}`"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn and_binds_before_or() {
        let parsed = parse("metrics.a > 1 OR params.`b c` = 'x' and tags.\"d e\" LIKE '%y%'").unwrap().unwrap();
        let Condition::Or(any) = &parsed else { panic!("{parsed:?}") };
        assert_eq!(any[0], Condition::Compare(Key::Metric("a".into()), Operator::Greater, Value::Number(1.0)));
        assert!(matches!(&any[1], Condition::And(all) if all.len() == 2), "{parsed:?}");
        let grouped = parse("(metrics.a > 1 OR status = 'RUNNING') AND attributes.run_id NOT IN ('x', \"y\")").unwrap().unwrap();
        assert!(matches!(grouped, Condition::And(all) if all.len() == 2));
        assert_eq!(parse("  ").unwrap(), None);
    }

    #[test]
    fn errors_name_the_character() {
        for (filter, at) in [
            ("metrics.a >", 12),
            ("metrics.a > 1 AND", 18),
            ("x.y = 1", 1),
            ("metrics.a > .5 AND datasets.size = 'x'", 20),
            ("metrics.a = 'x", 13),
            ("(metrics.a = 1", 15),
            ("metrics.a = 1 params.b = 'x'", 15),
            ("metrics.a ! 1", 11),
            ("params.a NOT LIKE 'x'", 14),
            ("params.a IN ('x' 'y')", 18),
        ] {
            let failure = format!("{:?}", parse(filter).unwrap_err());
            assert!(failure.contains(&format!("character {at}:")), "{filter}: {failure}");
        }
        assert!(parse(&"(".repeat(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(filter in "[ -~é`'\"]{0,60}") {
            let _ = parse(&filter);
        }
    }
}
