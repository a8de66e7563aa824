//! The terminal, if there is one: its size, and whether colours are welcome.

use std::io::IsTerminal;

/// Characters of a line, if standard output is a terminal.
pub fn width() -> Option<usize> {
    size().map(|(width, _)| width)
}

/// Lines, if standard output is a terminal.
pub fn height() -> Option<usize> {
    size().map(|(_, height)| height)
}

fn size() -> Option<(usize, usize)> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    let (width, height) = crossterm::terminal::size().ok()?;
    (width > 0 && height > 0).then_some((width.into(), height.into()))
}

/// True if standard error is a terminal that shows colours, and the user has not asked for none (<https://no-color.org>).
pub fn colours() -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !unwanted && std::io::stderr().is_terminal() && std::env::var("TERM").as_deref() != Ok("dumb")
}
