//! `cargo xtask bench`: times a task of `tests/bench/tasks`, for us and for what a user would pick instead.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Command, python};
use crate::process::{Result, cargo, heading, root, run, target_directory};
use crate::python_env::{PythonEnv, find_interpreter};

pub const COMMAND: Command = Command {
    name: "bench",
    help: "\
cargo xtask bench NAME [--peers] [--scale N] [--runs N] [--only TASKS] [--smoke]

Prints `task | who | figure | unit`, medians of the runs after one that does not count. NAME is a file of
tests/bench/tasks: tpch, groupby, mlp, tensors, models, frames, runs, arrays, networks, stages.
  --peers      also DuckDB, Polars and DataFusion from PyPI (mlp, tensors: PyTorch and JAX; models: transformers,
               sentence-transformers, onnxruntime; runs: MLflow's server), in the same run; one that fails is `not measured`
  --scale N    TPC-H scale factor (1), or millions of rows for groupby (10)
  --runs N     counted runs of each query (3)
  --only TASKS some tasks of tensors (mlp, cnn, gpt, chain, rows, reductions, sorts, costs), of networks (mlp, cnn, gpt) or of
               models (embed, generate), with commas between
  --smoke      the dev profile instead of release: shows that the harness works, and measures nothing
",
    run: main,
};

/// What was asked for.
struct Request {
    task: String,
    peers: bool,
    smoke: bool,
    /// Options that go on to the harness as they are.
    passed_on: Vec<String>,
    scale: Option<String>,
}

fn main(arguments: &[String]) -> Result {
    let request = parse(arguments)?;
    let task = task_file(&request.task)?;
    if let Some(program) = Program::of(&task)? {
        return program.measure(&request);
    }
    python::require_c_compiler()?;
    let env = prepare(&request)?;
    let data = make_data(&request, &env)?;
    heading(&format!("bench {}{}", request.task, if request.smoke { " (dev profile: figures mean nothing)" } else { "" }));
    let mut harness = env.command("python");
    match script(&task)? {
        Some(script) => harness.arg(root().join("tests/bench").join(script)).args(request.smoke.then_some("--smoke")),
        None => harness.arg(root().join("tests/bench/harness.py")).arg(&task),
    };
    match beside(&task)? {
        None => harness.arg("--data").arg(data),
        Some(program) => harness.arg("--program").arg(program.built(&request)?).arg("--data").arg(program.unpacked()?),
    };
    harness.args(&request.passed_on);
    if request.peers {
        harness.arg("--peers");
    }
    if request.peers && request.task == "runs" {
        // Its requirements and those of the other peers exclude one another.
        let mlflow = PythonEnv::prepare(root().join(".venv-bench-mlflow"), &root().join("tests/bench/requirements-runs.txt"))?;
        harness.env("GRADFRAME_BENCH_MLFLOW", mlflow.python());
    }
    run(&mut harness)
}

/// The script of a task that is more than queries.
fn script(task: &Path) -> Result<Option<String>> {
    Ok(described(task)?["script"].as_str().map(str::to_owned))
}

/// The program that does the same as a script, if its task names one.
fn beside(task: &Path) -> Result<Option<Program>> {
    match described(task)?["beside"].as_str() {
        Some(name) => Program::of(&task_file(name)?),
        None => Ok(None),
    }
}

fn described(task: &Path) -> Result<serde_json::Value> {
    let found = serde_json::from_str(&fs::read_to_string(task)?);
    Ok(found.map_err(|error| format!("{}: {error}", task.display()))?)
}

fn parse(arguments: &[String]) -> Result<Request> {
    let mut words = arguments.iter();
    let task = words
        .next()
        .filter(|word| !word.starts_with('-'))
        .ok_or("bench: name a task: tpch, groupby, mlp, tensors, models, frames, runs, arrays, networks, stages")?
        .clone();
    let mut request = Request { task, peers: false, smoke: false, passed_on: Vec::new(), scale: None };
    while let Some(word) = words.next() {
        match word.as_str() {
            "--peers" => request.peers = true,
            "--smoke" => request.smoke = true,
            "--scale" => request.scale = Some(number(word, words.next())?),
            "--only" => request.passed_on.extend([word.clone(), words.next().ok_or("bench: --only needs names")?.clone()]),
            "--runs" => request.passed_on.extend([word.clone(), number(word, words.next())?]),
            _ => return Err(format!("bench: unknown argument `{word}`; see cargo xtask bench --help").into()),
        }
    }
    Ok(request)
}

fn number(option: &str, value: Option<&String>) -> Result<String> {
    let value = value.ok_or_else(|| format!("bench: {option} needs a number"))?;
    match value.parse::<f64>() {
        Ok(number) if number > 0.0 => Ok(value.clone()),
        _ => Err(format!("bench: {option} = {value}, expected a number above 0").into()),
    }
}

fn task_file(name: &str) -> Result<PathBuf> {
    let folder = root().join("tests/bench/tasks");
    let file = folder.join(format!("{name}.json"));
    if file.exists() {
        return Ok(file);
    }
    Err(format!("bench: no task `{name}`, expected one of: {}", task_names(&folder)?.join(", ")).into())
}

fn task_names(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    let mut names: Vec<_> =
        entries.iter().filter_map(|entry| Some(entry.path().file_stem()?.to_string_lossy().into_owned())).collect();
    names.sort();
    Ok(names)
}

/// A task of the tensor crates: an example program of theirs, beside a script that measures the peers.
struct Program {
    file: PathBuf,
    /// The example.
    name: String,
    /// Its package.
    package: String,
    /// Its folder below the data outside the repository.
    data: String,
    /// Its peers, of which `requirements-NAME.txt` and `.venv-bench-NAME` have their names; with them, the data is taken as it lies.
    environment: Option<String>,
    /// The script of `tests/bench` that runs program and peers in turn. Without one, the program runs by itself, and then
    /// the script of its name in `tests/bench/peers`.
    harness: Option<String>,
}

impl Program {
    fn of(file: &Path) -> Result<Option<Self>> {
        let task = described(file)?;
        let text = |key: &str| task[key].as_str().map(str::to_owned);
        let package = text("package").unwrap_or_else(|| "gradframe-ml-kernels".into());
        let (harness, environment) = (text("harness"), text("environment"));
        let found = text("example").zip(text("data"));
        Ok(found.map(|(name, data)| Program { file: file.into(), name, package, data, environment, harness }))
    }

    fn measure(&self, request: &Request) -> Result {
        let data = if self.environment.is_some() { self.source()? } else { self.unpacked()? };
        heading(&format!("bench {}{}", self.name, if request.smoke { " (dev profile: figures mean nothing)" } else { "" }));
        let (folder, peers) = match &self.environment {
            Some(name) => (format!(".venv-bench-{name}"), name.as_str()),
            None => (".venv-bench".to_owned(), "tensors"),
        };
        let requirements = root().join(format!("tests/bench/requirements-{peers}.txt"));
        let env = || PythonEnv::prepare(root().join(&folder), &requirements);
        let Some(harness) = &self.harness else {
            run(self.cargo("run", request).arg("--").arg(&data))?;
            let script = root().join(format!("tests/bench/peers/{}.py", self.name));
            return if request.peers { run(env()?.command("python").arg(script).arg(data)) } else { Ok(()) };
        };
        let program = self.built(request)?;
        let mut python = if request.peers { env()?.command("python") } else { std::process::Command::new(find_interpreter()?) };
        python.arg(root().join("tests/bench").join(harness)).arg(&self.file).arg("--program").arg(program);
        run(python.arg("--data").arg(data).args(&request.passed_on).args(request.peers.then_some("--peers")))
    }

    /// Where it lies when it is built.
    fn built(&self, request: &Request) -> Result<PathBuf> {
        run(&mut self.cargo("build", request))?;
        let profile = if request.smoke { "debug" } else { "release" };
        Ok(target_directory().join(profile).join("examples").join(&self.name))
    }

    fn cargo(&self, verb: &str, request: &Request) -> std::process::Command {
        let mut command = cargo(&[verb, "--quiet", "--package", &self.package, "--example", &self.name]);
        if !request.smoke {
            command.arg("--release");
        }
        command
    }

    /// The data where it lies. `GRADFRAME_DATA` names the folder of data sets.
    fn source(&self) -> Result<PathBuf> {
        let folder = std::env::var_os("GRADFRAME_DATA").map_or_else(|| root().join("../shared/data"), PathBuf::from);
        let source = folder.join(&self.data);
        match source.exists() {
            true => Ok(source),
            false => {
                Err(format!("bench: no data in {}; hint: name the folder of data sets in GRADFRAME_DATA", source.display())
                    .into())
            }
        }
    }

    /// The data, unpacked below the target directory.
    fn unpacked(&self) -> Result<PathBuf> {
        let (source, target) = (self.source()?, target_directory().join("bench").join(&self.name));
        let script = root().join("tests/bench/unpack_mnist.py");
        run(std::process::Command::new(find_interpreter()?).arg(script).args([&source, &target]))?;
        Ok(target)
    }
}

/// An environment of its own, so that peers' requirements never touch the package's.
fn prepare(request: &Request) -> Result<PythonEnv> {
    let env = PythonEnv::prepare(root().join(".venv-bench"), &root().join("tests/bench/requirements.txt"))?;
    heading(if request.smoke {
        "Python package (dev profile)"
    } else {
        "Python package (release; 20 minutes on two cold cores)"
    });
    let mut maturin = env.command("maturin");
    maturin.arg("develop").current_dir(root().join("bindings/python"));
    if !request.smoke {
        maturin.arg("--release");
    }
    run(&mut maturin)?;
    Ok(env)
}

fn make_data(request: &Request, env: &PythonEnv) -> Result<PathBuf> {
    let folder = target_directory().join("bench");
    fs::create_dir_all(&folder)?;
    match request.task.as_str() {
        "groupby" => groupby_data(request, &folder, env),
        "runs" | "arrays" | "networks" | "stages" => Ok(folder), // make their own
        _ => tpch_data(request, &folder),
    }
}

/// Made by the dev profile, which the tests have built: in release this program alone would build DataFusion once more.
fn tpch_data(request: &Request, folder: &Path) -> Result<PathBuf> {
    let scale = request.scale.as_deref().unwrap_or(if request.smoke { "0.01" } else { "1" });
    let data = folder.join(format!("tpch-{scale}"));
    let mut command = cargo(&["run", "--package", "gradframe-tests", "--bin", "tpch", "--"]);
    run(command.args(["--scale", scale, "--out"]).arg(&data))?;
    Ok(data)
}

fn groupby_data(request: &Request, folder: &Path, env: &PythonEnv) -> Result<PathBuf> {
    let millions = request.scale.as_deref().unwrap_or("10");
    let data = folder.join(format!("groupby-{millions}"));
    if !data.join("x.parquet").exists() {
        let script = root().join("tests/bench/make_groupby.py");
        run(env.command("python").arg(script).arg(&data).args(["--millions", millions]))?;
    }
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn options_are_read() {
        let request = parse(&words("tpch --peers --scale 0.1 --runs 5")).unwrap();
        assert!(request.peers && !request.smoke);
        assert_eq!((request.scale.as_deref(), request.passed_on), (Some("0.1"), words("--runs 5")));
    }

    #[test]
    fn bad_options_are_refused() {
        for bad in ["", "--peers", "tpch --runs", "tpch --runs none", "tpch --scale 0", "tpch --peer"] {
            assert!(parse(&words(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_unknown_task_names_the_known_ones() {
        assert!(
            task_file("tpcx")
                .unwrap_err()
                .to_string()
                .ends_with("expected one of: arrays, frames, groupby, mlp, models, networks, runs, stages, tensors, tpch")
        );
    }
}
