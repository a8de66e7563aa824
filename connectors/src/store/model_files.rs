//! One version of a model as a directory: written aside, then renamed, so that it is there whole or not at all.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::model::FORMAT_VERSION;
use gradframe_ml_learn::{Model, ModelSpec};
use xxhash_rust::xxh3::xxh3_128;

use super::process::{is_gone, this_process};
use super::weights;

const SPEC: &str = "model.json";
const WEIGHTS: &str = "weights.safetensors";
/// In a temporary directory: which process writes it.
const WRITER: &str = "writer";
const TEMPORARY_PREFIX: &str = ".writing-";
/// Writing a model takes seconds.
const OLD: Duration = Duration::from_secs(24 * 3600);

/// A model on disk that has no version yet. Dropped unless it is published.
#[derive(Debug)]
pub(super) struct StagedModel {
    directory: PathBuf,
    /// The weights' checksum, kept in the model's row.
    pub(super) weights_xxh3: String,
}

impl StagedModel {
    /// Writes the model's files beside the versions in `versions`, the model's own directory; all durable.
    pub(super) fn write(versions: &Path, model: &Model) -> Result<Self> {
        let (spec, weights) = (encode_spec(&model.spec)?, weights::encode(&model.weights)?);
        let directory = versions.join(temporary_name());
        let failed = |e: std::io::Error| write_error(&directory, e);
        // Twice, because another process may just have removed the empty directory above.
        fs::create_dir_all(&directory).or_else(|_| fs::create_dir_all(&directory)).map_err(failed)?;
        let staged = StagedModel { directory: directory.clone(), weights_xxh3: checksum(&weights) };
        write_durably(&directory.join(WRITER), this_process().as_bytes()).map_err(failed)?;
        write_durably(&directory.join(SPEC), spec.as_bytes()).map_err(failed)?;
        write_durably(&directory.join(WEIGHTS), &weights).map_err(failed)?;
        Ok(staged)
    }

    /// Gives the files their final place. The caller holds the store's write lock, so no one else takes the version;
    /// a directory already there is left from a crash before its row was written.
    pub(super) fn publish(self, target: &Path) -> Result<()> {
        let failed = |e| write_error(target, e);
        fs::remove_file(self.directory.join(WRITER)).map_err(failed)?;
        remove_version(target).map_err(failed)?;
        sync_directory(&self.directory).map_err(failed)?;
        fs::rename(&self.directory, target).map_err(failed)?;
        target.parent().map_or(Ok(()), sync_directory).map_err(failed)
    }
}

impl Drop for StagedModel {
    fn drop(&mut self) {
        // After a publication there is nothing here any more.
        if let Err(error) = remove_version(&self.directory) {
            tracing::warn!(%error, directory = %self.directory.display(), "cannot remove an unfinished model");
        }
    }
}

/// Reads a version. Errors: `Execution` naming the file if it is missing, corrupt, or of a newer format.
pub(super) fn read(version: &Path, weights_xxh3: &str) -> Result<Model> {
    let (spec_path, weights_path) = (version.join(SPEC), version.join(WEIGHTS));
    let spec = decode_spec(&read_file(&spec_path)?).map_err(|e| in_file(&spec_path, e))?;
    let bytes = read_file(&weights_path)?;
    if checksum(&bytes) != weights_xxh3 {
        return Err(in_file(&weights_path, Error::execution("model", "the file was changed after the model was written")));
    }
    let weights = weights::decode(&bytes).map_err(|e| in_file(&weights_path, e))?;
    Ok(Model { spec, weights })
}

/// Removes a version's directory; nothing to do if there is none.
pub(super) fn remove_version(version: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(version) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Removes what crashed processes left in a model's directory.
pub(super) fn sweep(versions: &Path) {
    let Ok(entries) = fs::read_dir(versions) else { return };
    let temporary = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with(TEMPORARY_PREFIX);
    for entry in entries.flatten().filter(|entry| temporary(entry) && is_abandoned(&entry.path())) {
        if let Err(error) = remove_version(&entry.path()) {
            tracing::warn!(%error, directory = %entry.path().display(), "cannot remove an unfinished model");
        }
    }
}

/// True if its writer is surely gone, or so old that no one is writing it.
fn is_abandoned(temporary: &Path) -> bool {
    let old = || fs::metadata(temporary).and_then(|m| m.modified()).is_ok_and(|at| at.elapsed().is_ok_and(|age| age > OLD));
    fs::read_to_string(temporary.join(WRITER)).is_ok_and(|writer| is_gone(&writer)) || old()
}

/// Random, because processes of several machines may share the store.
fn temporary_name() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    format!("{TEMPORARY_PREFIX}{:016x}", RandomState::new().hash_one(COUNTER.fetch_add(1, Ordering::Relaxed)))
}

/// Pretty JSON that reads back equal: a number that JSON cannot say must not get as far as the disk.
fn encode_spec(spec: &ModelSpec) -> Result<String> {
    let text = serde_json::to_string_pretty(spec)
        .map_err(|e| Error::internal("model", format!("cannot write its specification: {e}")))?;
    match serde_json::from_str::<ModelSpec>(&text) {
        Ok(again) if again == *spec => Ok(text + "\n"),
        _ => Err(Error::internal("model", "its specification holds numbers that are not finite")),
    }
}

fn decode_spec(bytes: &[u8]) -> Result<ModelSpec> {
    let broken = |e: serde_json::Error| Error::execution("model", format!("not a model's specification: {e}")).because(e);
    let json: serde_json::Value = serde_json::from_slice(bytes).map_err(broken)?;
    let format = json.get("format").and_then(serde_json::Value::as_u64).unwrap_or_default();
    if format > u64::from(FORMAT_VERSION) {
        let what = format!("format {format}, this build reads up to {FORMAT_VERSION}");
        return Err(Error::execution("model", what).hint("a newer gradframe wrote it: upgrade, or train the model again"));
    }
    serde_json::from_value(json).map_err(broken)
}

fn checksum(bytes: &[u8]) -> String {
    format!("{:032x}", xxh3_128(bytes))
}

fn read_file(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|e| Error::execution("model", format!("cannot read `{}`: {e}", path.display())).because(e))
}

fn in_file(path: &Path, error: Error) -> Error {
    let named = Error::execution("model", format!("`{}`: {}", path.display(), error.detail().what));
    match error.detail().hint.clone() {
        Some(hint) => named.hint(hint).because(error),
        None => named.because(error),
    }
}

fn write_error(path: &Path, error: std::io::Error) -> Error {
    let make = if error.kind() == std::io::ErrorKind::StorageFull { Error::resources } else { Error::external };
    make("model".to_string(), format!("cannot write `{}`: {error}", path.display())).because(error)
}

fn write_durably(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes renames in a directory durable.
#[cfg(unix)]
fn sync_directory(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()
}

/// Windows writes renames through by itself and opens no directories.
#[cfg(not(unix))]
fn sync_directory(_path: &Path) -> std::io::Result<()> {
    Ok(())
}
