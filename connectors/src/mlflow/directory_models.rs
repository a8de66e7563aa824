//! Logged models and the registry of an `mlruns/`: `<experiment>/models/<model>/` and `models/<name>/version-<number>/`, each with a
//! `meta.yaml`, and a file for each parameter, tag, alias and metric.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use gradframe_ml_core::Result;

use super::directory::{META, below, experiment_directories, no_point, point, read_experiment, read_meta, values};
use super::registry::{ForeignLogged, ForeignLoggedPoint, ForeignModel, ForeignVersion, status};
use super::{elsewhere, kept};

/// Where models are, of an experiment and of the whole store.
const MODELS: &str = "models";
/// How directories of versions begin.
const VERSION: &str = "version-";
/// The stage of a version that is deleted.
const DELETED: &str = "Deleted_Internal";

/// The logged models, deleted ones among them, oldest first.
pub(super) fn logged_models(path: &Path) -> Result<Vec<ForeignLogged>> {
    let mut found = Vec::new();
    for directory in experiment_directories(path)? {
        let models = with_meta(&directory.join(MODELS))?;
        if !models.is_empty() {
            let experiment = read_experiment(&directory)?.name;
            for model in models {
                found.push(logged_model(&model, &experiment, path)?);
            }
        }
    }
    found.sort_by(|a, b| (a.times_us, &a.id).cmp(&(b.times_us, &b.id)));
    Ok(found)
}

fn logged_model(directory: &Path, experiment: &str, store: &Path) -> Result<ForeignLogged> {
    let mut meta = read_meta(directory)?;
    let times_us = times_us(&meta);
    let mut text = |name: &str| meta.remove(name).unwrap_or_default();
    let uri = text("artifact_location");
    Ok(ForeignLogged {
        deleted: text("lifecycle_stage") == "deleted",
        id: text("model_id"),
        experiment: experiment.to_owned(),
        name: text("name"),
        model_type: text("model_type"),
        run: text("source_run_id"),
        status: status(text("status").parse().unwrap_or_default()),
        params: values(&directory.join("params"))?,
        tags: values(&directory.join("tags"))?,
        metrics: points(&directory.join("metrics"))?,
        times_us,
        // A directory that was moved has its files beside it.
        files: kept(&uri, store, directory.join("artifacts")),
        elsewhere: elsewhere(&uri, store),
        uri,
    })
}

/// Lines of milliseconds, value, step and run; of what was measured on a data set its name and digest too.
fn points(directory: &Path) -> Result<Vec<ForeignLoggedPoint>> {
    let mut points = Vec::new();
    for (name, text) in values(directory)? {
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            points.push(logged_point(&name, line).ok_or_else(|| no_point(&directory.join(&name), number))?);
        }
    }
    Ok(points)
}

fn logged_point(name: &str, line: &str) -> Option<ForeignLoggedPoint> {
    let mut words = line.splitn(5, ' ').skip(3);
    let (run, measured) = (words.next()?.trim_end().to_owned(), words.next().and_then(|words| words.rsplit_once(' ')));
    let (dataset, digest) = measured.unwrap_or_default();
    Some(ForeignLoggedPoint { point: point(name, line)?, run, dataset: dataset.to_owned(), digest: digest.trim_end().to_owned() })
}

/// The registry, by name.
pub(super) fn models(path: &Path) -> Result<Vec<ForeignModel>> {
    let directories = with_meta(&path.join(MODELS))?;
    let artifacts = if directories.is_empty() { HashMap::new() } else { artifacts_of_runs(path)? };
    let mut found = directories.iter().map(|directory| model(directory, &artifacts)).collect::<Result<Vec<_>>>()?;
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn model(directory: &Path, artifacts: &HashMap<String, String>) -> Result<ForeignModel> {
    let mut meta = read_meta(directory)?;
    let mut versions = Vec::new();
    for place in with_meta(directory)?.iter().filter(|place| is_version(place)) {
        versions.extend(version(place, artifacts)?);
    }
    versions.sort_by_key(|version| version.version);
    let aliases = values(&directory.join("aliases"))?;
    Ok(ForeignModel {
        times_us: times_us(&meta),
        name: meta.remove("name").unwrap_or_default(),
        description: meta.remove("description").unwrap_or_default(),
        tags: values(&directory.join("tags"))?,
        aliases: aliases.into_iter().filter_map(|(alias, version)| Some((alias, version.trim().parse().ok()?))).collect(),
        versions,
    })
}

fn is_version(directory: &Path) -> bool {
    directory.file_name().is_some_and(|name| name.to_string_lossy().starts_with(VERSION))
}

/// None of one that is deleted.
fn version(directory: &Path, artifacts: &HashMap<String, String>) -> Result<Option<ForeignVersion>> {
    let mut meta = read_meta(directory)?;
    let times_us = times_us(&meta);
    let run_link = meta.remove("run_link").filter(|link| !link.is_empty());
    let stage = meta.remove("current_stage").unwrap_or_else(|| "None".to_owned());
    let mut text = |name: &str| meta.remove(name).unwrap_or_default();
    let Some(version) = text("version").parse().ok().filter(|_| stage != DELETED) else { return Ok(None) };
    let run = text("run_id");
    Ok(Some(ForeignVersion {
        version,
        description: text("description"),
        stage,
        source: text("source"),
        storage: text("storage_location"),
        run_artifacts: artifacts.get(&run).cloned().unwrap_or_default(),
        run,
        run_link,
        tags: values(&directory.join("tags"))?,
        times_us,
    }))
}

/// Where each run has its artifacts, as its `meta.yaml` says it.
fn artifacts_of_runs(path: &Path) -> Result<HashMap<String, String>> {
    let mut found = HashMap::new();
    for experiment in experiment_directories(path)? {
        for run in with_meta(&experiment)? {
            let mut meta = read_meta(&run)?;
            if let (Some(id), Some(place)) = (meta.remove("run_id"), meta.remove("artifact_uri")) {
                found.insert(id, place);
            }
        }
    }
    Ok(found)
}

/// When something was made and changed last, in microseconds.
fn times_us(meta: &HashMap<String, String>) -> (i64, i64) {
    let us = |name: &str| meta.get(name).and_then(|ms| ms.parse::<i64>().ok()).map(|ms| ms.saturating_mul(1000));
    let created = us("creation_timestamp").unwrap_or_default();
    (created, us("last_updated_timestamp").unwrap_or(created))
}

/// The directories below this one, if it is there, that say what they are.
fn with_meta(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = if directory.is_dir() { below(directory)? } else { vec![] };
    found.retain(|directory| directory.join(META).is_file());
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_metrics_name_runs_and_data_sets() {
        let read = |line: &str| logged_point("acc", line).map(|read| (read.point.value, read.run, read.dataset, read.digest));
        let of = |value: f64, words: [&str; 3]| {
            let [run, dataset, digest] = words.map(str::to_owned);
            Some((value, run, dataset, digest))
        };
        assert_eq!(read("17 0.5 3 r1"), of(0.5, ["r1", "", ""]));
        assert_eq!(read("17 0.5 3 r1 my data d1"), of(0.5, ["r1", "my data", "d1"]));
        assert_eq!(read("17 -inf 3 r1 data d1\r"), of(f64::NEG_INFINITY, ["r1", "data", "d1"]));
        assert!(read("17 0.5 3").is_none() && read("x 0.5 3 r1").is_none());
    }
}
