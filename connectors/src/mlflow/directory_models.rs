//! Logged models and the registry of an `mlruns/`: `<experiment>/models/<model>/` and `models/<name>/version-<number>/`, each with a
//! `meta.yaml`, and a file for each parameter, tag, alias and metric.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use gradframe_ml_core::{Error, Result};

use super::directory::{META, MODELS, below, has_meta, meta_of, no_point, point, read_experiments, runs, values};
use super::registry::{ForeignLogged, ForeignLoggedPoint, ForeignModel, ForeignVersion, status};
use super::{Damaged, OP, elsewhere, kept};

/// The directory of an experiment's traces.
const TRACES: &str = "traces";
/// How directories of versions begin.
const VERSION: &str = "version-";
/// The stage of a version that is deleted.
const DELETED: &str = "Deleted_Internal";

/// The logged models, deleted ones among them, oldest first.
pub(super) fn logged_models(path: &Path, damaged: &mut Damaged) -> Result<Vec<ForeignLogged>> {
    let mut found = Vec::new();
    for (directory, experiment) in read_experiments(path, damaged)? {
        let is_model = |place: &Path| has_meta(place) || place.join("artifacts").is_dir();
        let models = directories(&directory.join(MODELS), is_model)?;
        found.extend(models.iter().filter_map(|model| damaged.unless(logged_model(model, &experiment.name, path))));
    }
    found.sort_by(|a, b| (a.times_us, &a.id).cmp(&(b.times_us, &b.id)));
    Ok(found)
}

/// How many traces there are: directories in one beside the runs of each experiment.
pub(super) fn traces(path: &Path) -> Result<u64> {
    let count = |(directory, _): (PathBuf, _)| Ok(directories(&directory.join(TRACES), |_| true)?.len() as u64);
    // What is damaged has been named.
    read_experiments(path, &mut Damaged::default())?.into_iter().map(count).sum()
}

fn logged_model(directory: &Path, experiment: &str, store: &Path) -> Result<ForeignLogged> {
    let mut meta = meta_of(directory, &["model_id"])?;
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
pub(super) fn models(path: &Path, damaged: &mut Damaged) -> Result<Vec<ForeignModel>> {
    let is_model = |place: &Path| has_meta(place) || below(place).is_ok_and(|found| found.iter().any(|place| is_version(place)));
    let directories = directories(&path.join(MODELS), is_model)?;
    let artifacts = if directories.is_empty() { HashMap::new() } else { artifacts_of_runs(path, damaged)? };
    let mut found = Vec::new();
    for directory in &directories {
        let read = model(directory, &artifacts, damaged);
        found.extend(damaged.unless(read));
    }
    found.sort_by(|a: &ForeignModel, b| a.name.cmp(&b.name));
    Ok(found)
}

fn model(directory: &Path, artifacts: &HashMap<String, String>, damaged: &mut Damaged) -> Result<ForeignModel> {
    let mut meta = meta_of(directory, &["name"])?;
    let mut versions = Vec::new();
    for place in directories(directory, is_version)? {
        versions.extend(damaged.unless(version(&place, artifacts)).flatten());
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
    let mut meta = meta_of(directory, &["version"])?;
    let times_us = times_us(&meta);
    let run_link = meta.remove("run_link").filter(|link| !link.is_empty());
    let stage = meta.remove("current_stage").unwrap_or_else(|| "None".to_owned());
    let mut text = |name: &str| meta.remove(name).unwrap_or_default();
    if stage == DELETED {
        return Ok(None);
    }
    let said = text("version");
    let version = said.trim().parse().ok().filter(|version| *version > 0).ok_or_else(|| no_version(directory, &said))?;
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

fn no_version(directory: &Path, said: &str) -> Error {
    let path = directory.join(META);
    Error::execution(OP, format!("`{}` is damaged: its version is `{said}`, expected a number from 1", path.display()))
}

/// Where each run has its artifacts, as its `meta.yaml` says it.
fn artifacts_of_runs(path: &Path, damaged: &mut Damaged) -> Result<HashMap<String, String>> {
    let mut found = HashMap::new();
    for (experiment, _) in read_experiments(path, damaged)? {
        for run in runs(&experiment)? {
            let meta = damaged.unless(meta_of(&run, &["run_id", "run_uuid"])).unwrap_or_default();
            if let (Some(id), Some(place)) = (meta.get("run_id"), meta.get("artifact_uri")) {
                found.insert(id.clone(), place.clone());
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

/// The directories below this one, if it is there, that are of a kind.
fn directories(above: &Path, is_of_kind: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
    let mut found = if above.is_dir() { below(above)? } else { vec![] };
    found.retain(|directory| is_of_kind(directory));
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
