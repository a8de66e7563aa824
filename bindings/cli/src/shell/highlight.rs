//! Colours of the statement while it is typed.

use nu_ansi_term::{Color, Style};
use reedline::{Highlighter, StyledText};

use super::lexer::{Kind, Piece, pieces};
use super::words::is_keyword;

/// Colours keywords, functions, texts, numbers and comments.
pub struct Colours;

impl Highlighter for Colours {
    fn highlight(&self, line: &str, _cursor: usize) -> StyledText {
        let mut styled = StyledText::new();
        if line.starts_with('\\') {
            styled.push((Style::new().fg(Color::Magenta), line.to_owned()));
            return styled;
        }
        let pieces = pieces(line);
        for (i, piece) in pieces.iter().enumerate() {
            let calls = pieces.get(i + 1).is_some_and(|next| next.of(line) == "(");
            styled.push((style(piece, piece.of(line), calls), piece.of(line).to_owned()));
        }
        styled
    }
}

fn style(piece: &Piece, text: &str, calls: bool) -> Style {
    match piece.kind {
        Kind::Word if is_keyword(text) => Style::new().fg(Color::Blue).bold(),
        Kind::Word if calls => Style::new().fg(Color::Cyan),
        Kind::Text if piece.closed => Style::new().fg(Color::Green),
        Kind::Text => Style::new().fg(Color::Yellow),
        Kind::Number => Style::new().fg(Color::Magenta),
        Kind::Comment => Style::new().dimmed(),
        _ => Style::new(),
    }
}
