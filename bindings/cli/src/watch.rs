//! A query that runs again and again, for tables that grow: the metrics of a training.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use crate::exit::Result;
use crate::statements::{Shell, interruptible};

/// To the first line and column, and all below cleared.
const CLEAR: &str = "\u{1b}[H\u{1b}[J";

/// Runs the statements until Ctrl-C, or `count` times. On a terminal each result takes the place of the one before.
/// Errors: those of the statements; being interrupted is the way to end and none.
pub async fn run(shell: &Shell, text: &str, pause: Duration, count: Option<u64>) -> Result<()> {
    let mut shell = shell.clone();
    shell.quiet = true;
    shell.style.paging = false;
    for run in 1.. {
        if std::io::stdout().is_terminal() {
            shell.style.table.heading = format!("{CLEAR}every {}, run {run}; Ctrl-C ends\n", seconds(pause));
        }
        match shell.run_script(text).await {
            Err(stop) if stop.is_interrupt() => return end(),
            done => done?,
        }
        if count.is_some_and(|count| run >= count) {
            break;
        }
        if interruptible(sleep(pause)).await.is_err() {
            return end();
        }
    }
    Ok(())
}

async fn sleep(pause: Duration) -> Result<()> {
    tokio::time::sleep(pause).await;
    Ok(())
}

/// Below what was shown last.
fn end() -> Result<()> {
    if std::io::stdout().is_terminal() {
        let _ = std::io::stderr().write_all(b"\n");
    }
    Ok(())
}

fn seconds(pause: Duration) -> String {
    format!("{} s", pause.as_secs_f64())
}
