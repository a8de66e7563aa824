//! One file a command. Each offers its `COMMAND`: name, help, and what to run.

mod bench;
mod check;
mod demo;
mod python;
mod test;

use crate::process::Result;

/// A command of `cargo xtask`.
pub struct Command {
    /// What is typed.
    pub name: &'static str,
    /// What `--help` prints.
    pub help: &'static str,
    /// Runs it with the arguments after its name.
    pub run: fn(&[String]) -> Result,
}

const COMMANDS: [&Command; 5] = [&demo::COMMAND, &test::COMMAND, &check::COMMAND, &bench::COMMAND, &python::COMMAND];

/// The command of that name.
pub fn find(name: &str) -> Option<&'static Command> {
    COMMANDS.into_iter().find(|command| command.name == name)
}

/// Errors unless every argument is one of `known`: a mistyped option must not run something else.
fn accept_only(arguments: &[String], known: &[&str]) -> Result {
    match arguments.iter().find(|argument| !known.contains(&argument.as_str())) {
        Some(unknown) => Err(format!("unknown argument `{unknown}`, expected one of: {}", known.join(" ")).into()),
        None => Ok(()),
    }
}
