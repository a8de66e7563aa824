//! A finished temporary file as bytes that are read from the disk when they are looked at, and forgotten when memory is
//! short. They are the file system's cache, not this process's memory.
//!
//! The one `unsafe` outside the kernels, in a function that can be read whole.

use std::fs::File;

use bytes::Bytes;
use datafusion::error::DataFusionError;
use datafusion::execution::spill_file::SpillFile;
use gradframe_ml_core::{Error, Result};
use gradframe_plan::error::from_datafusion;
use memmap2::Mmap;

const OP: &str = "spill";

/// The bytes of a file to which nothing more is written. They stay when the file is given up.
/// Errors: `External` if the operating system does not map it.
pub(crate) fn map(file: &dyn SpillFile) -> Result<Bytes> {
    if file.size() == Some(0) {
        return Ok(Bytes::new());
    }
    let path = file.path().ok_or_else(|| Error::internal(OP, "a temporary file that is not on this machine"))?;
    let file = File::open(path).map_err(|error| from_datafusion(DataFusionError::IoError(error)))?;
    // SAFETY: the bytes must not change under the slice, nor the file get shorter. The file has no name (or one in a
    // temporary directory that only this process knows), its writer is gone, and nothing in this program truncates or
    // writes to a finished temporary file. A disk that fails to read a page ends the process, as it would for swap.
    let mapped = unsafe { Mmap::map(&file) };
    let mapped = mapped.map_err(|error| Error::external(OP, format!("can't map a temporary file: {error}")))?;
    Ok(Bytes::from_owner(mapped))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use datafusion::execution::spill_file::TempFileFactory;

    use super::*;
    use crate::spill::SpillSpace;

    #[test]
    fn mapped_bytes_outlive_their_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = SpillSpace::new(directory.path(), 1 << 20).create_temp_file("test").unwrap();
        assert!(map(file.as_ref()).unwrap().is_empty());
        file.open_writer().unwrap().write_all(b"twelve bytes").unwrap();
        let bytes = map(file.as_ref()).unwrap();
        drop(file);
        assert_eq!(bytes.as_ref(), b"twelve bytes");
    }
}
