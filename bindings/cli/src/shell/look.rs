//! The prompt's looks, and when Enter ends what is typed.

use std::borrow::Cow;

use reedline::{Prompt, PromptEditMode, PromptHistorySearch, PromptHistorySearchStatus, ValidationResult, Validator};

use super::commands::command_in;
use super::lexer::is_complete;

/// `gradframe> `, and `     ...> ` on further lines.
pub struct SqlPrompt;

impl Prompt for SqlPrompt {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        "gradframe".into()
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        "".into()
    }

    fn render_prompt_indicator(&self, _mode: PromptEditMode) -> Cow<'_, str> {
        "> ".into()
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        "     ...> ".into()
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        let failing = matches!(search.status, PromptHistorySearchStatus::Failing);
        format!("({}search: {}) ", if failing { "no such " } else { "" }, search.term).into()
    }
}

/// A statement goes on over several lines until its semicolon; a command is one line.
pub struct UntilSemicolon;

impl Validator for UntilSemicolon {
    fn validate(&self, text: &str) -> ValidationResult {
        if command_in(text).is_some() || is_complete(text) { ValidationResult::Complete } else { ValidationResult::Incomplete }
    }
}
