//! The binary under test.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A model over four rows: fare = 2 + 3 * distance, exactly.
pub const CREATE_FARES: &str = "CREATE MODEL fares OPTIONS (model_type = 'linear_reg', input_label_cols = ['fare']) AS \
     SELECT * FROM (VALUES (1.0, 5.0), (2.0, 8.0), (3.0, 11.0), (5.0, 17.0)) AS t(distance, fare)";

/// A fresh home and working directory, deleted at the end.
pub struct Place {
    directory: TempDir,
}

impl Place {
    pub fn new() -> Self {
        Place { directory: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The names of the files in the working directory, the home left out.
    pub fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.directory.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name != "home");
        names.sort();
        names
    }

    /// The command with these arguments, not started.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gradframe"));
        command.args(args).current_dir(self.directory.path()).env("GRADFRAME_HOME", self.path("home"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, args: &[&str]) -> Ended {
        Ended::from(self.command(args).output().unwrap())
    }

    /// Runs with this text piped in.
    pub fn run_with_input(&self, args: &[&str], input: &str) -> Ended {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Ended::from(child.wait_with_output().unwrap())
    }

    /// Runs one SQL text with further arguments; it must succeed. Gives what it wrote.
    pub fn sql(&self, sql: &str, args: &[&str]) -> String {
        let ended = self.run(&[&["sql", "-c", sql], args].concat());
        assert_eq!(ended.code, 0, "{sql}\n{}", ended.stderr);
        assert_eq!(ended.stderr, "", "{sql}");
        ended.stdout
    }
}

/// A finished run of the command.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}
