//! A file that is written beside its target and takes its place whole. One that a killed process has left goes with the next for
//! the same target: its lock is free.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

/// Ends the names of files that are being written, which begin with a dot and the target's name.
const SUFFIX: &str = ".writing";
/// Somebody who clears away may take a new file for one that was left, in the moment before it is locked.
const TRIES: usize = 8;

/// A file on its way. Dropped, it goes.
#[derive(Debug)]
pub(crate) struct Aside {
    file: NamedTempFile,
    target: PathBuf,
}

impl Aside {
    /// A new one beside the target, whose directory has to be there. Errors: the system's.
    pub fn new(target: &Path) -> io::Result<Self> {
        let above = target.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let prefix = prefix(target);
        remove_left(above, &prefix);
        for _ in 0..TRIES {
            let file = Builder::new().prefix(&prefix).suffix(SUFFIX).tempfile_in(above)?;
            // Where a file system knows no locks, what is left stays until somebody deletes it.
            let locked = file.as_file().try_lock();
            if !matches!(locked, Err(TryLockError::WouldBlock)) && file.path().exists() {
                return Ok(Aside { file, target: target.to_path_buf() });
            }
        }
        Err(io::Error::other("what is written beside it is taken away as often as it is made"))
    }

    pub fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Puts it in the target's place, durable.
    pub fn take_place(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        let file = self.file.persist(&self.target).map_err(|error| error.error)?;
        // Its lock would keep nobody from anything.
        drop(file);
        Ok(())
    }
}

/// How the names of files begin that are to take the target's place.
fn prefix(target: &Path) -> String {
    format!(".{}.", target.file_name().unwrap_or_default().to_string_lossy())
}

fn remove_left(directory: &Path, prefix: &str) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_ours = name.starts_with(prefix) && name.ends_with(SUFFIX);
        if is_ours && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(directory).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_a_killed_process_left_goes_and_what_another_writes_stays() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("run.tar");
        for name in [".run.tar.dead.writing", ".other.tar.dead.writing", ".run.tar.mine"] {
            fs::write(directory.path().join(name), "x").unwrap();
        }
        let other = Aside::new(&target).unwrap();
        let mut own = Aside::new(&target).unwrap();
        own.file().write_all(b"whole").unwrap();
        own.take_place().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"whole");
        let left = names(directory.path());
        assert_eq!(left.len(), 4, "{left:?}");
        assert!(!left.contains(&".run.tar.dead.writing".to_owned()) && other.file.path().exists());
        drop(other);
        assert_eq!(names(directory.path()), [".other.tar.dead.writing", ".run.tar.mine", "run.tar"]);
    }
}
