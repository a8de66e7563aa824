//! The project's own commands: `cargo xtask demo | test | check | bench | python`.
//!
//! Plain Rust over `std` and `serde_json`, so that it is ready seconds after a clone. One file a command in `commands/`;
//! what several of them need (running programs, finding Python) stands beside this file.

mod commands;
mod features;
mod layering;
mod process;
mod python_env;
mod source;
mod tidy;

use std::process::ExitCode;

use process::Result;

const HELP: &str = "\
cargo xtask COMMAND [OPTIONS]        (each takes --help)

  demo      build the command line, make data, and run examples/demo.sql on it: the place to start
  test      run every test: Rust, SQL golden files, documentation, Python
  check     formatting, clippy with warnings as errors, layering, tidiness
  bench     time a task, and with --peers what a user would pick instead
  python    build the Python package into .venv
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result {
    let (name, rest) = arguments.split_first().map_or(("--help", &[][..]), |(name, rest)| (name.as_str(), rest));
    if matches!(name, "--help" | "-h" | "help") {
        print!("{HELP}");
        return Ok(());
    }
    let command = commands::find(name).ok_or_else(|| format!("unknown command `{name}`\n\n{HELP}"))?;
    if rest.iter().any(|argument| argument == "--help" || argument == "-h") {
        print!("{}", command.help);
        return Ok(());
    }
    (command.run)(rest)
}
