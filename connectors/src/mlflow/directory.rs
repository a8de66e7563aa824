//! `mlruns/<experiment>/<run>/`: `meta.yaml`, a file for each parameter, tag and metric, and the artifacts.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use gradframe_ml_core::{Error, Result};
use gradframe_plan::services::NewDataset;

use super::{
    Damaged, ForeignPoint, ForeignRun, OP, TaggedDataset, cannot_read, elsewhere, experiment, kept, meta, status, tagged,
};
use crate::store::{Experiment, files_below};

pub(super) const META: &str = "meta.yaml";
/// Where deleted experiments are.
const TRASH: &str = ".trash";
/// Where models are, of an experiment and of the whole store.
pub(super) const MODELS: &str = "models";
/// What an experiment has beside its runs.
const OTHERS: [&str; 4] = [MODELS, "tags", "datasets", "traces"];
/// What a run has beside `meta.yaml`.
const PARTS: [&str; 3] = ["metrics", "params", "artifacts"];

/// Whether a directory has an experiment of MLflow's.
pub(super) fn is_directory(path: &Path) -> bool {
    below(path).is_ok_and(|found| found.iter().any(|directory| is_experiment(directory)))
}

/// Gives each run to `take`.
pub(super) fn each_run(path: &Path, damaged: &mut Damaged, take: &mut dyn FnMut(ForeignRun) -> Result<()>) -> Result<()> {
    for (directory, experiment) in read_experiments(path, damaged)? {
        for run in runs(&directory)? {
            if let Some(run) = damaged.unless(read_run(&run, &directory, &experiment, path)) {
                take(run)?;
            }
        }
    }
    Ok(())
}

/// The experiments, deleted ones among them.
pub(super) fn experiments(path: &Path, damaged: &mut Damaged) -> Result<Vec<Experiment>> {
    Ok(read_experiments(path, damaged)?.into_iter().map(|(_, experiment)| experiment).collect())
}

fn is_experiment(directory: &Path) -> bool {
    fs::read_to_string(directory.join(META)).is_ok_and(|text| text.contains("experiment_id"))
}

/// The directories of experiments that can be read.
pub(super) fn read_experiments(path: &Path, damaged: &mut Damaged) -> Result<Vec<(PathBuf, Experiment)>> {
    let found = experiment_directories(path)?.into_iter();
    Ok(found.filter_map(|directory| damaged.unless(read_experiment(&directory)).map(|read| (directory, read))).collect())
}

/// Those that are or were an experiment's: `meta.yaml` is there, or such of runs.
fn experiment_directories(path: &Path) -> Result<Vec<PathBuf>> {
    let mut found = below(path)?;
    found.extend(below(&path.join(TRASH)).unwrap_or_default());
    let is_other = |directory: &Path| [TRASH, MODELS].contains(&name_of(directory).as_str());
    let has_runs = |directory: &Path| below(directory).is_ok_and(|below| below.iter().any(|run| has_meta(run)));
    found.retain(|directory| !is_other(directory) && (has_meta(directory) || has_runs(directory)));
    Ok(found)
}

/// The directories that are or were a run's: `meta.yaml` is there, or what stands beside it.
pub(super) fn runs(experiment: &Path) -> Result<Vec<PathBuf>> {
    let mut found = below(experiment)?;
    let is_other = |directory: &Path| OTHERS.contains(&name_of(directory).as_str()) || directory.join("version-1").exists();
    let has_parts = |directory: &Path| PARTS.iter().any(|part| directory.join(part).is_dir());
    found.retain(|directory| !is_other(directory) && (has_meta(directory) || has_parts(directory)));
    Ok(found)
}

pub(super) fn has_meta(directory: &Path) -> bool {
    directory.join(META).is_file()
}

fn read_experiment(directory: &Path) -> Result<Experiment> {
    let mut meta = meta_of(directory, &["experiment_id"])?;
    let name = meta.remove("name").unwrap_or_else(|| name_of(directory));
    let ms = |name: &str| meta.get(name).and_then(|ms| ms.parse().ok());
    let stage = meta.get("lifecycle_stage").map_or("", String::as_str);
    let found = experiment(0, name, stage, (ms("creation_time"), ms("last_update_time")));
    Ok(Experiment { tags: values(&directory.join("tags"))?, ..found })
}

