//! A file of weights as bytes that are read from the disk when they are looked at: opening takes no longer for a large one,
//! and processes that read the same file share its pages.
//!
//! The one `unsafe` of this package, in a function that can be read whole.

use std::fs::File;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use gradframe_ml_core::{Error, Result};
use memmap2::Mmap;

use super::OP;

/// A file that is mapped.
#[derive(Debug)]
pub(crate) struct Mapped {
    /// Where it was found.
    pub path: PathBuf,
    /// What is in it.
    pub bytes: Bytes,
    /// None of an empty one.
    file: Option<File>,
}

impl Mapped {
    /// Asks whether the file is as long as it was. To be called before its bytes are looked at: who looks at bytes that somebody has cut
    /// off is killed by the system (SIGBUS), and so is still who is looking while they are cut off.
    /// Errors: `External` naming the file if it is shorter than it was.
    pub fn check(&self) -> Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let now = file.metadata().map_err(|error| failed(&self.path, error))?.len();
        if now >= self.bytes.len() as u64 {
            return Ok(());
        }
        let what = format!("{} has {now} bytes, and had {} when the model was opened", self.path.display(), self.bytes.len());
        let hint = "open the model again when the file is whole; who writes one anew writes it beside and renames it";
        Err(Error::external(OP, what).hint(hint))
    }
}

/// The bytes of a file that nobody writes to. Errors: `External` naming the file if it cannot be opened or mapped.
pub(super) fn map(path: &Path) -> Result<Mapped> {
    let failed = |error: std::io::Error| failed(path, error);
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.len() == 0 {
        return Ok(Mapped { path: path.to_path_buf(), bytes: Bytes::new(), file: None });
    }
    // SAFETY: the bytes must not change under the slice, nor the file get shorter. Checkpoints are written once and then only
    // read; who overwrites one in place while a model is loaded from it breaks every reader that maps it, in any library. One that was
    // cut short is told by `Mapped::check`, before it is read.
    let mapped = unsafe { Mmap::map(&file) }.map_err(failed)?;
    Ok(Mapped { path: path.to_path_buf(), bytes: Bytes::from_owner(mapped), file: Some(file) })
}

fn failed(path: &Path, error: std::io::Error) -> Error {
    Error::external(OP, format!("cannot read {}: {error}", path.display())).because(error)
}
