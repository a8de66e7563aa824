//! `mlruns/<experiment>/<run>/`: `meta.yaml`, a file for each parameter, tag and metric, and the artifacts.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use gradframe_ml_core::{Error, Result};

use super::{ForeignPoint, ForeignRun, OP, cannot_read, local, meta, status};
use crate::store::files_below;

const META: &str = "meta.yaml";
/// Where deleted experiments are.
const TRASH: &str = ".trash";

/// Whether a directory has an experiment of MLflow's.
pub(super) fn is_directory(path: &Path) -> bool {
    below(path).is_ok_and(|found| found.iter().any(|directory| is_experiment(directory)))
}

/// Gives each run to `take`. One that cannot be understood is left out, and the first such the outcome, when all others were given.
pub(super) fn each_run(path: &Path, take: &mut dyn FnMut(ForeignRun) -> Result<()>) -> Result<()> {
    let mut damaged = None;
    let mut experiments = below(path)?;
    experiments.extend(below(&path.join(TRASH)).unwrap_or_default());
    for directory in experiments.into_iter().filter(|directory| is_experiment(directory)) {
        let experiment = read_meta(&directory)?.remove("name").unwrap_or_else(|| name_of(&directory));
        for run in below(&directory)?.into_iter().filter(|run| run.join(META).is_file() && !run.join("version-1").exists()) {
            match read_run(&run, &experiment) {
                Ok(run) => take(run)?,
                Err(error) => damaged = damaged.or(Some(error)),
            }
        }
    }
    match damaged {
        Some(error) => Err(error.hint("all other runs have been taken in")),
        None => Ok(()),
    }
}

/// How many names its registry has: `models/<name>/meta.yaml`.
pub(super) fn registered(path: &Path) -> usize {
    below(&path.join("models")).map_or(0, |models| models.iter().filter(|model| model.join(META).is_file()).count())
}

fn is_experiment(directory: &Path) -> bool {
    directory.join(META).is_file() && fs::read_to_string(directory.join(META)).is_ok_and(|text| text.contains("experiment_id"))
}

fn read_run(directory: &Path, experiment: &str) -> Result<ForeignRun> {
    let mut meta = read_meta(directory)?;
    let time = |meta: &HashMap<String, String>, name: &str| {
        meta.get(name).and_then(|ms| ms.parse::<i64>().ok()).map(|ms| ms.saturating_mul(1000))
    };
    let (started_us, ended_us) = (time(&meta, "start_time"), time(&meta, "end_time"));
    // A directory that was moved has its artifacts beside it.
    let artifacts = meta.get("artifact_uri").and_then(|uri| local(uri));
    let artifacts = artifacts.or_else(|| Some(directory.join("artifacts")).filter(|path| path.is_dir()));
    Ok(ForeignRun {
        id: meta.remove("run_id").unwrap_or_else(|| name_of(directory)),
        name: meta.remove("run_name").unwrap_or_default(),
        experiment: experiment.to_owned(),
        status: status(meta.get("status").map_or("", String::as_str)),
        started_us,
        ended_us,
        deleted: meta.get("lifecycle_stage").is_some_and(|stage| stage == "deleted"),
        params: values(&directory.join("params"))?,
        tags: values(&directory.join("tags"))?,
        points: points(&directory.join("metrics"))?,
        inputs: vec![],
        artifacts,
    })
}

fn read_meta(directory: &Path) -> Result<HashMap<String, String>> {
    let path = directory.join(META);
    fs::read_to_string(&path).map(|text| meta::read(&text)).map_err(|error| cannot_read(&path, error))
}

/// The contents of files by their names, which may have slashes.
fn values(directory: &Path) -> Result<Vec<(String, String)>> {
    let text = |(name, path): (String, PathBuf)| match fs::read_to_string(&path) {
        Ok(text) => Ok((name, text)),
        Err(error) => Err(cannot_read(&path, error)),
    };
    if directory.is_dir() { files_below(directory)?.into_iter().map(text).collect() } else { Ok(vec![]) }
}

/// Lines of milliseconds, value and step.
fn points(directory: &Path) -> Result<Vec<ForeignPoint>> {
    let mut points = Vec::new();
    for (name, text) in values(directory)? {
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            points.push(point(&name, line).ok_or_else(|| {
                let what =
                    format!("`{}` line {}: expected a time, a value and a step", directory.join(&name).display(), number + 1);
                Error::execution(OP, what)
            })?);
        }
    }
    Ok(points)
}

fn point(name: &str, line: &str) -> Option<ForeignPoint> {
    let mut words = line.split_whitespace();
    let time_us = words.next()?.parse::<i64>().ok()?.checked_mul(1000)?;
    let value = match words.next()? {
        "nan" => f64::NAN,
        text => text.parse().ok()?,
    };
    let step = words.next().map_or(Some(0), |step| step.parse().ok())?;
    Some(ForeignPoint { name: name.to_owned(), step, time_us, value })
}

fn below(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).map_err(|error| cannot_read(directory, error))?;
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    found.sort();
    Ok(found)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_metrics() {
        let read = point("loss", "1700000000000 0.5 3").unwrap();
        assert_eq!((read.time_us, read.value, read.step), (1_700_000_000_000_000, 0.5, 3));
        assert!(point("loss", "1 nan 0").unwrap().value.is_nan());
        assert_eq!(point("loss", "1 inf").unwrap().value, f64::INFINITY);
        assert!(point("loss", "x 1 2").is_none() && point("loss", "1").is_none());
    }
}
