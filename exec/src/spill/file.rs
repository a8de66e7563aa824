//! A temporary file without a name: the operating system takes it back when the last handle is closed, also after a
//! crash or a kill.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use datafusion::common::runtime::SpawnedTask;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::spill_file::{SpillFile, SpillWriter};
use futures::{Stream, stream};
use tempfile::{NamedTempFile, TempPath};

use super::space::SpillSpace;

/// Bytes read at once.
pub(super) const READ_BYTES: usize = 256 << 10;

/// One temporary file of a space.
pub(super) struct UnnamedFile(Arc<Unnamed>);

/// A file's handle and what it takes of its space.
pub(super) struct Unnamed {
    file: File,
    /// By which the file can be opened again while this handle is.
    path: PathBuf,
    /// Its name where the system cannot do without; removed on drop.
    _name: Option<TempPath>,
    space: SpillSpace,
    /// Bytes written. Whoever writes holds it.
    end: Mutex<u64>,
}

impl Unnamed {
    /// An empty file. Errors: the operating system's.
    pub fn create(space: SpillSpace) -> io::Result<Self> {
        let (file, path, name) = open(space.directory())?;
        Ok(Unnamed { file, path, _name: name, space, end: Mutex::new(0) })
    }

    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        *self.end()
    }

    /// Writes after what is there; gives where. What could not be written whole is not there.
    pub fn append(&self, buffer: &[u8]) -> io::Result<Range<u64>> {
        let mut end = self.end();
        let length = buffer.len() as u64;
        self.space.take(length).map_err(io::Error::other)?;
        let mut file = &self.file;
        if let Err(error) = file.seek(SeekFrom::Start(*end)).and_then(|_| file.write_all(buffer)) {
            let error = self.space.cannot_write(length, error);
            self.space.give_back(length);
            return Err(io::Error::other(error));
        }
        let start = *end;
        *end += length;
        Ok(start..*end)
    }

    /// Another handle, which reads from the start.
    pub fn reopened(&self) -> Result<File> {
        File::open(&self.path).map_err(DataFusionError::IoError)
    }

    fn end(&self) -> MutexGuard<'_, u64> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Unnamed {
    fn drop(&mut self) {
        self.space.give_back(self.bytes());
    }
}

impl UnnamedFile {
    /// An empty file. Errors: the operating system's.
    pub fn create(space: SpillSpace) -> io::Result<Self> {
        Unnamed::create(space).map(|file| UnnamedFile(Arc::new(file)))
    }
}

/// A new file, the path that opens it again while it is open, and its name if it has one.
fn open(directory: &Path) -> io::Result<(File, PathBuf, Option<TempPath>)> {
    if let Some((file, path)) = open_unnamed(directory)? {
        return Ok((file, path, None));
    }
    let (file, name) = NamedTempFile::with_prefix_in("gradframe-spill-", directory)?.into_parts();
    Ok((file, name.to_path_buf(), Some(name)))
}

/// A file that never has a name; None where nothing else could open it again.
#[cfg(target_os = "linux")]
fn open_unnamed(directory: &Path) -> io::Result<Option<(File, PathBuf)>> {
    use std::os::fd::AsRawFd;

    let handles = Path::new("/proc/self/fd");
    if !handles.is_dir() {
        return Ok(None);
    }
    let file = tempfile::tempfile_in(directory)?;
    let path = handles.join(file.as_raw_fd().to_string());
    Ok(Some((file, path)))
}

#[cfg(not(target_os = "linux"))]
fn open_unnamed(_directory: &Path) -> io::Result<Option<(File, PathBuf)>> {
    Ok(None)
}

impl SpillFile for UnnamedFile {
    fn path(&self) -> Option<&Path> {
        Some(&self.0.path)
    }

    fn size(&self) -> Option<u64> {
        Some(self.0.bytes())
    }

    fn read_stream(&self) -> Result<Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>> {
        let file = Arc::new(self.0.reopened()?);
        Ok(Box::pin(stream::try_unfold((file, Arc::clone(&self.0)), read_next)))
    }

    fn open_writer(&self) -> Result<Box<dyn SpillWriter>> {
        Ok(Box::new(Writer(Arc::clone(&self.0))))
    }
}

/// A file that is being read, and what keeps it.
type Reading = (Arc<File>, Arc<Unnamed>);

/// The next bytes; None at the end of what is written so far. Reads on a thread that may block.
async fn read_next((file, kept): Reading) -> Result<Option<(Bytes, Reading)>> {
    let read = SpawnedTask::spawn_blocking(move || read(&file).map(|bytes| (bytes, file)));
    let (bytes, file) = read.await.map_err(|e| DataFusionError::ExecutionJoin(Box::new(e)))?.map_err(DataFusionError::IoError)?;
    Ok((!bytes.is_empty()).then_some((bytes, (file, kept))))
}

fn read(mut file: &File) -> io::Result<Bytes> {
    let mut bytes = vec![0; READ_BYTES];
    let length = io::Read::read(&mut file, &mut bytes)?;
    bytes.truncate(length);
    Ok(bytes.into())
}

struct Writer(Arc<Unnamed>);

impl Write for Writer {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.append(buffer)?;
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SpillWriter for Writer {
    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use datafusion::execution::spill_file::TempFileFactory;
    use futures::TryStreamExt;

    use super::*;

    fn names(directory: &Path) -> usize {
        std::fs::read_dir(directory).unwrap().count()
    }

    #[tokio::test]
    async fn what_is_written_is_read_and_has_no_name() {
        let directory = tempfile::tempdir().unwrap();
        let space = SpillSpace::new(directory.path(), 1 << 20);
        let file = space.create_temp_file("test").unwrap();
        let written: Vec<u8> = (0..600_000u32).map(|i| (i % 251) as u8).collect();
        file.open_writer().unwrap().write_all(&written).unwrap();
        if cfg!(target_os = "linux") {
            assert_eq!(names(directory.path()), 0);
        }
        for _ in 0..2 {
            let read: Vec<Bytes> = file.read_stream().unwrap().try_collect().await.unwrap();
            assert_eq!(read.concat(), written);
        }
        assert_eq!(space.used_bytes(), 600_000);
        drop(file);
        assert_eq!((space.used_bytes(), names(directory.path())), (0, 0));
    }

    #[test]
    fn the_limit_is_one_for_all_files_and_its_error_names_directory_and_bytes() {
        let directory = tempfile::tempdir().unwrap();
        let space = SpillSpace::new(directory.path(), 1000);
        let (one, two) = (space.create_temp_file("test").unwrap(), space.create_temp_file("test").unwrap());
        one.open_writer().unwrap().write_all(&[0; 600]).unwrap();
        let error = two.open_writer().unwrap().write_all(&[0; 600]).unwrap_err();
        let error = gradframe_plan::error::from_datafusion(DataFusionError::IoError(error));
        assert_eq!(error.kind(), "Resources");
        let expected =
            format!("`{}` would pass the disk limit of 1000.0 B, of which 600.0 B are in use", directory.path().display());
        assert!(error.to_string().contains(&expected), "{error}");
        drop(one);
        two.open_writer().unwrap().write_all(&[0; 600]).unwrap();
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let error = SpillSpace::new("/nowhere/at/all", 1000).create_temp_file("test").map(|_| ()).unwrap_err();
        let error = gradframe_plan::error::from_datafusion(error);
        assert_eq!(error.kind(), "Resources");
        assert!(error.to_string().contains("can't make a temporary file in `/nowhere/at/all`"), "{error}");
    }
}
