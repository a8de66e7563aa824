//! Why the command ends early, exit codes, and the one place where errors are printed.

use gradframe::Error;
use nu_ansi_term::{Color, Style};
use unicode_width::UnicodeWidthStr;

use crate::terminal;

/// Done.
pub const OK: u8 = 0;
/// The command line is wrong.
pub const USAGE: u8 = 2;
/// Whoever read our output closed it: what a shell reports of a program that SIGPIPE ended.
const READER_LEFT: u8 = 141;
/// A line of SQL is shown around the error, not at any length.
const SHOWN_BEFORE: usize = 60;
const SHOWN_AFTER: usize = 40;

/// The result of what the command does.
pub type Result<T> = std::result::Result<T, Stop>;

/// Why the command ends before its time.
#[derive(Debug)]
pub enum Stop {
    /// Something went wrong.
    Failed(Error),
    /// Something is wrong with this SQL text, in which the error may name a place.
    FailedIn(Error, String),
    /// The reader of our output wants no more (`| head`). That is no error, and is not spoken of.
    ReaderLeft,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Failed(error)
    }
}

impl Stop {
    /// Names the text in which an error's place is.
    pub fn in_text(self, text: &str) -> Self {
        match self {
            Stop::Failed(error) if error.detail().place.is_some() => Stop::FailedIn(error, text.to_owned()),
            other => other,
        }
    }
}

impl Stop {
    /// True if the user pressed Ctrl-C.
    pub fn is_interrupt(&self) -> bool {
        matches!(self, Stop::Failed(Error::Cancelled(_)) | Stop::FailedIn(Error::Cancelled(_), _))
    }
}

/// Prints the reason to standard error, if it is an error, and gives the exit code for its kind.
pub fn report(stop: &Stop) -> u8 {
    match stop {
        Stop::ReaderLeft => READER_LEFT,
        Stop::Failed(error) => say(error, None),
        Stop::FailedIn(error, text) => say(error, Some(text)),
    }
}

fn say(error: &Error, text: Option<&str>) -> u8 {
    eprintln!("{}", describe(error, text, terminal::colours()));
    code(error)
}

/// The error for people: what is wrong, the line of SQL with a mark below the place, and what to do about it.
fn describe(error: &Error, text: Option<&str>, colours: bool) -> String {
    let paint = |style: Style, text: &str| if colours { style.paint(text).to_string() } else { text.to_owned() };
    let detail = error.detail();
    let head = format!("error[{}]:", error.kind());
    let mut said = paint(Style::new().fg(Color::Red).bold(), &head);
    if !detail.op.is_empty() {
        said += &format!(" {}:", detail.op);
    }
    said += &format!(" {}", detail.what);
    if let Some(place) = detail.place {
        said += &format!(" (line {}, column {})", place.line, place.column);
        if let Some((line, mark)) = text.and_then(|text| marked(text, place.line, place.column)) {
            said += &format!("\n  {line}\n  {}", paint(Style::new().fg(Color::Red).bold(), &mark));
        }
    }
    if let Some(hint) = &detail.hint {
        said += &format!("\n  {} {hint}", paint(Style::new().fg(Color::Cyan), "hint:"));
    }
    said
}

/// The line of the text, numbered, and a line with a mark below the column. None if there is no such place.
fn marked(text: &str, line: u64, column: u64) -> Option<(String, String)> {
    let shown = text.lines().nth(usize::try_from(line).ok()?.checked_sub(1)?)?;
    let characters: Vec<char> = shown.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let at = usize::try_from(column).ok()?.checked_sub(1)?;
    if at > characters.len() {
        return None;
    }
    let start = at.saturating_sub(SHOWN_BEFORE);
    let end = characters.len().min(at + SHOWN_AFTER);
    let before: String = characters[start..at].iter().collect();
    let after: String = characters[at..end].iter().collect();
    let (cut_before, cut_after) = (if start > 0 { "…" } else { "" }, if end < characters.len() { "…" } else { "" });
    let number = format!("{line} | {cut_before}");
    let mark = format!("{}^", " ".repeat(number.width() + before.width()));
    Some((format!("{number}{before}{after}{cut_after}"), mark))
}

/// The exit code by whose fault it is.
fn code(error: &Error) -> u8 {
    match error {
        Error::Plan(_) | Error::Shape(_) | Error::OutOfBounds(_) | Error::DType(_) | Error::Execution(_) => 1,
        Error::Resources(_) => 3,
        Error::External(_) => 4,
        Error::NotImplemented(_) | Error::NoDevice(_) => 5,
        Error::Internal(_) => 70,
        Error::Cancelled(_) => 130,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_an_error_is_marked() {
        let error = Error::plan("sql", "unknown column `dely`").at(2, 11).hint("did you mean `delay`?");
        let expected = "\
error[Plan]: sql: unknown column `dely` (line 2, column 11)
  2 | SELECT a, dely
                ^
  hint: did you mean `delay`?";
        assert_eq!(describe(&error, Some("-- é\nSELECT a, dely\nFROM t"), false), expected);
    }

    #[test]
    fn a_place_that_is_not_there_is_not_marked() {
        for (line, column) in [(0, 1), (9, 1), (1, 99), (1, 0)] {
            assert_eq!(marked("SELECT 1", line, column), None);
        }
        assert_eq!(marked("SELECT", 1, 7), Some(("1 | SELECT".into(), "          ^".into())));
    }

    #[test]
    fn long_lines_are_shown_around_the_place() {
        let text = format!("SELECT {} FROM t", "a, ".repeat(500));
        let (line, mark) = marked(&text, 1, 800).unwrap();
        assert!(line.width() < 120 && mark.width() <= line.width(), "{line}");
        assert!(line.starts_with("1 | …") && line.ends_with('…'), "{line}");
    }

    #[test]
    fn colours_come_only_where_they_are_wanted() {
        let error = Error::plan("sql", "wrong");
        assert!(!describe(&error, None, false).contains('\u{1b}'));
        assert!(describe(&error, None, true).contains('\u{1b}'));
    }
}
