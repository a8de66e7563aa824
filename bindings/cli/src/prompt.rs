//! The interactive prompt: statements end with `;`, Ctrl-C cancels the query, Ctrl-D leaves.

use std::borrow::Cow;

use gradframe::Error;
use reedline::{DefaultValidator, Prompt, PromptEditMode, PromptHistorySearch, Reedline, Signal, ValidationResult, Validator};

use crate::exit::{self, Result};
use crate::statements::{Shell, describe_time, interruptible};

/// Reads statements until the end of input. Errors of a statement are printed; the session goes on.
pub async fn run(shell: &Shell<'_>) -> Result<()> {
    eprintln!("gradframe {}. Statements end with `;`. Ctrl-C cancels, Ctrl-D or \\q leaves.", env!("CARGO_PKG_VERSION"));
    let mut editor = Reedline::create().with_validator(Box::new(UntilSemicolon));
    loop {
        match tokio::task::block_in_place(|| editor.read_line(&SqlPrompt)) {
            Ok(Signal::Success(text)) if is_quit(&text) => return Ok(()),
            Ok(Signal::Success(text)) => {
                if let Err(stop) = answer(shell, &text).await {
                    exit::report(&stop);
                }
            }
            Ok(Signal::CtrlD) => return Ok(()),
            Ok(_) => continue,
            Err(error) => return Err(Error::external("gradframe sql", format!("cannot read the terminal: {error}")).into()),
        }
    }
}

async fn answer(shell: &Shell<'_>, text: &str) -> Result<()> {
    for statement in shell.session.parse(text)? {
        let elapsed = interruptible(shell.run_statement(&statement)).await?;
        if !shell.quiet {
            eprintln!("{}", describe_time(elapsed));
        }
    }
    Ok(())
}

fn is_quit(text: &str) -> bool {
    matches!(text.trim().trim_end_matches(';').to_ascii_lowercase().as_str(), "\\q" | "quit" | "exit")
}

/// A statement goes on over several lines until its semicolon.
struct UntilSemicolon;

impl Validator for UntilSemicolon {
    fn validate(&self, text: &str) -> ValidationResult {
        let done = text.trim().is_empty() || text.trim_end().ends_with(';') || is_quit(text);
        if done { DefaultValidator.validate("") } else { ValidationResult::Incomplete }
    }
}

struct SqlPrompt;

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
        format!("(search: {}) ", search.term).into()
    }
}
