//! Contents by their hash: `objects/<first two digits>/<other digits of the SHA-256>`, read-only, written once.
//!
//! A content is written aside under the name of its writer's lock, made durable, and takes its place by a rename while the
//! store's write lock is held, together with the row that names it: so it is never removed in between as unused.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use gradframe_ml_core::{Error, Result};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::super::errors::{make_directory, sync_directory, write_error};
use super::super::model_files::unfinished_name;

const OP: &str = "artifact";
/// Content goes through memory in pieces of this size.
const PIECE_BYTES: usize = 1 << 20;

/// The contents of a store.
#[derive(Debug)]
pub(in super::super) struct Objects {
    /// None in memory, where `scratch` is made for the first one.
    directory: Option<PathBuf>,
    scratch: Mutex<Option<TempDir>>,
}

/// A content that has no place yet. Dropped unless it is published.
#[derive(Debug)]
pub(in super::super) struct Staged {
    aside: PathBuf,
    objects: PathBuf,
    pub hash: String,
    pub bytes: u64,
}

impl Objects {
    pub fn new(home: Option<&Path>) -> Self {
        Objects { directory: home.map(|home| home.join("objects")), scratch: Mutex::default() }
    }

    /// Where an object is.
    pub fn path(&self, hash: &str) -> Result<PathBuf> {
        Ok(place(&self.directory()?, hash))
    }

    /// Reads the content to its end and writes it aside, durable. Errors: `External` if it cannot be read or written,
    /// `Resources` if the disk is full; nothing is left then.
    pub fn stage(&self, content: &mut dyn Read, owner: &str) -> Result<Staged> {
        let objects = self.directory()?;
        make_directory(OP, &objects)?;
        let aside = objects.join(unfinished_name(owner));
        let mut staged = Staged { aside, objects, hash: String::new(), bytes: 0 };
        (staged.hash, staged.bytes) = copy(content, &staged.aside)?;
        Ok(staged)
    }

    /// Removes all objects but these. The caller holds the store's write lock. Gives how many, and their bytes.
    pub fn remove_but(&self, used: &HashSet<String>) -> Result<(u64, u64)> {
        let mut removed = (0, 0);
        for (hash, path) in all(&self.directory()?) {
            if used.contains(&hash) {
                continue;
            }
            let bytes = fs::metadata(&path).map_or(0, |file| file.len());
            fs::remove_file(&path).map_err(|error| write_error("gc", &path, error))?;
            removed = (removed.0 + 1, removed.1 + bytes);
        }
        Ok(removed)
    }

    fn directory(&self) -> Result<PathBuf> {
        if let Some(directory) = &self.directory {
            return Ok(directory.clone());
        }
        let mut scratch = self.scratch.lock();
        let made = match scratch.take() {
            Some(scratch) => scratch,
            None => tempfile::Builder::new()
                .prefix("gradframe-objects-")
                .tempdir()
                .map_err(|error| Error::external(OP, format!("cannot make a temporary directory: {error}")).because(error))?,
        };
        Ok(scratch.insert(made).path().to_path_buf())
    }
}

impl Staged {
    /// Takes its place, unless equal content has it. The caller holds the store's write lock.
    pub fn publish(&self) -> Result<()> {
        let target = place(&self.objects, &self.hash);
        if fs::metadata(&target).is_ok_and(|file| file.len() == self.bytes) {
            return Ok(());
        }
        let above = target.parent().unwrap_or(&self.objects);
        make_directory(OP, above)?;
        let published = fs::rename(&self.aside, &target).and_then(|()| sync_directory(above));
        published.map_err(|error| write_error(OP, &target, error))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // After a publication there is nothing here any more.
        let _ = fs::remove_file(&self.aside);
    }
}

fn place(objects: &Path, hash: &str) -> PathBuf {
    let (first, rest) = hash.split_at(hash.len().min(2));
    objects.join(first).join(rest)
}

/// Hash and length of what was copied.
fn copy(content: &mut dyn Read, aside: &Path) -> Result<(String, u64)> {
    let failed = |error| write_error(OP, aside, error);
    let mut file = File::create_new(aside).map_err(failed)?;
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = match content.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Error::external(OP, format!("the content cannot be read: {error}")).because(error)),
        };
        file.write_all(&piece[..read]).map_err(failed)?;
        hash.update(&piece[..read]);
        bytes += read as u64;
    }
    // Who is handed the file's path must not change what others have too.
    let mut permissions = file.metadata().map_err(failed)?.permissions();
    permissions.set_readonly(true);
    file.set_permissions(permissions).and_then(|()| file.sync_all()).map_err(failed)?;
    Ok((hex(&hash.finalize()), bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every object with its hash; what is being written is none.
fn all(objects: &Path) -> Vec<(String, PathBuf)> {
    let entries = |directory: &Path| fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let firsts = entries(objects).filter(|path| name(path).len() == 2);
    firsts.flat_map(|first| entries(&first).map(move |path| (format!("{}{}", name(&first), name(&path)), path))).collect()
}
