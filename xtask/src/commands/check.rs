//! `cargo xtask check`: what needs no test run: formatting, lints, the arrows between packages, tidiness.

use super::{Command, accept_only};
use crate::process::{Result, cargo, heading, run};
use crate::{features, layering, tidy};

pub const COMMAND: Command = Command {
    name: "check",
    help: "\
cargo xtask check

Formatting (cargo fmt --check), clippy over every package and target with warnings as errors, the layering of
ARCHITECTURE.md, and tidiness: file headers, file lengths, left-over marks, big files.
",
    run: main,
};

fn main(arguments: &[String]) -> Result {
    accept_only(arguments, &[])?;
    heading("layering, features, tidiness");
    let complaints = [layering::complaints()?, features::complaints()?, tidy::complaints()?].concat();
    if !complaints.is_empty() {
        return Err(format!("{} complaints:\n  {}", complaints.len(), complaints.join("\n  ")).into());
    }
    println!("ok");
    heading("formatting");
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    heading("clippy");
    run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}
