//! Long results go through the user's pager: `$PAGER`, else `less`.

use std::io::{self, Write};
use std::process::{Command, Stdio};

use crate::terminal;

/// Lines are not wrapped but scroll sideways; colours come through.
const LESS_OPTIONS: &str = "-SR";
/// What a shell says of a command that is not there.
const NOT_FOUND: i32 = 127;

/// Text that is shown when it is whole: through the pager if it is higher than the terminal, else as it is.
#[derive(Debug, Default)]
pub struct Paged {
    text: Vec<u8>,
}

impl Write for Paged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let text = std::mem::take(&mut self.text);
        let lines = text.iter().filter(|&&byte| byte == b'\n').count();
        // The prompt comes below.
        let fits = terminal::height().is_none_or(|height| lines < height);
        match (fits, command()) {
            (false, Some(pager)) if page(&pager, &text)? => Ok(()),
            _ => io::stdout().write_all(&text).and_then(|()| io::stdout().flush()),
        }
    }
}

/// None if the user wants no pager.
fn command() -> Option<String> {
    match std::env::var("PAGER") {
        Ok(pager) if pager.trim().is_empty() || pager.trim() == "cat" => None,
        Ok(pager) => Some(pager),
        Err(_) => Some("less".to_owned()),
    }
}

/// True if lines longer than the terminal's are no trouble.
pub fn scrolls_sideways() -> bool {
    let less = command().is_some_and(|pager| pager.split_whitespace().next().is_some_and(|word| word.ends_with("less")));
    less && std::env::var("LESS").map_or(true, |options| options.contains('S'))
}

/// False if there is no such pager. A reader that leaves early has seen enough.
fn page(pager: &str, text: &[u8]) -> io::Result<bool> {
    let mut command = Command::new("sh");
    command.args(["-c", pager]).stdin(Stdio::piped());
    if std::env::var_os("LESS").is_none() {
        command.env("LESS", LESS_OPTIONS);
    }
    let Ok(mut child) = command.spawn() else { return Ok(false) };
    if let Some(mut input) = child.stdin.take() {
        let _ = input.write_all(text);
    }
    Ok(child.wait()?.code() != Some(NOT_FOUND))
}
