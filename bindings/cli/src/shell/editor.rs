//! The line editor: history, completion, colours, keys.

use std::path::PathBuf;

use gradframe::Session;
use nu_ansi_term::{Color, Style};
use reedline::{
    ColumnarMenu, DefaultHinter, Emacs, FileBackedHistory, KeyCode, KeyModifiers, MenuBuilder, Reedline, ReedlineEvent,
    ReedlineMenu, default_emacs_keybindings,
};

use super::complete::SqlCompleter;
use super::highlight::Colours;
use super::look::UntilSemicolon;
use crate::terminal;

const MENU: &str = "names";
/// Statements that the history keeps.
const HISTORY_LENGTH: usize = 10_000;

/// An editor over the names of a session.
pub fn open(session: &Session) -> Reedline {
    let menu = ColumnarMenu::default()
        .with_name(MENU)
        .with_marker("> ")
        .with_columns(4)
        .with_text_style(Style::new())
        .with_match_text_style(Style::new().bold())
        .with_selected_text_style(Style::new().reverse())
        .with_selected_match_text_style(Style::new().reverse().bold());
    let mut keys = default_emacs_keybindings();
    let tab = ReedlineEvent::UntilFound(vec![ReedlineEvent::Menu(MENU.to_owned()), ReedlineEvent::MenuNext]);
    keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, tab);
    keys.add_binding(KeyModifiers::SHIFT, KeyCode::BackTab, ReedlineEvent::MenuPrevious);
    let mut editor = Reedline::create()
        .with_validator(Box::new(UntilSemicolon))
        .with_completer(Box::new(SqlCompleter::new(session.clone())))
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
        .with_edit_mode(Box::new(Emacs::new(keys)))
        .with_highlighter(Box::new(Colours))
        .with_ansi_colors(terminal::colours())
        .with_quick_completions(true)
        .with_partial_completions(true)
        .use_bracketed_paste(true);
    if terminal::colours() {
        editor = editor.with_hinter(Box::new(DefaultHinter::default().with_style(Style::new().fg(Color::DarkGray))));
    }
    match history() {
        Some(history) => editor.with_history(Box::new(history)),
        None => editor,
    }
}

/// The history in its file; None, with a word about it, if that cannot be written: then it ends with the session.
fn history() -> Option<FileBackedHistory> {
    let file = history_file()?;
    let made = file.parent().map_or(Ok(()), std::fs::create_dir_all);
    let opened = made
        .map_err(|error| error.to_string())
        .and_then(|()| FileBackedHistory::with_file(HISTORY_LENGTH, file.clone()).map_err(|error| error.to_string()));
    opened.inspect_err(|error| eprintln!("no history is kept: cannot write `{}`: {error}", file.display())).ok()
}

/// `GRADFRAME_HISTORY` (empty: none), else `gradframe/history` where the user's programs keep their state.
fn history_file() -> Option<PathBuf> {
    if let Some(file) = std::env::var_os("GRADFRAME_HISTORY") {
        return (!file.is_empty()).then(|| PathBuf::from(file));
    }
    let state = std::env::var_os("XDG_STATE_HOME").filter(|state| !state.is_empty()).map(PathBuf::from);
    let state = state.or_else(|| Some(std::env::home_dir()?.join(".local/state")))?;
    Some(state.join("gradframe/history"))
}
