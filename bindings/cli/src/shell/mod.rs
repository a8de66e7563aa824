//! The interactive prompt: statements end with `;`, commands begin with a backslash, Ctrl-C cancels, Ctrl-D leaves.

mod commands;
mod complete;
mod describe;
mod editor;
mod highlight;
mod lexer;
mod look;
mod words;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use gradframe::Error;
use reedline::{Reedline, Signal};

use crate::exit::{self, Result};
use crate::output::{Place, done_line};
use crate::statements::{self, Shell, interruptible};
use crate::watch;
use commands::{Command, HELP};
use look::SqlPrompt;

/// Reads statements until the end of input. Errors of a statement are printed; the session goes on.
pub async fn run(mut shell: Shell) -> Result<()> {
    greet(&shell);
    shell.style.paging = true;
    shell.style.table.all_rows_hint = "\\rows 0";
    shell.style.table.started = (!shell.quiet).then(Instant::now);
    let mut editor = editor::open(&shell.session);
    Prompt { shell, last: None, interrupts: 0 }.read(&mut editor).await
}

fn greet(shell: &Shell) {
    if shell.quiet {
        return;
    }
    let home = shell.session.home().map_or_else(|| "in memory".to_owned(), |home| home.display().to_string());
    eprintln!("gradframe {}, home {home}", env!("CARGO_PKG_VERSION"));
    eprintln!("Statements end with ; and \\? helps. Ctrl-C cancels, Ctrl-D leaves.");
}

/// The prompt's state between two lines.
struct Prompt {
    shell: Shell,
    /// The text that was run last, for `\watch`.
    last: Option<String>,
    /// How often Ctrl-C was pressed with nothing between.
    interrupts: u32,
}

/// Whether the prompt goes on.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Line,
    Leave,
}

impl Prompt {
    async fn read(&mut self, editor: &mut Reedline) -> Result<()> {
        loop {
            match tokio::task::block_in_place(|| editor.read_line(&SqlPrompt)) {
                Ok(Signal::Success(text)) => {
                    self.interrupts = 0;
                    // What a killed shell has seen is still in its history.
                    let _ = editor.sync_history();
                    if self.line(&text).await == Next::Leave {
                        return Ok(());
                    }
                }
                Ok(Signal::CtrlD) => return Ok(()),
                Ok(Signal::CtrlC) => self.interrupted(),
                Err(error) => {
                    return Err(Error::external("gradframe sql", format!("cannot read the terminal: {error}")).into());
                }
            }
        }
    }

    fn interrupted(&mut self) {
        self.interrupts += 1;
        if self.interrupts >= 2 {
            eprintln!("Ctrl-D or \\q leaves.");
        }
    }

    /// One statement or command; what goes wrong is said here.
    async fn line(&mut self, text: &str) -> Next {
        let done = match commands::command_in(text) {
            Some(command) => self.command(command).await,
            None => self.statements(text).await,
        };
        match done {
            Ok(next) => next,
            Err(stop) => {
                exit::report(&stop);
                Next::Line
            }
        }
    }

    async fn statements(&mut self, text: &str) -> Result<Next> {
        if text.trim().is_empty() {
            return Ok(Next::Line);
        }
        self.last = Some(text.to_owned());
        self.run(text).await.map_err(|stop| stop.in_text(text))?;
        Ok(Next::Line)
    }

    async fn run(&self, text: &str) -> Result<()> {
        for statement in self.shell.session.parse(text)? {
            let ran = interruptible(self.shell.run_statement(&statement)).await?;
            let has_footer = ran.has_result && self.shell.style.place == Place::Here && self.is_table();
            if !has_footer && self.shell.style.table.started.is_some() {
                eprintln!("{}", done_line(ran.elapsed));
            }
        }
        Ok(())
    }

    fn is_table(&self) -> bool {
        self.shell.style.format == crate::args::Format::Table
    }

    async fn command(&mut self, text: &str) -> Result<Next> {
        match commands::parse(text)? {
            Command::Quit => return Ok(Next::Leave),
            Command::Help => eprintln!("{HELP}"),
            Command::List(listed) => self.look(describe::list(&self.shell, listed)).await?,
            Command::Describe(name) => self.look(describe::describe(&self.shell, &name)).await?,
            Command::Include(file) => self.include(file).await?,
            Command::Watch(pause) => self.watch(pause).await?,
            Command::Output(file) => self.output(file)?,
            setting => self.set(setting),
        }
        Ok(Next::Line)
    }

    async fn look(&self, work: impl Future<Output = Result<()>>) -> Result<()> {
        interruptible(work).await
    }

    async fn include(&mut self, file: PathBuf) -> Result<()> {
        let text = statements::read_file(&file)?;
        self.run(&text).await.map_err(|stop| stop.in_text(&text))
    }

    async fn watch(&self, pause: Duration) -> Result<()> {
        let nothing = || Error::plan("gradframe sql", "nothing to watch yet").hint("run a query, then \\watch");
        let last = self.last.as_ref().ok_or_else(nothing)?;
        watch::run(&self.shell, last, pause, None).await
    }

    /// Errors: `External` if the file cannot be written.
    fn output(&mut self, file: Option<PathBuf>) -> gradframe::Result<()> {
        self.shell.style.place = match file {
            None => Place::Here,
            Some(file) => {
                let made = std::fs::File::create(&file);
                made.map_err(|error| Error::external("gradframe sql", format!("cannot write `{}`: {error}", file.display())))?;
                Place::Appended(file)
            }
        };
        Ok(())
    }

    fn set(&mut self, setting: Command) {
        let style = &mut self.shell.style;
        let said = match setting {
            Command::Timing(wanted) => {
                let on = wanted.unwrap_or(style.table.started.is_none());
                style.table.started = on.then(Instant::now);
                format!("timing is {}", on_or_off(on))
            }
            Command::Expanded(wanted) => {
                style.table.expanded = wanted.unwrap_or(!style.table.expanded);
                format!("expanded rows are {}", on_or_off(style.table.expanded))
            }
            Command::Paging(wanted) => {
                style.paging = wanted.unwrap_or(!style.paging);
                format!("the pager is {}", on_or_off(style.paging))
            }
            Command::Rows(rows) => {
                style.table.rows_max = rows;
                // Who asks for a number of rows does not want to page through all of them.
                style.paging = false;
                format!("tables show {}", if rows == 0 { "all rows".to_owned() } else { format!("at most {rows} rows") })
            }
            Command::Format(format) => {
                style.format = format;
                format!("results are written as {}", format!("{format:?}").to_lowercase())
            }
            _ => return,
        };
        eprintln!("{said}");
    }
}

fn on_or_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}
