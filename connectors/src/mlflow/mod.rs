//! What MLflow keeps by itself, to be read: a directory `mlruns/`, or a database `mlflow.db` of SQLite.

mod damaged;
mod database;
mod directory;
mod directory_models;
mod files;
mod meta;
mod registry;
pub mod spans;
mod trace_columns;
mod traces;

use std::path::{Path, PathBuf};

use gradframe_ml_core::{Error, Result};
use gradframe_plan::services::NewDataset;

use crate::store::Experiment;
pub use damaged::Damaged;
pub use files::files;
pub use registry::{ForeignLogged, ForeignLoggedPoint, ForeignModel, ForeignVersion};
pub use traces::ForeignTrace;

const OP: &str = "mlflow";

/// A run of MLflow's.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ForeignRun {
    pub id: String,
    pub name: String,
    pub experiment: String,
    /// scheduled, running, finished, failed or cancelled
    pub status: &'static str,
    pub started_us: Option<i64>,
    pub ended_us: Option<i64>,
    pub deleted: bool,
    pub params: Vec<(String, String)>,
    pub tags: Vec<(String, String)>,
    pub points: Vec<ForeignPoint>,
    /// Data sets that it names, each with what is said about it there.
    pub inputs: Vec<TaggedDataset>,
    /// The directory of its artifacts, if it is here.
    pub artifacts: Option<PathBuf>,
    /// Where its artifacts are said to be, if that cannot be looked at.
    pub elsewhere: Option<String>,
}

/// A data set, and what is said about it.
pub type TaggedDataset = (NewDataset, Vec<(String, String)>);

/// A value of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct ForeignPoint {
    pub name: String,
    pub step: i64,
    pub time_us: i64,
    pub value: f64,
}

/// Whether MLflow keeps its runs there.
pub fn is_store(path: &Path) -> bool {
    if path.is_file() { database::is_database(path) } else { directory::is_directory(path) }
}

/// Why a file that looks like a database cannot be one of MLflow's.
pub fn damage(path: &Path) -> Option<String> {
    if path.is_file() { database::damage(path) } else { None }
}

/// The experiments with their tags, deleted ones among them. What of a directory cannot be understood is left out of this and the others,
/// and added to what is damaged. Errors: as for [`each_run`].
pub fn experiments(path: &Path, damaged: &mut Damaged) -> Result<Vec<Experiment>> {
    if path.is_file() { database::experiments(path) } else { directory::experiments(path, damaged) }
}

/// Gives each run, one after another, to `take`. Errors: `Execution` naming what of a database cannot be understood, `External` what cannot
/// be read, and those of `take`.
pub fn each_run(path: &Path, damaged: &mut Damaged, take: &mut dyn FnMut(ForeignRun) -> Result<()>) -> Result<()> {
    if path.is_file() { database::each_run(path, take) } else { directory::each_run(path, damaged, take) }
}

/// The logged models, deleted ones among them, oldest first.
pub fn logged_models(path: &Path, damaged: &mut Damaged) -> Result<Vec<ForeignLogged>> {
    if path.is_file() { registry::logged_models(path) } else { directory_models::logged_models(path, damaged) }
}

/// The registry, by name.
pub fn registered_models(path: &Path, damaged: &mut Damaged) -> Result<Vec<ForeignModel>> {
    if path.is_file() { registry::models(path) } else { directory_models::models(path, damaged) }
}

/// Our word for a status of MLflow's, as text or as the number that its files have.
fn status(theirs: &str) -> &'static str {
    match theirs {
        "FINISHED" | "3" => "finished",
        "FAILED" | "4" => "failed",
        "KILLED" | "5" => "cancelled",
        "SCHEDULED" | "2" => "scheduled",
        _ => "running",
    }
}

/// Gives each trace to `take`, the oldest first; none of a directory. Errors: as for [`each_run`].
pub fn each_trace(path: &Path, take: &mut dyn FnMut(ForeignTrace) -> Result<()>) -> Result<()> {
    if path.is_file() { traces::each(path, take) } else { Ok(()) }
}

/// What an import leaves behind: how many, and of what.
pub fn left(path: &Path) -> Result<Vec<(u64, &'static str)>> {
    if path.is_file() {
        return traces::left(path);
    }
    Ok(Some((directory_models::traces(path)?, "traces")).into_iter().filter(|(count, _)| *count > 0).collect())
}

/// An experiment without its tags, of the number that it has there; times are in milliseconds.
fn experiment(id: i64, name: String, stage: &str, (created, updated): (Option<i64>, Option<i64>)) -> Experiment {
    let us = |ms: Option<i64>| ms.map(|ms| ms.saturating_mul(1000));
    let created_us = us(created).unwrap_or_default();
    let updated_us = us(updated).unwrap_or(created_us);
    Experiment { id, name, created_us, updated_us, deleted: stage == "deleted", tags: vec![] }
}

