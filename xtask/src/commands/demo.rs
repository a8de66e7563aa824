//! `cargo xtask demo`: the main job, from files to a trained model and back to a table, on data made here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::time::Instant;

use super::{Command, accept_only, python};
use crate::process::{Result, cargo, heading, root, run, target_directory};

pub const COMMAND: Command = Command {
    name: "demo",
    help: "\
cargo xtask demo

Builds the command line in the dev profile, makes TPC-H at scale 0.1 as Parquet under target/demo, and runs each
statement of examples/demo.sql through `gradframe sql`, with its result and its time.
",
    run: main,
};

/// Where the data lies inside the demo's folder; examples/demo.sql names its files by it.
const DATA: &str = "tpch-0.1";

fn main(arguments: &[String]) -> Result {
    accept_only(arguments, &[])?;
    python::require_c_compiler()?;
    let folder = target_directory().join("demo");
    build()?;
    make_data(&folder)?;
    let home = folder.join(".gradframe");
    if home.exists() {
        fs::remove_dir_all(&home)?;
    }
    let script = fs::read_to_string(root().join("examples/demo.sql"))?;
    for step in steps(&script) {
        show(&step, &folder)?;
    }
    print_what_next(&folder);
    Ok(())
}

fn build() -> Result {
    heading("building (minutes on a cold machine, seconds after that)");
    run(&mut cargo(&["build", "--package", "gradframe-cli", "--package", "gradframe-tests", "--bins"]))
}

fn make_data(folder: &Path) -> Result {
    heading("data: TPC-H at scale 0.1");
    fs::create_dir_all(folder)?;
    run(Process::new(binary("tpch")).args(["--scale", "0.1", "--out"]).arg(folder.join(DATA)))
}

/// A program that `build` has made.
fn binary(name: &str) -> PathBuf {
    target_directory().join("debug").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// A statement of the script and the comment above it.
struct Step {
    comment: String,
    statement: String,
}

/// Splits the script at semicolons that end a line; comment lines above a statement belong to it.
fn steps(script: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let (mut comment, mut statement) = (Vec::new(), Vec::new());
    for line in script.lines().filter(|line| !line.trim().is_empty()) {
        match line.strip_prefix("--") {
            Some(text) if statement.is_empty() => comment.push(text.trim()),
            _ => statement.push(line),
        }
        if line.trim_end().ends_with(';') {
            steps.push(Step { comment: comment.join("\n"), statement: statement.join("\n") });
            (comment, statement) = (Vec::new(), Vec::new());
        }
    }
    steps
}

fn show(step: &Step, folder: &Path) -> Result {
    if !step.comment.is_empty() {
        println!("\n# {}", step.comment.replace('\n', "\n# "));
    }
    println!("{}{}", if step.comment.is_empty() { "\n" } else { "" }, step.statement);
    let start = Instant::now();
    let mut gradframe = Process::new(binary("gradframe"));
    gradframe
        .args(["sql", "--max-rows", "12", "-c", &step.statement])
        .current_dir(folder)
        .env("GRADFRAME_HOME", folder.join(".gradframe"));
    let status = gradframe.status().map_err(|error| format!("cannot run gradframe: {error}"))?;
    if !status.success() {
        return Err(format!("the statement above failed with {status}").into());
    }
    println!("({:.2} s)", start.elapsed().as_secs_f64());
    Ok(())
}

fn print_what_next(folder: &Path) {
    heading("what to try next");
    println!("cd {}                  # the models, runs and views of this demo are here", folder.display());
    println!("{} sql                 # a prompt; try  SHOW MODELS;", binary("gradframe").display());
    println!("{} runs ls             # every training, with its loss", binary("gradframe").display());
    println!("cargo xtask python     # then  .venv/bin/python  and  import gradframe as gf");
}

#[cfg(test)]
mod tests {
    use super::steps;

    #[test]
    fn a_comment_belongs_to_the_statement_below_it() {
        let steps = steps("-- one\n-- more\nSELECT 1;\n\n-- two\nSELECT\n  -- inside\n  2;\n");
        assert_eq!(steps.len(), 2);
        assert_eq!(steps[0].comment, "one\nmore");
        assert_eq!(steps[1].statement, "SELECT\n  -- inside\n  2;");
    }

    #[test]
    fn the_demo_has_statements() {
        let script = std::fs::read_to_string(crate::process::root().join("examples/demo.sql")).unwrap();
        assert!(steps(&script).len() >= 5);
    }
}
