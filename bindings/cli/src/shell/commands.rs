//! Commands of the prompt: one line, a backslash first.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use gradframe::{Error, Result};

use crate::args::Format;

/// Seconds between two runs of `\watch` unless told otherwise.
const WATCH_SECONDS: f64 = 2.0;

/// What a line with a backslash asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Quit,
    Help,
    /// Everything with a name: tables, views, models.
    List(Listed),
    /// The columns of a table, view or file; what a model is.
    Describe(String),
    /// None switches over.
    Timing(Option<bool>),
    Expanded(Option<bool>),
    Paging(Option<bool>),
    Rows(usize),
    Format(Format),
    /// Runs the statements of a file.
    Include(PathBuf),
    /// None is the terminal again.
    Output(Option<PathBuf>),
    /// Runs the last query again and again.
    Watch(Duration),
}

/// What is to be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    All,
    Tables,
    Views,
    Models,
    Runs,
}

/// What `\?` says.
pub const HELP: &str = "\
Statements end with ; and may span lines.

  \\d               tables, views and models
  \\d NAME          columns of a table, view or 'file'; what a model is
  \\dt \\dv \\dm \\dr  tables, views, models, runs
  \\x [on|off]      rows with one line a column
  \\timing [on|off] the time of each statement
  \\format NAME     results as table, csv, json, ...
  \\rows N          rows that a table shows; 0 shows all
  \\pager [on|off]  long results through $PAGER
  \\watch [SECONDS] run the last query again and again
  \\i FILE          run the statements of a file
  \\o [FILE]        results into a file; without a file: here again
  \\?               this help
  \\q               leave; so does Ctrl-D

Tab completes names, keywords and paths. Ctrl-R searches the history.
Ctrl-C cancels what is typed, or the running query.";

/// Names of all commands, for completion.
pub const NAMES: &[&str] = &[
    "\\?", "\\d", "\\dm", "\\dr", "\\dt", "\\dv", "\\format", "\\i", "\\o", "\\pager", "\\q", "\\rows", "\\timing", "\\watch",
    "\\x",
];

/// The command in the text: all of it, or its last line, for whoever is lost in an unfinished statement. So are the
/// words that people type to leave or to find out.
pub fn command_in(text: &str) -> Option<&str> {
    let last = text.trim_end().lines().next_back().unwrap_or_default();
    if last.starts_with('\\') {
        return Some(last);
    }
    (text.trim_start().starts_with('\\') || plain_word(text).is_some()).then_some(text)
}

/// Errors: `Plan` for an unknown command or a wrong argument.
pub fn parse(text: &str) -> Result<Command> {
    if let Some(command) = plain_word(text) {
        return Ok(command);
    }
    let text = text.trim().trim_end_matches(';');
    let (name, argument) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let argument = argument.trim();
    match name {
        "\\q" | "\\quit" => none(name, argument, Command::Quit),
        "\\?" | "\\h" | "\\help" => Ok(Command::Help),
        "\\d" if !argument.is_empty() => Ok(Command::Describe(argument.to_owned())),
        "\\d" => Ok(Command::List(Listed::All)),
        "\\dt" => none(name, argument, Command::List(Listed::Tables)),
        "\\dv" => none(name, argument, Command::List(Listed::Views)),
        "\\dm" if !argument.is_empty() => Ok(Command::Describe(argument.to_owned())),
        "\\dm" => Ok(Command::List(Listed::Models)),
        "\\dr" => none(name, argument, Command::List(Listed::Runs)),
        "\\timing" => switch(name, argument).map(Command::Timing),
        "\\x" => switch(name, argument).map(Command::Expanded),
        "\\pager" => switch(name, argument).map(Command::Paging),
        "\\rows" => number(name, argument).map(Command::Rows),
        "\\format" => format(argument).map(Command::Format),
        "\\i" => path(argument).map(Command::Include).ok_or_else(|| wrong(name, argument, "a file")),
        "\\o" => Ok(Command::Output(path(argument))),
        "\\watch" => seconds(name, argument).map(Command::Watch),
        _ => Err(unknown(name)),
    }
}

