//! `cargo xtask test`: every test, or one kind of them, and last the runners' own summaries.

use std::path::Path;
use std::process::Command as Program;

use super::{Command, accept_only, python};
use crate::process::{Result, cargo, heading, output_of, root, run_keeping};
use crate::python_env::PythonEnv;

pub const COMMAND: Command = Command {
    name: "test",
    help: "\
cargo xtask test [--rust] [--slt] [--python] [--explore]

Without an option, all of them:
  --rust      unit and integration tests (cargo nextest, else cargo test), SQL golden files, documentation tests
  --slt       only the SQL golden files of tests/slt; GRADFRAME_SLT=update rewrites what they expect
  --python    builds the Python package into .venv and runs pytest
  --explore   property tests draw new cases (proptest, hypothesis); without it the same ones each time, so that a change
              is judged by what it changes

CUDA kernels are compiled by NVRTC, installed into .venv for it (gpu/requirements-nvrtc.txt) or named in GRADFRAME_NVRTC.
Tests on real tables look for them in GRADFRAME_DATA, else ../shared/data, and say what they skip.
",
    run: main,
};

fn main(arguments: &[String]) -> Result {
    accept_only(arguments, &["--rust", "--slt", "--python", "--explore"])?;
    let explore = arguments.iter().any(|argument| argument == "--explore");
    let all = arguments.len() == usize::from(explore);
    let asked = |option: &str| all || arguments.iter().any(|argument| argument == option);
    let mut summary = Vec::new();
    if asked("--rust") {
        prepare_cuda_compiler();
        prepare_postgresql();
        summary.extend(rust_tests(&[], explore)?);
        summary.extend(documentation_tests()?);
    } else if asked("--slt") {
        summary.extend(rust_tests(&["--package", "gradframe-tests", "slt::"], explore)?);
    }
    if asked("--python") {
        summary.extend(python_tests(explore)?);
    }
    print_summary(&summary);
    Ok(())
}

fn rust_tests(selection: &[&str], explore: bool) -> Result<Vec<String>> {
    python::require_c_compiler()?;
    heading("Rust tests");
    let has_nextest = output_of(&mut cargo(&["nextest", "--version"])).is_ok();
    if !has_nextest {
        println!("cargo-nextest is not installed: using `cargo test` (cargo install cargo-nextest --locked is faster)");
    }
    let runner: &[&str] = if has_nextest {
        &["nextest", "run", "--no-fail-fast"]
    } else {
        &["test", "--no-fail-fast", "--lib", "--bins", "--tests"]
    };
    // The printed kernels of every function in every type: minutes, so only here.
    let mut tests = cargo(&[runner, selection].concat());
    tests.env("GRADFRAME_GPU_TESTS", "full").env("HF_HUB_OFFLINE", "1");
    if !explore && std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        tests.env("PROPTEST_RNG_SEED", "1");
    }
    run_keeping(&mut tests, is_summary)
}

/// NVIDIA's compiler into .venv (58 MB, once), so that the printed CUDA kernels are compiled. Where it cannot be had, the
/// test of them says what it skips.
fn prepare_cuda_compiler() {
    if !cfg!(any(target_os = "linux", windows)) {
        return;
    }
    if let Err(failure) = PythonEnv::prepare(root().join(".venv"), &root().join("gpu/requirements-nvrtc.txt")) {
        println!("no CUDA compiler, so printed kernels are not compiled: {failure}");
    }
}

/// Debian's PostgreSQL, for the tests of the shared store, where this may install it. Elsewhere they say what they skip.
fn prepare_postgresql() {
    let is_there = Path::new("/usr/lib/postgresql").is_dir() || output_of(Program::new("initdb").arg("--version")).is_ok();
    let is_root = output_of(Program::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if is_there || !is_root || !Path::new("/usr/bin/apt-get").exists() {
        return;
    }
    let install =
        "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends postgresql";
    if let Err(failure) = output_of(Program::new("sh").args(["-c", install])) {
        println!("no PostgreSQL, so the tests of the shared store are skipped: {failure}");
    }
}

fn documentation_tests() -> Result<Vec<String>> {
    heading("Rust documentation tests");
    run_keeping(&mut cargo(&["test", "--doc"]), is_summary)
}

fn python_tests(explore: bool) -> Result<Vec<String>> {
    let env = python::build()?;
    heading("Python tests");
    let mut pytest = env.command("python");
    // -rs: the summary names every skipped test and why.
    pytest.args(["-m", "pytest", "-rs"]).current_dir(root().join("bindings/python"));
    // The client of MLflow 3 beside that of 2.22: one environment holds one of them.
    let requirements = root().join("bindings/python/requirements-mlflow3.txt");
    let mlflow3 = PythonEnv::prepare(root().join(".venv-mlflow3"), &requirements)?;
    pytest.env("GRADFRAME_MLFLOW3", mlflow3.python());
    if !explore {
        // Hypothesis's own profile for servers: cases derived from the test, no deadline.
        pytest.arg("--hypothesis-profile=ci");
    }
    run_keeping(&mut pytest, is_summary)
}

/// The last words of nextest, of the standard test harness, and of pytest.
fn is_summary(line: &str) -> bool {
    let nextest = line.contains("Summary") && line.contains("tests run");
    let harness = line.starts_with("test result:");
    let ran_some = !line.contains(" 0 passed; 0 failed");
    let pytest = !harness && (line.contains(" passed") || line.contains(" skipped")) && line.contains(" in ");
    nextest || harness && ran_some || pytest || line.starts_with("SKIPPED [")
}

fn print_summary(lines: &[String]) {
    heading("summary");
    for line in lines {
        println!("{}", line.trim());
    }
}

#[cfg(test)]
mod tests {
    use super::is_summary;

    #[test]
    fn picks_the_last_lines_of_each_runner() {
        assert!(is_summary("     Summary [   1.204s] 31 tests run: 31 passed, 0 skipped"));
        assert!(is_summary("test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s"));
        assert!(is_summary("12 passed, 1 skipped in 3.20s"));
        assert!(!is_summary("test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s"));
        assert!(!is_summary("        PASS [   0.011s] gradframe-plan rules::prunes"));
    }
}
