//! A model's directory written: weights as safetensors, texts beside them, under the names by which it is read.

use std::path::{Path, PathBuf};

use gradframe_ml_core::{Error, Result};
use serde_json::Value;

use super::{Directory, OP};
use crate::Weights;
use crate::pooling::folder;
use crate::precision::{DtypeChoice, Precision};
use crate::weights::encoded;

/// What is copied from the directory of which a model was read.
const TEXTS: &[&str] = &[
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
    "modules.json",
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
    "README.md",
];

/// Writes a model read from `from`, with these weights, to the directory `to`, which other libraries read as they read the
/// first. With a type that was asked for, its floats are written in that, and its configuration says so. The weights come last: a
/// directory without them is no model.
/// Errors: `External` if a file cannot be written.
pub fn save(from: &Directory, weights: &Weights, to: &Path, dtype: DtypeChoice) -> Result<()> {
    save_around(from, to)?;
    if let DtypeChoice::Only(precision) = dtype {
        write_dtype(from, to, precision)?;
    }
    let (part, whole) = (to.join("model.safetensors.part"), to.join("model.safetensors"));
    std::fs::write(&part, encoded(weights, dtype)?).map_err(|e| failed(&part, e))?;
    std::fs::rename(&part, &whole).map_err(|e| failed(&whole, e))
}

/// As [`save`], of a model of sentence-transformers: one whose network has a folder of its own in `root` has such a folder again.
/// The folder of the network. Errors: as there.
pub fn save_sentences(
    root: &Directory,
    network: &Directory,
    weights: &Weights,
    to: &Path,
    dtype: DtypeChoice,
) -> Result<PathBuf> {
    let folder = network.path().strip_prefix(root.path()).unwrap_or(Path::new(""));
    if !folder.as_os_str().is_empty() {
        save_around(root, to)?;
    }
    let own = to.join(folder);
    save(network, weights, &own, dtype)?;
    Ok(own)
}

/// All but the weights of the network: texts, and the folders of modules with theirs.
fn save_around(from: &Directory, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).map_err(|e| failed(to, e))?;
    for name in TEXTS {
        copy(from, to, name)?;
    }
    for entry in std::fs::read_dir(from.path()).map_err(|e| failed(from.path(), e))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().join("config.json").is_file() {
            std::fs::create_dir_all(to.join(&name)).map_err(|e| failed(to, e))?;
            copy(from, to, &format!("{name}/config.json"))?;
        }
    }
    modules_behind(from)?.iter().try_for_each(|module| copy_weights(&from.path().join(module), &to.join(module)))
}

/// The folders of modules behind the network, which may have weights of their own.
fn modules_behind(from: &Directory) -> Result<Vec<String>> {
    let modules = from.json("modules.json")?;
    let modules = modules.as_ref().and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let paths = modules.iter().skip(1).filter_map(|module| module.get("path")?.as_str());
    paths.filter(|path| !path.is_empty()).map(folder).collect()
}

fn copy_weights(from: &Path, to: &Path) -> Result<()> {
    let Ok(files) = std::fs::read_dir(from) else { return Ok(()) };
    for file in files.flatten().map(|entry| entry.path()) {
        let name = file.file_name().unwrap_or_default();
        let is_weights = [".safetensors", ".safetensors.index.json"].iter().any(|end| name.to_string_lossy().ends_with(end));
        let target = to.join(name);
        let is_itself = || target.canonicalize().is_ok_and(|target| file.canonicalize().is_ok_and(|file| file == target));
        if is_weights && file.is_file() && !is_itself() {
            std::fs::create_dir_all(to).map_err(|e| failed(to, e))?;
            std::fs::copy(&file, &target).map_err(|e| failed(&target, e))?;
        }
    }
    Ok(())
}

/// The configuration with the type of the weights, by which transformers opens them.
fn write_dtype(from: &Directory, to: &Path, precision: Precision) -> Result<()> {
    let Some(Value::Object(mut config)) = from.json("config.json")? else { return Ok(()) };
    config.remove("torch_dtype"); // what it was called before
    let name = match precision {
        Precision::F32 => "float32",
        Precision::Bf16 => "bfloat16",
    };
    config.insert("dtype".to_owned(), name.into());
    let path = to.join("config.json");
    let text = serde_json::to_vec_pretty(&config).map_err(|e| Error::internal(OP, format!("cannot write config.json: {e}")))?;
    std::fs::write(&path, text).map_err(|e| failed(&path, e))
}

fn copy(from: &Directory, to: &Path, name: &str) -> Result<()> {
    let Some(text) = from.text(name)? else { return Ok(()) };
    std::fs::write(to.join(name), text).map_err(|e| failed(&to.join(name), e))
}

fn failed(path: &Path, error: std::io::Error) -> Error {
    Error::external(OP, format!("cannot write {}: {error}", path.display())).because(error)
}
