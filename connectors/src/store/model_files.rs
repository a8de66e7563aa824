//! One version of a model as a directory: written aside, then renamed, so that it is there whole or not at all.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::model::FORMAT_VERSION;
use gradframe_ml_learn::{Model, ModelSpec};
use xxhash_rust::xxh3::xxh3_128;

use super::errors::{make_directory, sync_directory, write_error};
use super::lease::LOCK_SUFFIX;
use super::{random_name, weights};

/// The operator's name in errors.
const OP: &str = "model";

pub(super) const SPEC: &str = "model.json";
pub(super) const WEIGHTS: &str = "weights.safetensors";
/// Which process writes the directory; there until the model's row is durable.
pub(super) const WRITER: &str = "writer";
/// A directory of files that have no version yet.
pub(super) const UNFINISHED_PREFIX: &str = ".writing-";

/// A model on disk that has no version yet. Dropped unless it is published.
#[derive(Debug)]
pub(super) struct StagedModel {
    directory: PathBuf,
    /// The weights' checksum, kept in the model's row.
    pub(super) weights_xxh3: String,
}

impl StagedModel {
    /// Writes the model's files beside the versions in `versions`, the model's own directory; all durable.
    /// `owner` is this process, as it answers for what it writes.
    pub(super) fn write(versions: &Path, model: &Model, owner: &str) -> Result<Self> {
        let (files, weights_xxh3) = encode(model)?;
        let staged = StagedModel { directory: unfinished_in(versions, owner)?, weights_xxh3 };
        let mark = (WRITER, owner.as_bytes().to_vec());
        for (name, bytes) in std::iter::once(mark).chain(files) {
            let path = staged.directory.join(name);
            write_durably(&path, &bytes).map_err(|error| write_error(OP, &path, error))?;
        }
        Ok(staged)
    }

    /// Gives the files their final place. The caller holds the store's write lock, so no one else takes the version;
    /// a directory already there is left from a crash before its row was written.
    pub(super) fn publish(&self, target: &Path) -> Result<()> {
        let failed = |error| write_error(OP, target, error);
        discard(target).map_err(failed)?;
        sync_directory(&self.directory).map_err(failed)?;
        fs::rename(&self.directory, target).map_err(failed)?;
        target.parent().map_or(Ok(()), sync_directory).map_err(failed)
    }
}

impl Drop for StagedModel {
    fn drop(&mut self) {
        // After a publication there is nothing here any more.
        if let Err(error) = remove_all(&self.directory) {
            tracing::warn!(%error, directory = %self.directory.display(), "cannot remove an unfinished model");
        }
    }
}

/// Reads a version. Errors: as [`read_files`].
pub(super) fn read(version: &Path, weights_xxh3: &str) -> Result<Model> {
    read_files(&version.join(SPEC), &version.join(WEIGHTS), weights_xxh3)
}

/// A model's two files, by their names.
pub(super) type Files = [(&'static str, Vec<u8>); 2];

/// The files as they are written, and the checksum of the weights.
pub(super) fn encode(model: &Model) -> Result<(Files, String)> {
    let (spec, weights) = (encode_spec(&model.spec)?, weights::encode(&model.weights, None)?);
    let checksum = checksum(&weights);
    Ok(([(SPEC, spec.into_bytes()), (WEIGHTS, weights)], checksum))
}

/// Reads a model's two files. Errors: `Execution` naming the file if it is missing, corrupt, or of a newer format.
pub(super) fn read_files(spec_path: &Path, weights_path: &Path, weights_xxh3: &str) -> Result<Model> {
    let spec = decode_spec(&read_file(spec_path)?).map_err(|e| in_file(spec_path, e))?;
    let bytes = read_file(weights_path)?;
    if checksum(&bytes) != weights_xxh3 {
        return Err(in_file(weights_path, changed()));
    }
    let weights = weights::decode(&bytes).map_err(|e| in_file(weights_path, e))?;
    Ok(Model { spec, weights })
}

/// Removes a directory and what is in it; nothing to do if there is none.
pub(super) fn remove_all(directory: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes a version's directory: out of its place at once, so that half of it is never found there.
pub(super) fn discard(version: &Path) -> std::io::Result<()> {
    let aside = version.with_file_name(unfinished_name(&fs::read_to_string(version.join(WRITER)).unwrap_or_default()));
    match fs::rename(version, &aside) {
        Ok(()) => remove_all(&aside),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Says who answers for a version whose row is on its way, in or out.
pub(super) fn mark(version: &Path, owner: &str) -> std::io::Result<()> {
    write_durably(&version.join(WRITER), owner.as_bytes())
}

/// Says that a version's row is durable: nobody answers for it any more.
pub(super) fn confirm(version: &Path) -> std::io::Result<()> {
    match fs::remove_file(version.join(WRITER)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A new directory beside the versions.
fn unfinished_in(versions: &Path, owner: &str) -> Result<PathBuf> {
    let directory = versions.join(unfinished_name(owner));
    let make = || make_directory(OP, &directory);
    // Twice, because another process may just have removed the empty directory above.
    make().or_else(|_| make())?;
    Ok(directory)
}

/// Names the lock of its owner, if it has one: a directory may be left behind before its mark is in it.
pub(super) fn unfinished_name(owner: &str) -> String {
    format!("{}{}", unfinished_prefix(owner), random_name())
}

/// How names of what the owner has not finished begin.
pub(super) fn unfinished_prefix(owner: &str) -> String {
    let lock = owner.rsplit(' ').next().and_then(|word| word.strip_suffix(LOCK_SUFFIX)).unwrap_or("0");
    format!("{UNFINISHED_PREFIX}{lock}-")
}

/// The lock that the name of an unfinished directory names.
pub(super) fn lock_of_unfinished(name: &str) -> Option<String> {
    let lock = name.strip_prefix(UNFINISHED_PREFIX)?.split_once('-')?.0;
    Some(format!("{lock}{LOCK_SUFFIX}"))
}

/// Pretty JSON that reads back equal, sealed: a number that JSON cannot say must not get as far as the disk.
fn encode_spec(spec: &ModelSpec) -> Result<String> {
    let text = serde_json::to_string_pretty(spec)
        .map_err(|e| Error::internal("model", format!("cannot write its specification: {e}")))?;
    match serde_json::from_str::<ModelSpec>(&text) {
        Ok(again) if again == *spec => Ok(sealed(&(text + "\n"))),
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
    // Earlier builds wrote none.
    if json.get(SEAL).is_some() && !is_as_sealed(bytes) {
        return Err(changed().hint("bring the file back as it was, or train the model again"));
    }
    serde_json::from_value(json).map_err(broken)
}

/// The name of the checksum in a specification, whose second line it is. It is of the file without that line.
const SEAL: &str = "xxh3";

/// The specification with its checksum. It begins with a line of its own, a brace.
fn sealed(text: &str) -> String {
    text.replacen("{\n", &format!("{{\n  \"{SEAL}\": \"{}\",\n", checksum(text.as_bytes())), 1)
}

fn is_as_sealed(bytes: &[u8]) -> bool {
    let unsealed = || {
        let (brace, rest) = std::str::from_utf8(bytes).ok()?.split_once('\n')?;
        Some(format!("{brace}\n{}", rest.split_once('\n')?.1))
    };
    unsealed().is_some_and(|text| sealed(&text).as_bytes() == bytes)
}

fn changed() -> Error {
    Error::execution("model", "the file was changed after the model was written")
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

pub(super) fn write_durably(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
