//! SQL text as pieces, however unfinished: for colours, completion, and telling whether a statement has ended.

use std::ops::Range;

/// A piece of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub kind: Kind,
    /// Bytes of the text.
    pub range: Range<usize>,
    /// False for a string, quoted name or comment that goes on beyond the text.
    pub closed: bool,
}

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A bare name or keyword.
    Word,
    /// `"a name"`.
    QuotedName,
    /// `'text'`.
    Text,
    Number,
    Comment,
    Space,
    /// One character of anything else.
    Sign,
}

impl Piece {
    /// Neither space nor comment.
    pub fn counts(&self) -> bool {
        !matches!(self.kind, Kind::Space | Kind::Comment)
    }

    /// The piece's part of the text.
    pub fn of<'a>(&self, text: &'a str) -> &'a str {
        &text[self.range.clone()]
    }
}

/// All pieces of the text, in order and without gaps.
pub fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut start = 0;
    while let Some(first) = text[start..].chars().next() {
        let piece = piece(text, start, first);
        start = piece.range.end;
        pieces.push(piece);
    }
    pieces
}

/// True if the text holds nothing but whole statements, each ended by a semicolon.
pub fn is_complete(text: &str) -> bool {
    let pieces = pieces(text);
    let closed = pieces.iter().all(|piece| piece.closed);
    closed && pieces.iter().rfind(|piece| piece.counts()).is_none_or(|last| last.of(text) == ";")
}

fn piece(text: &str, start: usize, first: char) -> Piece {
    let rest = &text[start..];
    let (kind, length, closed) = match first {
        '\'' => quoted(rest, '\'', Kind::Text),
        '"' => quoted(rest, '"', Kind::QuotedName),
        _ if rest.starts_with("--") => (Kind::Comment, rest.find('\n').unwrap_or(rest.len()), true),
        _ if rest.starts_with("/*") => block_comment(rest),
        _ if first.is_whitespace() => (Kind::Space, while_all(rest, char::is_whitespace), true),
        _ if first.is_ascii_digit() => (Kind::Number, number(rest), true),
        _ if is_word(first) => (Kind::Word, while_all(rest, is_word), true),
        _ => (Kind::Sign, first.len_utf8(), true),
    };
    Piece { kind, range: start..start + length, closed }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn while_all(text: &str, holds: impl Fn(char) -> bool) -> usize {
    text.find(|c| !holds(c)).unwrap_or(text.len())
}

/// A doubled quote stands for itself.
fn quoted(text: &str, quote: char, kind: Kind) -> (Kind, usize, bool) {
    let mut from = 1;
    while let Some(at) = text[from..].find(quote) {
        from += at + 1;
        if !text[from..].starts_with(quote) {
            return (kind, from, true);
        }
        from += 1;
    }
    (kind, text.len(), false)
}

fn block_comment(text: &str) -> (Kind, usize, bool) {
    match text[2..].find("*/") {
        Some(at) => (Kind::Comment, at + 4, true),
        None => (Kind::Comment, text.len(), false),
    }
}

/// Digits, a fraction, an exponent: `12`, `1.5`, `2e-3`.
fn number(text: &str) -> usize {
    let mut length = while_all(text, |c| c.is_ascii_digit() || c == '_');
    if text[length..].starts_with('.') {
        length += 1 + while_all(&text[length + 1..], |c| c.is_ascii_digit());
    }
    let exponent = text[length..].strip_prefix(['e', 'E']).map(|rest| rest.strip_prefix(['+', '-']).unwrap_or(rest));
    match exponent.map(|rest| (rest, while_all(rest, |c| c.is_ascii_digit()))) {
        Some((rest, digits)) if digits > 0 => text.len() - rest.len() + digits,
        _ => length,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(Kind, &str)> {
        pieces(text).iter().filter(|piece| piece.kind != Kind::Space).map(|piece| (piece.kind, piece.of(text))).collect()
    }

    #[test]
    fn statements_come_apart() {
        let expected = [
            (Kind::Word, "SELECT"),
            (Kind::Text, "'it''s; '"),
            (Kind::Sign, ","),
            (Kind::QuotedName, "\"a;b\""),
            (Kind::Sign, ","),
            (Kind::Number, "1.5e-3"),
            (Kind::Comment, "-- ; no"),
            (Kind::Word, "FROM"),
            (Kind::Word, "größe"),
            (Kind::Comment, "/* ; */"),
            (Kind::Sign, ";"),
        ];
        assert_eq!(kinds("SELECT 'it''s; ', \"a;b\", 1.5e-3 -- ; no\nFROM größe /* ; */;"), expected);
    }

    #[test]
    fn pieces_cover_the_text() {
        for text in ["", "'", "\"", "/*", "--", "1e", "1.", "☃ ; é", "a.b", "'a''", "\\d x"] {
            let joined: String = pieces(text).iter().map(|piece| piece.of(text)).collect();
            assert_eq!(joined, text);
        }
    }

    #[test]
    fn a_statement_ends_with_a_semicolon_that_is_one() {
        for whole in ["", " -- only a comment", "SELECT 1;", "SELECT ';';", "SELECT 1; -- done", "SELECT 1; SELECT 2;  \n"] {
            assert!(is_complete(whole), "{whole}");
        }
        for open in ["SELECT 1", "SELECT ';", "SELECT 1 -- ;", "SELECT 1; SELECT 2", "SELECT \";", "SELECT 1; /* more"] {
            assert!(!is_complete(open), "{open}");
        }
    }
}
