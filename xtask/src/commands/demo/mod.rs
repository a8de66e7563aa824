//! `cargo xtask demo`: the main job, from files to a trained model and back to a table, on data made here or a user's own.

mod files;
mod own;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::time::Instant;

use serde_json::Value;

use super::{Command, python};
use crate::process::{Result, cargo, heading, root, run, target_directory};

pub const COMMAND: Command = Command {
    name: "demo",
    help: "\
cargo xtask demo [--data DIR --table NAME --target COLUMN [--options SQL]]

Builds the command line in the dev profile, makes TPC-H at scale 0.1 as Parquet under target/demo, and runs each
statement of examples/demo.sql through `gradframe sql`, with its result and its time.
  --data DIR        your own files instead: Parquet, CSV, NDJSON or Arrow
  --table NAME      DIR/NAME.csv (or another ending), or all files of DIR/NAME/
  --target COLUMN   what to predict: a number by linear_reg, a text or truth value by logistic_reg
  --options SQL     how to read the files, as read_csv takes it: header => false, null_value => '?', trim => true
",
    run: main,
};

/// Where the data lies inside the demo's folder; examples/demo.sql names its files by it.
const DATA: &str = "tpch-0.1";

/// A user's own table.
#[derive(Debug, Default)]
struct Own {
    data: String,
    table: String,
    target: String,
    options: Option<String>,
}

fn main(arguments: &[String]) -> Result {
    let own = parse(arguments)?;
    let found = own.as_ref().map(|own| files::find(Path::new(&own.data), &own.table)).transpose()?;
    python::require_c_compiler()?;
    let folder = target_directory().join("demo");
    build()?;
    fs::create_dir_all(&folder)?;
    let steps = match (&own, &found) {
        (Some(own), Some(found)) => own::steps(found, own.options.as_deref(), &own.target, &|query| ask(query, &folder))?,
        _ => {
            make_data(&folder)?;
            steps(&fs::read_to_string(root().join("examples/demo.sql"))?)
        }
    };
    let home = folder.join(".gradframe");
    if home.exists() {
        fs::remove_dir_all(&home)?;
    }
    for step in steps {
        show(&step, &folder)?;
    }
    print_what_next(&folder);
    Ok(())
}

/// The user's table, or None for the data made here. Errors: an unknown option, or one of several that is missing.
fn parse(arguments: &[String]) -> Result<Option<Own>> {
    let mut own = Own::default();
    let mut words = arguments.iter();
    while let Some(option) = words.next() {
        let value = || words.clone().next().cloned().ok_or_else(|| format!("demo: {option} needs a value"));
        match option.as_str() {
            "--data" => own.data = value()?,
            "--table" => own.table = value()?,
            "--target" => own.target = value()?,
            "--options" => own.options = Some(value()?),
            _ => return Err(format!("demo: unknown argument `{option}`; see cargo xtask demo --help").into()),
        }
        words.next();
    }
    if arguments.is_empty() {
        return Ok(None);
    }
    let given = [("--data", &own.data), ("--table", &own.table), ("--target", &own.target)];
    match given.iter().find(|(_, value)| value.is_empty()) {
        Some((missing, _)) => Err(format!("demo: {missing} is missing; --data, --table and --target go together").into()),
        None => Ok(Some(own)),
    }
}

/// The rows that a query gives. Errors: the engine's own, as its user would see it.
fn ask(query: &str, folder: &Path) -> Result<Vec<Value>> {
    let output = gradframe(folder).args(["--quiet", "sql", "--format", "json", "-c", query]).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_string().into());
    }
    Ok(serde_json::from_slice(&output.stdout).map_err(|error| format!("{query}: not JSON: {error}"))?)
}

/// The command line in the demo's folder, with its home there.
fn gradframe(folder: &Path) -> Process {
    let mut gradframe = Process::new(binary("gradframe"));
    gradframe.current_dir(folder).env("GRADFRAME_HOME", folder.join(".gradframe"));
    gradframe
}

fn build() -> Result {
    heading("building (minutes on a cold machine, seconds after that)");
    run(&mut cargo(&["build", "--package", "gradframe-cli", "--package", "gradframe-tests", "--bins"]))
}

fn make_data(folder: &Path) -> Result {
    heading("data: TPC-H at scale 0.1");
    run(Process::new(binary("tpch")).args(["--scale", "0.1", "--out"]).arg(folder.join(DATA)))
}

/// A program that `build` has made.
fn binary(name: &str) -> PathBuf {
    target_directory().join("debug").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// A statement of the script and the comment above it.
#[derive(Debug)]
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
    let status = gradframe(folder).args(["sql", "--max-rows", "12", "-c", &step.statement]).status();
    let status = status.map_err(|error| format!("cannot run gradframe: {error}"))?;
    if !status.success() {
        return Err(format!("the statement above failed with {status}").into());
    }
    println!("({:.2} s)", start.elapsed().as_secs_f64());
    Ok(())
}

fn print_what_next(folder: &Path) {
    heading("what to try next");
    println!("cd {0} && export PATH={1}:$PATH", folder.display(), target_directory().join("debug").display());
    println!("gradframe sql          # a prompt; try  SHOW MODELS;");
    println!("gradframe runs ls      # every training, with its loss");
    println!("cd -                   # back here, then:");
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
    fn a_table_of_ones_own_needs_all_three_options() {
        let parse = |words: &[&str]| super::parse(&words.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert!(parse(&[]).unwrap().is_none());
        assert_eq!(parse(&["--data", "d", "--table", "t", "--target", "y"]).unwrap().unwrap().target, "y");
        assert!(parse(&["--data", "d", "--table", "t"]).unwrap_err().to_string().contains("--target is missing"));
        assert!(parse(&["--data"]).unwrap_err().to_string().contains("needs a value"));
        assert!(parse(&["--taget", "y"]).unwrap_err().to_string().contains("unknown argument `--taget`"));
    }

    #[test]
    fn the_demo_has_statements() {
        let script = std::fs::read_to_string(crate::process::root().join("examples/demo.sql")).unwrap();
        assert!(steps(&script).len() >= 5);
    }
}
