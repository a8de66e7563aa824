//! A model's directory as the Hugging Face hub lays it out: what is in it, read with limits and checked.
//!
//! `config.json`, `tokenizer.json` and `tokenizer_config.json`, weights in `model.safetensors` or in shards that
//! `model.safetensors.index.json` lists, `generation_config.json`, `chat_template.jinja`, and of sentence-transformers
//! `modules.json` with the folders that it names. The only files that this package reads.

mod hub;
mod map;
mod shards;
mod write;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use gradframe_ml_core::{Error, Result};
use serde_json::Value;

pub use hub::{HubName, is_revision, resolve};
pub(crate) use map::Mapped;
pub use write::{save, save_sentences};

/// What errors about files begin with.
pub(crate) const OP: &str = "model files";
/// The longest text file that is read: a tokenizer of a large vocabulary has about 40 MB.
const TEXT_BYTES_MAX: u64 = 512 << 20;

/// A model's directory.
#[derive(Debug, Clone)]
pub struct Directory {
    path: PathBuf,
}

impl Directory {
    /// Errors: `External` if there is no such directory.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.is_dir() {
            let what = format!("there is no directory {}", path.display());
            return Err(Error::external(OP, what).hint("give the directory that holds config.json"));
        }
        Ok(Directory { path: path.to_path_buf() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether its configuration and all files of its weights are there.
    pub fn is_whole(&self) -> bool {
        self.path.join("config.json").is_file() && shards::paths(self).is_ok()
    }

    /// A file in it as JSON; None if it is not there. Errors: `Execution` naming the file if it is not JSON.
    pub fn json(&self, name: &str) -> Result<Option<Value>> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let wrong = |e: serde_json::Error| Error::execution(OP, format!("{} is not JSON: {e}", self.path.join(name).display()));
        serde_json::from_slice(&text).map(Some).map_err(wrong)
    }

    /// A file in it; None if it is not there. Errors: `External` if it cannot be read or is no regular file (a pipe, a device), `Resources` if it is too long.
    pub fn text(&self, name: &str) -> Result<Option<Vec<u8>>> {
        bounded(&self.path.join(name), TEXT_BYTES_MAX)
    }

    /// The files of weights, each mapped. Errors: `External` naming the file that is missing, `Execution` for an index
    /// that is wrong.
    pub(crate) fn weights(&self) -> Result<Vec<Mapped>> {
        shards::paths(self)?.iter().map(|path| map::map(path)).collect()
    }
}

/// A regular file of at most so many bytes; None if it is not there.
/// Errors: `External` if it cannot be read or is no regular file (a pipe, a device), `Resources` if it is longer.
fn bounded(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>> {
    let failed = |e: std::io::Error| Error::external(OP, format!("cannot read {}: {e}", path.display())).because(e);
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return Err(Error::external(OP, format!("cannot read {}: it is no regular file", path.display()))),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed(e)),
    }
    let mut bytes = Vec::new();
    // Of a file that grows no more is read.
    File::open(path).and_then(|file| file.take(bytes_max + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > bytes_max {
        return Err(Error::resources(OP, format!("{} has more than {bytes_max} bytes", path.display())));
    }
    Ok(Some(bytes))
}
