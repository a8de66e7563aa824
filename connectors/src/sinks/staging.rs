//! A place beside the target in which files are written before they take its place.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use datafusion::datasource::listing::ListingTableUrl;
use datafusion::execution::object_store::ObjectStoreUrl;
use gradframe_ml_core::{Error, Result};
use url::Url;

use super::OP;
use super::target::{OnExisting, Target};
use super::through;

/// Readers skip names that begin with a point.
const PREFIX: &str = ".";
const SUFFIX: &str = ".copying";
/// In the staging directory: what is written.
const DATA: &str = "data";
/// In the staging directory: what was in the target's place.
const OLD: &str = "old";
/// Younger ones may be about to be locked.
const ABANDONED_AGE: Duration = Duration::from_secs(60);

/// The place, not made yet: `.name-<process>-<number>.copying/data`.
#[derive(Debug, Clone)]
pub(super) struct Staging {
    directory: PathBuf,
    /// The file's own name keeps its ending.
    data: PathBuf,
    is_directory: bool,
    store: String,
}

impl Staging {
    /// A new place beside `target`.
    pub(super) fn beside(target: &Path, is_directory: bool) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let directory = target.with_file_name(format!("{PREFIX}{name}-{}-{nanos}-{number}{SUFFIX}", std::process::id()));
        let store = format!("write-{}-{nanos}-{number}", std::process::id());
        Staging { data: directory.join(DATA), directory, is_directory, store }
    }

    /// True for the name of such a place.
    pub(super) fn is_one(name: &str) -> bool {
        name.starts_with(PREFIX) && name.ends_with(SUFFIX)
    }

    /// Where DataFusion's writers are to write, in a store of this write's own.
    pub(super) fn location(&self) -> Result<(ListingTableUrl, ObjectStoreUrl)> {
        let made = if self.is_directory { Url::from_directory_path(&self.data) } else { Url::from_file_path(&self.data) };
        let unfit = || Error::plan(OP, format!("`{}` is no path that can be written to", self.data.display()));
        let path = made.map_err(|()| unfit())?;
        let mut url = self.store_url()?;
        url.set_path(path.path());
        let location = ListingTableUrl::try_new(url, None).map_err(|e| unfit().because(e))?;
        let object_store = location.object_store();
        Ok((location, object_store))
    }

    /// The store's name, different for each write.
    pub(super) fn store_url(&self) -> Result<Url> {
        Url::parse(&format!("copying://{}", self.store)).map_err(|e| Error::internal(OP, e.to_string()))
    }

    /// The bytes of what is written.
    pub(super) fn bytes(&self) -> u64 {
        bytes_below(&self.data)
    }

    /// Makes the place, and removes those that dead processes have left for the same target.
    pub(super) fn begin(&self) -> io::Result<Begun> {
        let parent = self.directory.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(parent)?;
        remove_abandoned(parent, &self.directory);
        fs::create_dir(&self.directory)?;
        let begun = Begun { staging: self.clone(), lock: File::open(&self.directory)? };
        // Where a file system has no locks, abandoned places stay until somebody deletes them.
        let _ = begun.lock.try_lock();
        if self.is_directory {
            fs::create_dir(&self.data)?;
        }
        Ok(begun)
    }
}

/// A place being written into. Dropped, it goes with all that is in it.
#[derive(Debug)]
pub(super) struct Begun {
    staging: Staging,
    /// Held for as long as the process lives.
    lock: File,
}

impl Begun {
    /// Puts what is written in the target's place. Errors: `AlreadyExists` if something is there that may not be replaced.
    pub(super) fn commit(self, target: &Target) -> io::Result<()> {
        let data = &self.staging.data;
        sync(data)?;
        match target.on_existing {
            OnExisting::Append if target.path.is_dir() => append(data, &target.path)?,
            OnExisting::Refuse | OnExisting::Append => place(data, &target.path)?,
            OnExisting::Replace => replace(data, &target.path, &self.staging.directory.join(OLD))?,
        }
        sync_directory(target.path.parent().unwrap_or(Path::new("/")))
    }

    /// Writes what is written into a pipe or device, which stays.
    pub(super) async fn pour_into(self, target: &Path) -> io::Result<()> {
        through::pour(&self.staging.data, target).await
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        // A writer's thread that is still ending may put a file where one was just deleted.
        for _ in 0..3 {
            if fs::remove_dir_all(&self.staging.directory).is_ok() || !self.staging.directory.exists() {
                break;
            }
        }
        let _ = self.lock.unlock();
    }
}

