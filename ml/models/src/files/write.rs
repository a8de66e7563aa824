//! A model's directory written: weights as safetensors, texts beside them, under the names by which it is read.

use std::path::Path;

use gradframe_ml_core::{Error, Result};

use super::{Directory, OP};
use crate::Weights;
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
/// first. The weights come last: a directory without them is no model.
/// Errors: `External` if a file cannot be written.
pub fn save(from: &Directory, weights: &Weights, to: &Path) -> Result<()> {
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
    let (part, whole) = (to.join("model.safetensors.part"), to.join("model.safetensors"));
    std::fs::write(&part, encoded(weights)?).map_err(|e| failed(&part, e))?;
    std::fs::rename(&part, &whole).map_err(|e| failed(&whole, e))
}

fn copy(from: &Directory, to: &Path, name: &str) -> Result<()> {
    let Some(text) = from.text(name)? else { return Ok(()) };
    std::fs::write(to.join(name), text).map_err(|e| failed(&to.join(name), e))
}

fn failed(path: &Path, error: std::io::Error) -> Error {
    Error::external(OP, format!("cannot write {}: {error}", path.display())).because(error)
}
