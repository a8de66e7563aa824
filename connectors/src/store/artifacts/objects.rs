//! Contents by their hash: `objects/<first two digits>/<other digits of the SHA-256>`, read-only, written once.
//!
//! A content is written aside under the name of its writer's lock, made durable, and takes its place by a rename while the
//! store's write lock is held, together with the row that names it: so it is never removed in between as unused.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gradframe_ml_core::{Error, Result};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::super::database::{Database, Patience};
use super::super::errors::{make_directory, sync_directory, write_error};
use super::super::model_files::unfinished_name;
use super::super::server_objects::{self, ServerObjects};
use super::super::sql::Transaction;

const OP: &str = "artifact";
/// How often a content is fetched again whose way from the server breaks off.
const FETCHED_AGAIN: usize = 3;
/// Content goes through memory in pieces of this size.
pub(in super::super) const PIECE_BYTES: usize = 1 << 20;

/// The contents of a store.
#[derive(Debug)]
pub(in super::super) struct Objects {
    /// None in memory, where `scratch` is made for the first one.
    directory: Option<PathBuf>,
    scratch: Mutex<Option<TempDir>>,
    /// Where contents are that all machines see; those in the directory are copies then.
    server: Option<ServerObjects>,
}

/// A content that has no place yet. Dropped unless it is published.
#[derive(Debug)]
pub(in super::super) struct Staged {
    aside: PathBuf,
    objects: PathBuf,
    pub hash: String,
    pub bytes: u64,
    is_of_server: bool,
}

impl Objects {
    pub fn new(home: Option<&Path>) -> Self {
        Objects { directory: home.map(|home| home.join("objects")), scratch: Mutex::default(), server: None }
    }

    /// Those of a server, and the copies of this machine.
    pub fn of_server(database: Arc<Database>, spool: &Path) -> Self {
        let server = Some(ServerObjects::new(database));
        Objects { directory: Some(spool.join("objects")), scratch: Mutex::default(), server }
    }

    /// Where an object is. Fetches it if it is on a server alone, which the caller must not be asking just now.
    pub fn path(&self, hash: &str) -> Result<PathBuf> {
        let path = place(&self.directory()?, hash);
        if let Some(server) = &self.server
            && !path.exists()
        {
            let mut staged = self.stage_here(&server.owner(), |file| server.fetch(hash, file));
            for _ in 0..FETCHED_AGAIN {
                // What was cut off half-way is fetched anew.
                if !matches!(staged, Err(Error::External(_))) {
                    break;
                }
                staged = self.stage_here(&server.owner(), |file| server.fetch(hash, file));
            }
            let staged = staged?;
            if staged.hash != hash {
                return Err(Error::execution(OP, format!("content {hash} was changed after it was written")));
            }
            staged.take_place()?;
        }
        Ok(path)
    }

    /// Reads the content to its end and writes it aside, durable. Errors: `External` if it cannot be read or written,
    /// `Resources` if the disk is full; nothing is left then.
    pub fn stage(&self, content: &mut dyn Read, owner: &str) -> Result<Staged> {
        let staged = self.stage_for_later(content, owner)?;
        self.send(&staged, Patience::Full)?;
        Ok(staged)
    }

    /// Sends a content that has no place yet, if there is a server. Errors: `External` if it is away.
    pub fn send(&self, staged: &Staged, patience: Patience) -> Result<()> {
        let Some(server) = &self.server else { return Ok(()) };
        server.send(&staged.hash, staged.bytes, &staged.aside, patience)
    }

    /// As [`Objects::stage`] on this machine alone: a server gets it by [`Objects::send`] or [`Objects::send_again`].
    pub fn stage_for_later(&self, content: &mut dyn Read, owner: &str) -> Result<Staged> {
        self.stage_here(owner, |file| copy(content, file))
    }

    /// Sends a content that has its place here, unless the server has it; false if neither has it.
    pub fn send_again(&self, hash: &str, bytes: u64) -> Result<bool> {
        let Some(server) = &self.server else { return Ok(true) };
        let path = place(&self.directory()?, hash);
        if !path.exists() {
            return server.has(hash, bytes, Patience::Brief);
        }
        server.send(hash, bytes, &path, Patience::Brief).map(|()| true)
    }

    /// `write` fills the file.
    fn stage_here(&self, owner: &str, write: impl FnOnce(&mut Sink<'_>) -> Result<()>) -> Result<Staged> {
        let objects = self.directory()?;
        make_directory(OP, &objects)?;
        let aside = objects.join(unfinished_name(owner));
        let mut staged = Staged { aside, objects, hash: String::new(), bytes: 0, is_of_server: self.server.is_some() };
        let mut sink = Sink::new(&staged.aside)?;
        let finished = write(&mut sink).and_then(|()| sink.finish());
        let (hash, bytes) = finished?;
        (staged.hash, staged.bytes) = (hash, bytes);
        Ok(staged)
    }

    /// Removes all objects but these. The caller holds the store's write lock. Gives how many, and their bytes.
    pub fn remove_but(&self, transaction: &Transaction<'_>, used: &HashSet<String>) -> Result<(u64, u64)> {
        let here = self.remove_here_but(used)?;
        if self.server.is_some() { server_objects::remove_but(transaction, used) } else { Ok(here) }
    }

    fn remove_here_but(&self, used: &HashSet<String>) -> Result<(u64, u64)> {
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
    /// Its length and hash.
    pub fn content(&self) -> (u64, &str) {
        (self.bytes, &self.hash)
    }

    /// Takes its place, unless equal content has it. The caller holds the store's write lock.
    pub fn publish(&self, transaction: &Transaction<'_>) -> Result<()> {
        if self.is_of_server {
            server_objects::publish(transaction, &self.hash, self.bytes)?;
        }
        self.take_place()
    }

    /// The same where nothing in the store names it yet.
    pub fn take_place(&self) -> Result<()> {
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

/// True of a SHA-256 as we write it.
pub(in super::super) fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn place(objects: &Path, hash: &str) -> PathBuf {
    let (first, rest) = hash.split_at(hash.len().min(2));
    objects.join(first).join(rest)
}

/// A file that is written aside, and the hash of what is in it.
pub(in super::super) struct Sink<'p> {
    path: &'p Path,
    file: File,
    hash: Sha256,
    bytes: u64,
}

impl<'p> Sink<'p> {
    fn new(path: &'p Path) -> Result<Self> {
        let file = File::create_new(path).map_err(|error| write_error(OP, path, error))?;
        Ok(Sink { path, file, hash: Sha256::new(), bytes: 0 })
    }

    /// Adds a piece.
    pub fn put(&mut self, piece: &[u8]) -> Result<()> {
        self.file.write_all(piece).map_err(|error| write_error(OP, self.path, error))?;
        self.hash.update(piece);
        self.bytes += piece.len() as u64;
        Ok(())
    }

    /// Makes it durable. Gives hash and length.
    fn finish(self) -> Result<(String, u64)> {
        let failed = |error| write_error(OP, self.path, error);
        // Who is handed the file's path must not change what others have too.
        let mut permissions = self.file.metadata().map_err(failed)?.permissions();
        permissions.set_readonly(true);
        self.file.set_permissions(permissions).and_then(|()| self.file.sync_all()).map_err(failed)?;
        Ok((hex(&self.hash.finalize()), self.bytes))
    }
}

fn copy(content: &mut dyn Read, sink: &mut Sink<'_>) -> Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match content.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(read) => sink.put(&piece[..read])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::external(OP, format!("the content cannot be read: {error}")).because(error)),
        }
    }
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
