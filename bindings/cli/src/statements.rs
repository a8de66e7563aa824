//! Runs a script: each statement in turn, each result written as it comes.

use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use gradframe::{Error, Parsed, Session};

use crate::args::SqlArgs;
use crate::exit::Result;
use crate::output::{self, Style};
use crate::progress::ScanBar;
use crate::status;

/// The texts given by `-c`, or that given by `-f`; none of neither. Errors: `External` if the file cannot be read.
pub fn texts_of(args: &SqlArgs) -> gradframe::Result<Vec<String>> {
    match &args.file {
        _ if !args.command.is_empty() => Ok(args.command.clone()),
        Some(file) if file.as_os_str() == "-" => Ok(vec![read_standard_input()?]),
        Some(file) => Ok(vec![read_file(file)?]),
        None => Ok(vec![]),
    }
}

/// The SQL text of a file. Errors: `External` if it cannot be read.
pub fn read_file(file: &Path) -> gradframe::Result<String> {
    std::fs::read_to_string(file)
        .map_err(|error| Error::external("gradframe sql", format!("cannot read `{}`: {error}", file.display())))
}

/// The text piped in. Errors: `External` if it is not UTF-8 or cannot be read.
pub fn read_standard_input() -> gradframe::Result<String> {
    let mut text = String::new();
    match std::io::stdin().read_to_string(&mut text) {
        Ok(_) => Ok(text),
        Err(error) => Err(Error::external("gradframe sql", format!("cannot read standard input: {error}"))),
    }
}

/// Where statements run and how their results are written.
#[derive(Debug, Clone)]
pub struct Shell {
    /// Runs them.
    pub session: Session,
    /// How results are written.
    pub style: Style,
    /// Each statement is shown before its result.
    pub echo: bool,
    /// No progress bars and no timings.
    pub quiet: bool,
}

impl Shell {
    /// Runs every statement of `text`, stopping at the first that fails or when interrupted.
    pub async fn run_script(&self, text: &str) -> Result<()> {
        self.run_statements(text).await.map_err(|stop| stop.in_text(text))
    }

    async fn run_statements(&self, text: &str) -> Result<()> {
        for statement in self.session.parse(text)? {
            if self.echo {
                output::print_line(&format!("\n> {}", statement.text.trim().replace('\n', "\n  ")))?;
            }
            let ran = interruptible(self.run_statement(&statement)).await?;
            if self.echo && !self.quiet {
                output::print_line(&format!("({})", describe_time(ran.elapsed)))?;
            }
        }
        Ok(())
    }

    /// Runs one statement and writes its result.
    pub async fn run_statement(&self, statement: &Parsed) -> Result<Ran> {
        let started = Instant::now();
        let frame = self.session.execute(statement).await?;
        let (stream, progress) = frame.stream_watched().await?;
        let has_result = !stream.schema().fields().is_empty();
        let scan_bar = ScanBar::watch(progress, self.quiet);
        let mut style = self.style.clone();
        style.table.started = style.table.started.map(|_| started);
        output::write(stream, &style, Some(scan_bar)).await?;
        Ok(Ran { elapsed: started.elapsed(), has_result })
    }
}

/// What there is to say of a statement that ran.
#[derive(Debug, Clone, Copy)]
pub struct Ran {
    pub elapsed: Duration,
    /// False if there was nothing to write.
    pub has_result: bool,
}

/// Runs the future until it ends or Ctrl-C is pressed; then it is dropped, which cancels the query.
pub async fn interruptible<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    status::release();
    tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => {
            status::hold();
            Err(Error::cancelled("gradframe sql", "interrupted").into())
        }
    }
}

/// A duration for people: `12 ms`, `3.4 s`.
pub fn describe_time(elapsed: Duration) -> String {
    match elapsed.as_secs_f64() {
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s => format!("{s:.1} s"),
    }
}
