//! Compiled code on the disk: a program that was compiled once starts at once in the next process.
//!
//! A file holds a check sum and the code. One that is cut short or damaged is no file; one that cannot be written is none
//! either: then it is compiled again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use xxhash_rust::xxh3::xxh3_128;

/// The environment variable that names the folder. Empty: nothing is kept.
pub const FOLDER_VARIABLE: &str = "GRADFRAME_CUDA_CACHE";
/// Files that are kept, at most; the oldest go.
const FILES_MAX: usize = 4096;
const SUM_BYTES: usize = size_of::<u128>();

/// A folder of compiled code, by hash of what it was compiled from.
#[derive(Debug, Clone)]
pub struct KeptCode {
    folder: Option<PathBuf>,
}

impl KeptCode {
    /// The folder that `GRADFRAME_CUDA_CACHE` names, else one in the user's cache.
    pub fn of_user() -> Self {
        let named = std::env::var_os(FOLDER_VARIABLE).map(PathBuf::from);
        let cache =
            || std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| Some(std::env::home_dir()?.join(".cache")));
        let folder = named.or_else(|| Some(cache()?.join("gradframe/cuda")));
        KeptCode { folder: folder.filter(|folder| !folder.as_os_str().is_empty()) }
    }

    /// The code that was kept under a hash.
    pub fn find(&self, hash: u128) -> Option<Vec<u8>> {
        let bytes = fs::read(self.file(hash)?).ok()?;
        let (sum, code) = bytes.split_first_chunk::<SUM_BYTES>()?;
        (xxh3_128(code) == u128::from_le_bytes(*sum)).then(|| code.to_vec())
    }

    /// Keeps code under a hash: all of it or nothing.
    pub fn keep(&self, hash: u128, code: &[u8]) {
        // What is not kept is compiled again, so no error is anyone's.
        let _ = self.written(hash, code);
    }

    fn written(&self, hash: u128, code: &[u8]) -> Option<()> {
        let (folder, file) = (self.folder.as_ref()?, self.file(hash)?);
        fs::create_dir_all(folder).ok()?;
        forget_oldest(folder)?;
        let part = folder.join(format!("{hash:032x}.{}.part", std::process::id()));
        let bytes = [&xxh3_128(code).to_le_bytes(), code].concat();
        let done = fs::write(&part, bytes).and_then(|()| fs::rename(&part, file));
        if done.is_err() {
            fs::remove_file(&part).ok()?;
        }
        Some(())
    }

    fn file(&self, hash: u128) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(format!("{hash:032x}.cubin")))
    }
}

/// Makes room: a quarter of the files goes when there are too many.
fn forget_oldest(folder: &Path) -> Option<()> {
    let files: Vec<PathBuf> = fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    if files.len() < FILES_MAX {
        return Some(());
    }
    let age = |file: &PathBuf| fs::metadata(file).and_then(|data| data.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    let mut dated: Vec<(SystemTime, PathBuf)> = files.into_iter().map(|file| (age(&file), file)).collect();
    dated.sort();
    dated.iter().take(FILES_MAX / 4).for_each(|(_, file)| drop(fs::remove_file(file)));
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_folder(name: &str) -> (KeptCode, PathBuf) {
        let folder = std::env::temp_dir().join(format!("gradframe-{name}-{}", std::process::id()));
        (KeptCode { folder: Some(folder.clone()) }, folder)
    }

    #[test]
    fn code_is_found_again_and_damaged_code_is_not() {
        let (kept, folder) = in_folder("kept");
        assert_eq!(kept.find(7), None);
        kept.keep(7, b"code");
        assert_eq!(kept.find(7).as_deref(), Some(&b"code"[..]));
        assert_eq!(kept.find(8), None);
        let file = kept.file(7).unwrap();
        for damaged in [&b""[..], b"short", b"0123456789abcdefcode"] {
            fs::write(&file, damaged).unwrap();
            assert_eq!(kept.find(7), None);
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_cannot_be_written_is_not_kept() {
        let (_, folder) = in_folder("no-folder");
        fs::write(&folder, "a file").unwrap();
        let kept = KeptCode { folder: Some(folder.clone()) };
        kept.keep(7, b"code");
        assert_eq!(kept.find(7), None);
        assert_eq!(KeptCode { folder: None }.find(7), None);
        fs::remove_file(folder).unwrap();
    }
}
