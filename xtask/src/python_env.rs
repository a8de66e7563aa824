//! Virtual environments: finding an interpreter, making the environment, installing pinned requirements.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{Result, heading, output_of, run};

/// The oldest Python that the package supports.
const OLDEST: (u32, u32) = (3, 11);

/// A virtual environment of ours.
pub struct PythonEnv {
    directory: PathBuf,
}

impl PythonEnv {
    /// Makes the environment if it is not there, and installs `requirements` into it if they changed since.
    pub fn prepare(directory: PathBuf, requirements: &Path) -> Result<Self> {
        let env = PythonEnv { directory };
        if !env.python().exists() {
            env.create()?;
        }
        env.install(requirements)?;
        Ok(env)
    }

    /// The environment's interpreter.
    pub fn python(&self) -> PathBuf {
        self.program("python")
    }

    /// A program of the environment: `pytest`, `maturin`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.directory.join(if cfg!(windows) { "Scripts" } else { "bin" }).join(name)
    }

    /// A command that runs inside the environment.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.program(program));
        command.env("VIRTUAL_ENV", &self.directory).env_remove("CONDA_PREFIX").env_remove("PYTHONHOME");
        command
    }

    fn create(&self) -> Result {
        let interpreter = find_interpreter()?;
        heading(&format!("virtual environment {}", self.directory.display()));
        run(Command::new(&interpreter).args(["-m", "venv"]).arg(&self.directory)).map_err(|failure| {
            format!("{failure}\nhint: on Debian and Ubuntu the module is a package of its own: apt install python3-venv").into()
        })
    }

    fn install(&self, requirements: &Path) -> Result {
        let wanted =
            fs::read_to_string(requirements).map_err(|error| format!("cannot read {}: {error}", requirements.display()))?;
        let name = requirements.file_stem().unwrap_or_default().to_string_lossy();
        let installed = self.directory.join(format!("installed-{name}.txt"));
        if fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
            return Ok(());
        }
        heading(&format!("requirements of {}", requirements.display()));
        run(self
            .command("python")
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
            .arg(requirements))?;
        Ok(fs::write(installed, wanted)?)
    }
}

/// `GRADFRAME_PYTHON`, else the first interpreter on the path that is new enough.
pub fn find_interpreter() -> Result<String> {
    if let Ok(chosen) = std::env::var("GRADFRAME_PYTHON") {
        return match version_of(&chosen) {
            Some(version) if version >= OLDEST => Ok(chosen),
            Some((major, minor)) => {
                Err(format!("GRADFRAME_PYTHON = {chosen} is Python {major}.{minor}, expected 3.11 or newer").into())
            }
            None => Err(format!("GRADFRAME_PYTHON = {chosen} does not run").into()),
        };
    }
    let candidates = ["python3", "python3.11", "python3.12", "python3.13", "python3.14", "python"];
    let found = candidates.into_iter().find(|name| version_of(name).is_some_and(|version| version >= OLDEST));
    found.map(str::to_owned).ok_or_else(|| {
        "no Python 3.11 or newer found; hint: install one (python.org, apt install python3 python3-venv), \
         or name it in GRADFRAME_PYTHON"
            .into()
    })
}

fn version_of(interpreter: &str) -> Option<(u32, u32)> {
    let mut command = Command::new(interpreter);
    command.args(["-c", "import sys; print(*sys.version_info[:2])"]);
    let printed = output_of(&mut command).ok()?;
    let mut numbers = printed.split_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}