fn read_run(directory: &Path, above: &Path, experiment: &Experiment, store: &Path) -> Result<ForeignRun> {
    let mut meta = meta_of(directory, &["run_id", "run_uuid"])?;
    let time = |meta: &HashMap<String, String>, name: &str| {
        meta.get(name).and_then(|ms| ms.parse::<i64>().ok()).map(|ms| ms.saturating_mul(1000))
    };
    let (started_us, ended_us) = (time(&meta, "start_time"), time(&meta, "end_time"));
    // A directory that was moved has its artifacts beside it.
    let uri = meta.remove("artifact_uri").unwrap_or_default();
    let artifacts = kept(&uri, store, directory.join("artifacts"));
    Ok(ForeignRun {
        id: meta.remove("run_id").unwrap_or_else(|| name_of(directory)),
        name: meta.remove("run_name").unwrap_or_default(),
        experiment: experiment.name.clone(),
        status: status(meta.get("status").map_or("", String::as_str)),
        started_us,
        ended_us,
        deleted: experiment.deleted || meta.get("lifecycle_stage").is_some_and(|stage| stage == "deleted"),
        params: values(&directory.join("params"))?,
        tags: values(&directory.join("tags"))?,
        points: points(&directory.join("metrics"))?,
        inputs: inputs(directory, above)?,
        artifacts,
        elsewhere: elsewhere(&uri, store),
    })
}

/// The data sets of a run: `inputs/<input>/meta.yaml` names each, `datasets/<data set>/meta.yaml` of the experiment says what it is.
fn inputs(run: &Path, experiment: &Path) -> Result<Vec<TaggedDataset>> {
    let inputs = run.join("inputs");
    let mut found = Vec::new();
    for input in if inputs.is_dir() { below(&inputs)? } else { vec![] } {
        let text = meta_text(&input)?;
        let mut said = meta::read(&text);
        // Models are inputs, too.
        let Some(id) = said.remove("source_id").filter(|_| said.get("source_type").is_none_or(|of| of == "DATASET")) else {
            continue;
        };
        let mut meta = read_meta(&experiment.join("datasets").join(name_of(Path::new(&id))))?;
        let mut text_of = |name: &str| meta.remove(name).unwrap_or_default();
        let dataset = NewDataset {
            name: text_of("name"),
            digest: text_of("digest"),
            kind: text_of("source_type"),
            source: text_of("source"),
            schema: text_of("schema"),
            profile: text_of("profile"),
            ..NewDataset::default()
        };
        found.push(tagged(dataset, meta::below(&text, "tags")));
    }
    Ok(found)
}

/// What `meta.yaml` says, of which one of these names is there in all that are whole.
pub(super) fn meta_of(directory: &Path, names: &[&str]) -> Result<HashMap<String, String>> {
    let meta = read_meta(directory)?;
    if names.iter().any(|name| meta.contains_key(*name)) {
        return Ok(meta);
    }
    let path = directory.join(META);
    Err(Error::execution(OP, format!("`{}` is damaged: it says no `{}`", path.display(), names.join("` or `"))))
}

fn read_meta(directory: &Path) -> Result<HashMap<String, String>> {
    meta_text(directory).map(|text| meta::read(&text))
}

fn meta_text(directory: &Path) -> Result<String> {
    let path = directory.join(META);
    fs::read_to_string(&path).map_err(|error| cannot_read(&path, error))
}

/// The contents of files by their names, which may have slashes.
pub(super) fn values(directory: &Path) -> Result<Vec<(String, String)>> {
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
            points.push(point(&name, line).ok_or_else(|| no_point(&directory.join(&name), number))?);
        }
    }
    Ok(points)
}

/// What is wrong with a line of a metric's file, counted from 0.
pub(super) fn no_point(file: &Path, line: usize) -> Error {
    Error::execution(OP, format!("`{}` line {}: expected a time, a value and a step", file.display(), line + 1))
}

pub(super) fn point(name: &str, line: &str) -> Option<ForeignPoint> {
    let mut words = line.split_whitespace();
    let time_us = words.next()?.parse::<i64>().ok()?.checked_mul(1000)?;
    let value = match words.next()? {
        "nan" => f64::NAN,
        text => text.parse().ok()?,
    };
    let step = words.next().map_or(Some(0), |step| step.parse().ok())?;
    Some(ForeignPoint { name: name.to_owned(), step, time_us, value })
}

pub(super) fn below(directory: &Path) -> Result<Vec<PathBuf>> {
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
