//! The SQL text a user gave, addressed by the line and column that tokens carry.

use datafusion::sql::sqlparser::tokenizer::Location;

use crate::bound::Written;

/// A text with the byte offsets of its lines.
#[derive(Debug)]
pub(crate) struct SourceText<'a> {
    text: &'a str,
    line_starts: Vec<usize>,
}

impl<'a> SourceText<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let after_newlines = text.match_indices('\n').map(|(offset, _)| offset + 1);
        Self { text, line_starts: std::iter::once(0).chain(after_newlines).collect() }
    }

    /// The text from `start` to `end`, `end` excluded. Places beyond the text are taken as its end.
    pub(crate) fn slice(&self, start: Location, end: Location) -> &'a str {
        let (start, end) = (self.offset(start), self.offset(end));
        self.text.get(start..end).unwrap_or_default()
    }

    /// The same with what is written in the places of parts of it, which are in order.
    pub(crate) fn with(&self, start: Location, end: Location, written: &[Written]) -> String {
        let (mut text, mut from) = (String::new(), start);
        for (place, literal) in written {
            text.push_str(self.slice(from, place.start));
            text.push_str(literal);
            from = place.end;
        }
        text.push_str(self.slice(from, end));
        text
    }

    /// Columns count characters, offsets count bytes.
    fn offset(&self, place: Location) -> usize {
        let line = usize::try_from(place.line).unwrap_or(usize::MAX).saturating_sub(1);
        let column = usize::try_from(place.column).unwrap_or(usize::MAX).saturating_sub(1);
        let Some(&line_start) = self.line_starts.get(line) else { return self.text.len() };
        let rest = &self.text[line_start..];
        rest.char_indices().nth(column).map_or(self.text.len(), |(offset, _)| line_start + offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_not_bytes() {
        let source = SourceText::new("a\n'é' b");
        assert_eq!(source.slice(Location::new(2, 1), Location::new(2, 4)), "'é'");
        assert_eq!(source.slice(Location::new(2, 5), Location::new(2, 6)), "b");
    }

    #[test]
    fn places_beyond_the_text_are_its_end() {
        let source = SourceText::new("ab");
        assert_eq!(source.slice(Location::new(1, 2), Location::new(9, 9)), "b");
        assert_eq!(source.slice(Location::new(9, 9), Location::new(1, 1)), "");
    }
}