fn plain_word(text: &str) -> Option<Command> {
    match text.trim().trim_end_matches(';').to_ascii_lowercase().as_str() {
        "quit" | "exit" => Some(Command::Quit),
        "help" => Some(Command::Help),
        _ => None,
    }
}

fn unknown(name: &str) -> Error {
    let near = gradframe::nearest_name(name, NAMES.iter().copied());
    let hint =
        near.map_or_else(|| "\\? lists the commands".to_owned(), |near| format!("did you mean `{near}`? \\? lists the commands"));
    Error::plan("gradframe sql", format!("unknown command `{name}`")).hint(hint)
}

fn wrong(name: &str, argument: &str, expected: &str) -> Error {
    let found = if argument.is_empty() { "nothing".to_owned() } else { format!("`{argument}`") };
    Error::plan("gradframe sql", format!("`{name}` takes {expected}, got {found}"))
}

fn none(name: &str, argument: &str, command: Command) -> Result<Command> {
    if argument.is_empty() { Ok(command) } else { Err(wrong(name, argument, "nothing")) }
}

fn switch(name: &str, argument: &str) -> Result<Option<bool>> {
    match argument.to_ascii_lowercase().as_str() {
        "" => Ok(None),
        "on" | "true" | "1" => Ok(Some(true)),
        "off" | "false" | "0" => Ok(Some(false)),
        _ => Err(wrong(name, argument, "on or off")),
    }
}

fn number(name: &str, argument: &str) -> Result<usize> {
    argument.parse().map_err(|_| wrong(name, argument, "a number of rows, 0 for all"))
}

fn seconds(name: &str, argument: &str) -> Result<Duration> {
    let seconds = if argument.is_empty() { Ok(WATCH_SECONDS) } else { argument.parse() };
    let seconds = seconds.ok().and_then(|seconds: f64| Duration::try_from_secs_f64(seconds).ok());
    seconds.filter(|pause| !pause.is_zero()).ok_or_else(|| wrong(name, argument, "a number of seconds above 0"))
}

fn format(argument: &str) -> Result<Format> {
    Format::from_str(argument, true).map_err(|_| {
        let names: Vec<String> =
            Format::value_variants().iter().filter_map(|f| Some(f.to_possible_value()?.get_name().to_owned())).collect();
        wrong("\\format", argument, &format!("one of {}", names.join(", ")))
    })
}

/// Without quotes, with the home directory for `~`.
fn path(argument: &str) -> Option<PathBuf> {
    let bare = argument.trim_matches(['\'', '"']);
    if bare.is_empty() {
        return None;
    }
    match (bare.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => Some(home.join(rest)),
        _ => Some(PathBuf::from(bare)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_with_their_arguments() {
        let cases = [
            ("\\q", Command::Quit),
            ("exit;", Command::Quit),
            ("\\d", Command::List(Listed::All)),
            ("\\d  trips ;", Command::Describe("trips".into())),
            ("\\dm", Command::List(Listed::Models)),
            ("\\x on", Command::Expanded(Some(true))),
            ("\\timing", Command::Timing(None)),
            ("\\rows 0", Command::Rows(0)),
            ("\\format CSV", Command::Format(Format::Csv)),
            ("\\i 'a b.sql'", Command::Include("a b.sql".into())),
            ("\\o", Command::Output(None)),
            ("\\watch 0.5", Command::Watch(Duration::from_millis(500))),
        ];
        for (text, expected) in cases {
            assert_eq!(command_in(text), Some(text));
            assert_eq!(parse(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn wrong_commands_say_what_is_right() {
        let cases = [
            ("\\timng", "did you mean `\\timing`?"),
            ("\\z", "\\? lists the commands"),
            ("\\x maybe", "on or off"),
            ("\\format xml", "table, csv, json"),
            ("\\i", "a file"),
            ("\\watch 0", "above 0"),
            ("\\watch nan", "above 0"),
            ("\\q now", "takes nothing"),
        ];
        for (text, expected) in cases {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn statements_are_no_commands() {
        assert_eq!(command_in("SELECT 'never closed\n\\q\n"), Some("\\q"));
        for text in ["SELECT 1;", "select help", "", "quit smoking", "SELECT '\\d'"] {
            assert_eq!(command_in(text), None);
        }
    }
}
