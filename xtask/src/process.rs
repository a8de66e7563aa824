//! Running other programs: say what runs, stream what it prints, fail with its name.

use std::fmt;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

/// Why a command of ours stopped: one message for a person.
#[derive(Debug)]
pub struct Failure(String);

/// The result of everything in xtask.
pub type Result<T = ()> = std::result::Result<T, Failure>;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Failure(message)
    }
}

impl From<&str> for Failure {
    fn from(message: &str) -> Self {
        Failure(message.to_owned())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure(error.to_string())
    }
}

/// The repository's root: the folder that holds `xtask/`.
///
/// Cargo says at run time which clone it runs from; what was compiled in may be another clone that shares the target
/// directory.
pub fn root() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let package = Path::new(&package);
    package.parent().unwrap_or(package).to_owned()
}

/// Where Cargo builds: `CARGO_TARGET_DIR`, else `target` in the repository.
pub fn target_directory() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |path| root().join(path))
}

/// The cargo that runs us, started in the repository's root.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// Prints a heading.
pub fn heading(text: &str) {
    println!("\n==> {text}");
}

/// Runs a program with our own input and output. Errors: it is missing, or ended with a failure.
pub fn run(command: &mut Command) -> Result {
    println!("$ {}", shown(command));
    let status = command.status().map_err(|error| not_started(command, &error))?;
    if status.success() { Ok(()) } else { Err(failed(command, status)) }
}

/// Runs a program, streams what it prints, and gives back the printed lines that `keep` picks.
pub fn run_keeping(command: &mut Command, keep: fn(&str) -> bool) -> Result<Vec<String>> {
    println!("$ {}", shown(command));
    if io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(|error| not_started(command, &error))?;
    let kept = Arc::new(Mutex::new(Vec::new()));
    let readers: Vec<_> = [
        child.stdout.take().map(|pipe| forward(pipe, io::stdout(), keep, &kept)),
        child.stderr.take().map(|pipe| forward(pipe, io::stderr(), keep, &kept)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let status = child.wait()?;
    for reader in readers {
        reader.join().map_err(|_| format!("reading the output of `{}` failed", shown(command)))?;
    }
    if status.success() { Ok(lock(&kept).clone()) } else { Err(failed(command, status)) }
}

/// Runs a program quietly and gives back what it wrote to standard output.
pub fn output_of(command: &mut Command) -> Result<String> {
    let output = command.output().map_err(|error| not_started(command, &error))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`{}` failed with {}: {}", shown(command), output.status, complaint.trim()).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn forward(
    from: impl Read + Send + 'static,
    mut to: impl Write + Send + 'static,
    keep: fn(&str) -> bool,
    kept: &Arc<Mutex<Vec<String>>>,
) -> thread::JoinHandle<()> {
    let kept = Arc::clone(kept);
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(io::Result::ok) {
            // A closed terminal is no reason to stop the tests.
            let _ = writeln!(to, "{line}");
            if keep(&line) {
                lock(&kept).push(line);
            }
        }
    })
}

fn lock(lines: &Mutex<Vec<String>>) -> std::sync::MutexGuard<'_, Vec<String>> {
    lines.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn not_started(command: &Command, error: &io::Error) -> Failure {
    format!("cannot run `{}`: {error}", command.get_program().to_string_lossy()).into()
}

fn failed(command: &Command, status: std::process::ExitStatus) -> Failure {
    format!("`{}` failed with {status}", shown(command)).into()
}
