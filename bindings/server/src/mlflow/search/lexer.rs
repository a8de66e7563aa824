//! Words, texts, numbers and signs of a filter, each with its place.

use super::super::answer::Failure;

/// A part of a filter.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    /// Letters, digits, `_ . / -`, and names in backticks: `metrics.loss`.
    Word(String),
    /// In quotes of either kind.
    Text(String),
    Number(f64),
    /// `= != < <= > >= ( ) ,`
    Sign(&'static str),
}

const SIGNS: [&str; 11] = ["!=", "<=", ">=", "==", "<>", "=", "<", ">", "(", ")", ","];

/// The tokens with their places, in characters from 1. Errors: naming the place of what is none.
pub fn tokens(filter: &str) -> Result<Vec<(usize, Token)>, Failure> {
    let mut tokens = Vec::new();
    let mut left = filter;
    loop {
        left = left.trim_start();
        let at = filter[..filter.len() - left.len()].chars().count() + 1;
        let Some(first) = left.chars().next() else { return Ok(tokens) };
        let (token, rest) = match first {
            '\'' | '"' => quoted(left, first).map(|(text, rest)| (Token::Text(text), rest)),
            c if c.is_ascii_digit() || matches!(c, '-' | '+' | '.') => number(left),
            c if c.is_alphabetic() || matches!(c, '_' | '`') => word(left),
            _ => SIGNS.iter().find_map(|sign| left.strip_prefix(sign).map(|rest| (Token::Sign(sign), rest))),
        }
        .ok_or_else(|| wrong(at, &format!("cannot be read: `{}`", left.chars().take(20).collect::<String>())))?;
        tokens.push((at, token));
        left = rest;
    }
}

/// An error at a place of the filter.
pub fn wrong(at: usize, what: &str) -> Failure {
    Failure::invalid(format!("invalid filter string, character {at}: {what}"))
}

/// A quoted text; a doubled quote stands for one.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let (mut content, mut left) = (String::new(), &text[quote.len_utf8()..]);
    loop {
        let end = left.find(quote)?;
        content.push_str(&left[..end]);
        left = &left[end + quote.len_utf8()..];
        match left.strip_prefix(quote) {
            Some(rest) => {
                content.push(quote);
                left = rest;
            }
            None => return Some((content, left)),
        }
    }
}

fn number(text: &str) -> Option<(Token, &str)> {
    let is_part = |(i, c): (usize, char)| {
        c.is_ascii_digit()
            || c == '.'
            || matches!(c, '-' | '+') && (i == 0 || text[..i].ends_with(['e', 'E']))
            || matches!(c, 'e' | 'E')
    };
    let end = text.char_indices().find(|part| !is_part(*part)).map_or(text.len(), |(i, _)| i);
    Some((Token::Number(text[..end].parse().ok()?), &text[end..]))
}

/// A word with quoted parts: `tags."my team"`, "metrics.`val loss`".
fn word(text: &str) -> Option<(Token, &str)> {
    let (mut content, mut left) = (String::new(), text);
    loop {
        match left.chars().next() {
            Some('`') => {
                let (part, rest) = quoted(left, '`')?;
                content.push_str(&part);
                left = rest;
            }
            Some('"') if content.ends_with('.') => {
                let (part, rest) = quoted(left, '"')?;
                content.push_str(&part);
                left = rest;
            }
            Some(c) if c.is_alphanumeric() || matches!(c, '_' | '.' | '/' | '-') => {
                content.push(c);
                left = &left[c.len_utf8()..];
            }
            _ => return Some((Token::Word(content), left)),
        }
    }
}