fn bytes_below(path: &Path) -> u64 {
    match fs::read_dir(path) {
        Ok(entries) => entries.flatten().map(|entry| bytes_below(&entry.path())).sum(),
        Err(_) => fs::metadata(path).map_or(0, |metadata| metadata.len()),
    }
}

/// Removes places beside `like`, for the same target, whose processes are dead.
fn remove_abandoned(parent: &Path, like: &Path) {
    let stem = |path: &Path| {
        let name = path.file_name()?.to_string_lossy().into_owned();
        let stem = name.strip_suffix(SUFFIX)?.rsplitn(4, '-').nth(3)?.to_string();
        Some(stem)
    };
    let Ok(entries) = fs::read_dir(parent) else { return };
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| stem(path) == stem(like)) {
        let age = fs::metadata(&path).and_then(|metadata| metadata.modified()).ok().and_then(|time| time.elapsed().ok());
        let Ok(lock) = File::open(&path) else { continue };
        if age.is_some_and(|age| age > ABANDONED_AGE) && lock.try_lock().is_ok() {
            // What cannot be removed is no harm to this write.
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// Writes everything through to the disk: a rename must not be seen before what it names.
fn sync(path: &Path) -> io::Result<()> {
    if !path.is_dir() {
        return File::open(path)?.sync_all();
    }
    for entry in fs::read_dir(path)? {
        sync(&entry?.path())?;
    }
    sync_directory(path)
}

/// Not every file system can.
fn sync_directory(path: &Path) -> io::Result<()> {
    match File::open(path)?.sync_all() {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        done => done,
    }
}

/// Where nothing is, or an empty directory.
fn place(data: &Path, target: &Path) -> io::Result<()> {
    if target.is_dir() {
        // Fails if it is not empty any more.
        return fs::remove_dir(target).and_then(|()| fs::rename(data, target));
    }
    rename::without_replacing(data, target)
}

/// More files for a directory, each whole when it appears.
fn append(data: &Path, target: &Path) -> io::Result<()> {
    for entry in fs::read_dir(data)? {
        let entry = entry?;
        let to = target.join(entry.file_name());
        match entry.file_type()?.is_dir() && to.is_dir() {
            true => append(&entry.path(), &to)?,
            false => rename::without_replacing(&entry.path(), &to)?,
        }
    }
    sync_directory(target)
}

/// Whatever is there. Who could read it and who could not, can and cannot afterwards.
fn replace(data: &Path, target: &Path, old: &Path) -> io::Result<()> {
    take_over_permissions(target, data)?;
    if !data.is_dir() && !target.is_dir() {
        return fs::rename(data, target);
    }
    if !target.exists() {
        return rename::without_replacing(data, target);
    }
    match rename::exchange(data, target) {
        Err(error) if rename::is_not_supported(&error) => {
            fs::rename(target, old)?;
            fs::rename(data, target).inspect_err(|_| drop(fs::rename(old, target)))
        }
        done => done,
    }
}

/// Nothing where nothing was, or something of the other kind: a file's mode is none for a directory.
fn take_over_permissions(from: &Path, to: &Path) -> io::Result<()> {
    let (Ok(old), new) = (fs::metadata(from), fs::metadata(to)?) else { return Ok(()) };
    if old.is_dir() != new.is_dir() || old.permissions() == new.permissions() {
        return Ok(());
    }
    fs::set_permissions(to, old.permissions())
}

/// Renames that Linux has and the standard library has not.
mod rename {
    use std::io;
    use std::path::Path;

    #[cfg(target_os = "linux")]
    use rustix::fs::{CWD, RenameFlags, renameat_with};

    /// Fails with `AlreadyExists` if something is at `to`.
    pub(super) fn without_replacing(from: &Path, to: &Path) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE).map_err(io::Error::from) {
            Err(error) if is_not_supported(&error) => {}
            done => return done,
        }
        match to.symlink_metadata() {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => std::fs::rename(from, to),
        }
    }

    /// Both paths change places, in one moment.
    pub(super) fn exchange(a: &Path, b: &Path) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        return renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE).map_err(io::Error::from);
        #[cfg(not(target_os = "linux"))]
        return Err(io::ErrorKind::Unsupported.into());
    }

    /// Some file systems have neither.
    pub(super) fn is_not_supported(error: &io::Error) -> bool {
        matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported)
    }
}
