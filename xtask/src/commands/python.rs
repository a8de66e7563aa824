//! `cargo xtask python`: builds the package with maturin into `.venv`, in the dev profile and the shared target folder.

use std::process::Command as Process;

use super::{Command, accept_only};
use crate::process::{Result, heading, root, run};
use crate::python_env::PythonEnv;

pub const COMMAND: Command = Command {
    name: "python",
    help: "\
cargo xtask python

Builds the Python package into .venv (made if it is not there, with Python 3.11 or newer from the path or from
GRADFRAME_PYTHON), in the dev profile. Afterwards:  .venv/bin/python -c 'import gradframe as gf'
",
    run: main,
};

fn main(arguments: &[String]) -> Result {
    accept_only(arguments, &[])?;
    let env = build()?;
    println!("\nReady: {} -c 'import gradframe as gf; print(gf.__version__)'", env.python().display());
    Ok(())
}

/// Builds and installs the package; gives back the environment that holds it.
pub fn build() -> Result<PythonEnv> {
    require_c_compiler()?;
    let package = root().join("bindings/python");
    let env = PythonEnv::prepare(root().join(".venv"), &package.join("requirements-dev.txt"))?;
    heading("Python package (maturin, dev profile)");
    run(env.command("maturin").arg("develop").current_dir(&package))?;
    Ok(env)
}

/// SQLite is compiled from its C source.
pub fn require_c_compiler() -> Result {
    let named = std::env::var("CC").ok();
    let names = named.iter().map(String::as_str).chain(["cc", "gcc", "clang"]);
    let found = names.into_iter().any(|name| Process::new(name).arg("--version").output().is_ok());
    if found {
        return Ok(());
    }
    Err("no C compiler found (tried CC, cc, gcc, clang); hint: apt install build-essential, or xcode-select --install".into())
}
