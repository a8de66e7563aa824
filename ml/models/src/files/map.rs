//! A file of weights as bytes that are read from the disk when they are looked at: opening takes no longer for a large one,
//! and processes that read the same file share its pages.
//!
//! The one `unsafe` of this package, in a function that can be read whole.

use std::fs::File;
use std::path::Path;

use bytes::Bytes;
use gradframe_ml_core::{Error, Result};
use memmap2::Mmap;

use super::OP;

/// The bytes of a file that nobody writes to. Errors: `External` naming the file if it cannot be opened or mapped.
pub(super) fn map(path: &Path) -> Result<Bytes> {
    let failed = |error: std::io::Error| Error::external(OP, format!("cannot read {}: {error}", path.display())).because(error);
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.len() == 0 {
        return Ok(Bytes::new());
    }
    // SAFETY: the bytes must not change under the slice, nor the file get shorter. Checkpoints are written once and then only
    // read; who overwrites one in place while a model is loaded from it breaks every reader that maps it, in any library.
    let mapped = unsafe { Mmap::map(&file) }.map_err(failed)?;
    Ok(Bytes::from_owner(mapped))
}
