//! Which files hold the weights: one, or those of an index.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use gradframe_ml_core::{Error, Result};
use serde_json::Value;

use super::{Directory, OP};

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// The paths of the weights' files, all of which are there.
pub fn paths(directory: &Directory) -> Result<Vec<PathBuf>> {
    let single = directory.path.join(SINGLE);
    if single.is_file() {
        return Ok(vec![single]);
    }
    let Some(index) = directory.json(INDEX)? else { return Err(none(directory)) };
    let Some(Value::Object(map)) = index.get("weight_map") else {
        return Err(Error::execution(OP, format!("{INDEX} of {} has no `weight_map`", directory.path.display())));
    };
    let names: BTreeSet<&str> = map.iter().map(|(tensor, file)| name_of(tensor, file)).collect::<Result<_>>()?;
    names.into_iter().map(|name| shard(directory, name)).collect()
}

fn none(directory: &Directory) -> Error {
    let what = format!("{} has neither {SINGLE} nor {INDEX}", directory.path.display());
    let error = Error::external(OP, what);
    match directory.path.join("pytorch_model.bin").is_file() {
        true => error.hint("pytorch_model.bin runs code when it is read and is not taken: save it as safetensors"),
        false => error,
    }
}

/// A plain name: an index does not lead out of its directory.
fn name_of<'a>(tensor: &str, file: &'a Value) -> Result<&'a str> {
    let name = file.as_str().unwrap_or_default();
    let mut parts = Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(_)), None) => Ok(name),
        _ => Err(Error::execution(OP, format!("{INDEX} gives tensor `{tensor}` the file {file}, expected a plain file name"))),
    }
}

fn shard(directory: &Directory, name: &str) -> Result<PathBuf> {
    let path = directory.path.join(name);
    match path.is_file() {
        true => Ok(path),
        false => Err(Error::external(OP, format!("shard {name} of {} is missing", directory.path.display()))),
    }
}
