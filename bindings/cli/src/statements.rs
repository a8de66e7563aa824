//! Runs a script: each statement in turn, each result written as it comes.

use std::io::Read;
use std::time::{Duration, Instant};

use gradframe::{Error, Parsed, Session};

use crate::args::{OutputArgs, SqlArgs};
use crate::exit::Result;
use crate::output;
use crate::progress::ScanBar;

/// The text given by `-c` or `-f`, if any. Errors: `External` if the file cannot be read.
pub fn text_of(args: &SqlArgs) -> gradframe::Result<Option<String>> {
    match (&args.command, &args.file) {
        (Some(text), _) => Ok(Some(text.clone())),
        (None, Some(file)) => match std::fs::read_to_string(file) {
            Ok(text) => Ok(Some(text)),
            Err(error) => Err(Error::external("gradframe sql", format!("cannot read `{}`: {error}", file.display()))),
        },
        (None, None) => Ok(None),
    }
}

/// The text piped in. Errors: `External` if it is not UTF-8 or cannot be read.
pub fn read_standard_input() -> gradframe::Result<String> {
    let mut text = String::new();
    match std::io::stdin().read_to_string(&mut text) {
        Ok(_) => Ok(text),
        Err(error) => Err(Error::external("gradframe sql", format!("cannot read standard input: {error}"))),
    }
}

/// Where statements run and where their results go.
pub struct Shell<'a> {
    /// Runs them.
    pub session: &'a Session,
    /// How results are written.
    pub output: &'a OutputArgs,
    /// No progress bars and no timings.
    pub quiet: bool,
}

impl Shell<'_> {
    /// Runs every statement of `text`, stopping at the first that fails or when interrupted.
    pub async fn run_script(&self, text: &str) -> Result<()> {
        for statement in self.session.parse(text)? {
            if self.output.echo {
                output::print_line(&format!("\n> {}", statement.text.trim().replace('\n', "\n  ")))?;
            }
            let elapsed = interruptible(self.run_statement(&statement)).await?;
            if self.output.echo && !self.quiet {
                output::print_line(&format!("({})", describe_time(elapsed)))?;
            }
        }
        Ok(())
    }

    /// Runs one statement and writes its result; gives the time it took.
    pub async fn run_statement(&self, statement: &Parsed) -> Result<Duration> {
        let started = Instant::now();
        let frame = self.session.execute(statement).await?;
        let (stream, progress) = frame.stream_watched().await?;
        let _bar = ScanBar::watch(progress, self.quiet);
        output::write(stream, self.output).await?;
        Ok(started.elapsed())
    }
}

/// Runs the future until it ends or Ctrl-C is pressed; then it is dropped, which cancels the query.
pub async fn interruptible<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => Err(Error::cancelled("gradframe sql", "interrupted").into()),
    }
}

/// A duration for people: `12 ms`, `3.4 s`.
pub fn describe_time(elapsed: Duration) -> String {
    match elapsed.as_secs_f64() {
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s => format!("{s:.1} s"),
    }
}