/// A data set of a run, of what MLflow keeps of it, and of the tags of its being there. Its profile may say how many rows it has.
fn tagged(dataset: NewDataset, tags: Vec<(String, String)>) -> TaggedDataset {
    let profile = serde_json::from_str::<serde_json::Value>(&dataset.profile).ok();
    let rows = profile.and_then(|said| said.get("num_rows")?.as_u64());
    let context = tags.iter().find(|(name, _)| name == "mlflow.data.context");
    let role = context.map(|(_, value)| value.clone()).unwrap_or_default();
    (NewDataset { role, rows, ..dataset }, tags)
}

/// Where `mlflow server` keeps artifacts that it serves, beside its database or `mlruns/`, unless it is told otherwise.
const SERVED: &str = "mlartifacts";
/// Where MLflow keeps artifacts beside its database otherwise.
const UNSERVED: &str = "mlruns";
/// How addresses of such artifacts begin.
const SERVED_SCHEME: &str = "mlflow-artifacts:/";

/// The directory of artifacts that a server of MLflow's has kept beside a store, if there is one.
pub fn served(store: &Path) -> Option<PathBuf> {
    // Of a database as it is named; a directory may be named `.`.
    let above = if store.is_file() { store.parent()?.to_path_buf() } else { store.canonicalize().ok()?.parent()?.to_path_buf() };
    Some(above.join(SERVED)).filter(|path| path.is_dir())
}

/// The directory that an address of artifacts names, if it is here: one of this machine, or what a server of MLflow's kept beside the store.
fn beside(uri: &str, store: &Path) -> Option<PathBuf> {
    let Some(path) = uri.strip_prefix(SERVED_SCHEME) else { return local(uri) };
    Some(served(store)?.join(path.trim_start_matches('/'))).filter(|path| path.is_dir())
}

/// The directory of a run's or model's files: that which its address names, if it is below the store or was served beside it, else `own`,
/// which is where a store has them that was copied or moved. Files at another place are named where `own` has none.
fn kept(uri: &str, store: &Path, own: PathBuf) -> Option<PathBuf> {
    let own = Some(own).filter(|own| own.is_dir());
    match beside(uri, store) {
        Some(named) if uri.starts_with(SERVED_SCHEME) || is_inside(&named, store) => Some(named),
        Some(named) if own.as_deref().is_none_or(is_empty) && !is_empty(&named) => Some(named),
        named => own.or(named),
    }
}

/// Where a database's run or model has its files if both were copied or moved: below `mlruns/` or `mlartifacts/` beside it, by the last parts
/// of its address, `<experiment>/<run>/artifacts` or `<experiment>/models/<model>/artifacts`.
fn moved(uri: &str, database: &Path) -> PathBuf {
    let beside = database.parent().unwrap_or(Path::new(""));
    let path = uri.trim_end_matches('/');
    let last = |parts: usize| path.rmatch_indices('/').nth(parts - 1).map_or(path, |(at, _)| &path[at + 1..]);
    let places = [(UNSERVED, 4), (UNSERVED, 3), (SERVED, 4), (SERVED, 3)];
    let mut found = places.into_iter().map(|(above, parts)| beside.join(above).join(last(parts))).filter(|path| path.is_dir());
    found.next().unwrap_or_default()
}

/// Whether a directory is below that of a store, wherever links lead.
fn is_inside(path: &Path, store: &Path) -> bool {
    let above = if store.is_file() { store.parent() } else { Some(store) };
    let above = above.map(|above| if above.as_os_str().is_empty() { Path::new(".") } else { above });
    let real = |path: &Path| path.canonicalize().ok();
    real(path).zip(above.and_then(real)).is_some_and(|(path, above)| path.starts_with(above))
}

fn is_empty(directory: &Path) -> bool {
    std::fs::read_dir(directory).map_or(true, |mut entries| entries.next().is_none())
}

/// The address of artifacts that cannot be looked at: they are elsewhere than on this machine, and not beside the store.
fn elsewhere(uri: &str, store: &Path) -> Option<String> {
    let is_elsewhere = match uri.starts_with(SERVED_SCHEME) {
        true => served(store).is_none(),
        // Of one letter: a disk of Windows.
        false => uri.split_once(":/").is_some_and(|(scheme, _)| scheme.len() > 1 && scheme != "file"),
    };
    is_elsewhere.then(|| uri.to_owned())
}

/// The directory that an address of artifacts names, if it is one of this machine.
fn local(uri: &str) -> Option<PathBuf> {
    let path = uri.strip_prefix("file://").unwrap_or(uri);
    let path = percent_encoding::percent_decode_str(path).decode_utf8().ok()?.into_owned();
    (!path.contains("://")).then(|| PathBuf::from(path)).filter(|path| path.is_dir())
}

fn cannot_read(path: &Path, error: std::io::Error) -> Error {
    Error::external(OP, format!("cannot read `{}`: {error}", path.display())).because(error)
}
