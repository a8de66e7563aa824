//! Names of the hub as directories of its cache, without the network.

use std::path::{Path, PathBuf};

use gradframe_ml_core::{Error, Result};

use super::{OP, bounded};

/// The longest file that says a commit; a commit has 40 characters.
const COMMIT_BYTES_MAX: u64 = 1024;

/// A model of the hub, as users name it: `org/name`, `name`, or either with `@revision`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubName<'a> {
    /// `org/name`.
    pub repository: &'a str,
    /// A branch, a tag or a commit.
    pub revision: &'a str,
}

impl<'a> HubName<'a> {
    /// None of what the hub does not allow as a name, and of what could lead out of its cache.
    pub fn parse(name: &'a str) -> Option<Self> {
        let (repository, revision) = name.split_once('@').unwrap_or((name, "main"));
        (is_repository(repository) && is_revision(revision)).then_some(HubName { repository, revision })
    }

    /// The folder of a cache that holds all revisions of it.
    pub fn folder(&self, cache: &Path) -> PathBuf {
        cache.join(format!("models--{}", self.repository.replace('/', "--")))
    }

    /// The directory of this revision, if the cache has it.
    /// Errors: `Execution` naming the file that says the revision's commit, if it says none or is no file of a few bytes.
    fn snapshot(&self, cache: &Path) -> Result<Option<PathBuf>> {
        let folder = self.folder(cache);
        let named = folder.join("refs").join(self.revision);
        let said = bounded(&named, COMMIT_BYTES_MAX).map_err(|error| damaged(error.detail().what.clone()))?;
        let commit = match said {
            Some(bytes) if !bytes.is_empty() => commit(&bytes).ok_or_else(|| no_commit(&named, &bytes))?,
            _ => self.revision.to_owned(), // none, or somebody is about to write it
        };
        Ok(Some(folder.join("snapshots").join(commit)).filter(|path| path.is_dir()))
    }
}

/// The commit that a file says; None if it is not the name of one.
fn commit(bytes: &[u8]) -> Option<String> {
    let commit = std::str::from_utf8(bytes).ok()?.trim();
    is_revision(commit).then(|| commit.to_owned())
}

fn no_commit(path: &Path, bytes: &[u8]) -> Error {
    let what = format!("{} says `{}`, expected a commit", path.display(), String::from_utf8_lossy(bytes).trim().escape_debug());
    damaged(what)
}

/// The cache is not as the hub's libraries leave it: nothing is downloaded over it.
fn damaged(what: String) -> Error {
    Error::execution(OP, what).hint("delete the file, and the model is downloaded again")
}

/// The directory of a model: `name` itself if it is one, else the cached snapshot of `org/name` or `org/name@revision` under
/// `cache` (`models--org--name/snapshots/...`).
/// Errors: `External` naming the places where it was looked for; `Execution` naming what is damaged in the cache.
pub fn resolve(name: &str, cache: Option<&Path>) -> Result<PathBuf> {
    let own = PathBuf::from(name);
    if own.is_dir() {
        return Ok(own);
    }
    match cache.zip(HubName::parse(name)) {
        Some((cache, model)) => model.snapshot(cache)?.ok_or_else(|| missing(name, Some(&model.folder(cache)))),
        None => Err(missing(name, None)),
    }
}

/// `org/name` or `name`, as the hub allows them.
fn is_repository(name: &str) -> bool {
    let fits = |part: &str| {
        let letters = part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        !part.is_empty() && letters && !part.starts_with('.') && !part.contains("..")
    };
    name.split('/').count() <= 2 && name.split('/').all(fits)
}

/// A branch, a tag or a commit: never a path that leads elsewhere.
pub fn is_revision(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) && !name.starts_with('.')
}

fn missing(name: &str, folder: Option<&Path>) -> Error {
    let cached = folder.map_or(String::new(), |f| format!(", and the hub's cache has no {}", f.display()));
    Error::external(OP, format!("`{name}` is not a directory{cached}"))
        .hint("download the model once, or give the directory that holds config.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cached_name_leads_to_the_snapshot_of_its_branch() {
        let cache = tempfile::tempdir().unwrap();
        let model = cache.path().join("models--org--small");
        std::fs::create_dir_all(model.join("snapshots/abc")).unwrap();
        std::fs::create_dir_all(model.join("refs")).unwrap();
        std::fs::write(model.join("refs/main"), "abc\n").unwrap();
        assert_eq!(resolve("org/small", Some(cache.path())).unwrap(), model.join("snapshots/abc"));
        assert_eq!(resolve("org/small@abc", Some(cache.path())).unwrap(), model.join("snapshots/abc"));
        for wrong in ["org/large", "org/small@../../x", "../small", "a/b/c", ""] {
            assert!(resolve(wrong, Some(cache.path())).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_revision_whose_file_says_no_commit_is_an_error_that_names_the_file() {
        let cache = tempfile::tempdir().unwrap();
        let model = cache.path().join("models--org--small");
        std::fs::create_dir_all(model.join("snapshots/abc")).unwrap();
        std::fs::create_dir_all(model.join("refs/folder")).unwrap();
        let said = |text: &[u8]| {
            std::fs::write(model.join("refs/main"), text).unwrap();
            resolve("org/small", Some(cache.path())).unwrap_err()
        };
        for text in ["..", "../abc", "/etc", "abc\nabc", ".hidden", "\n"] {
            let error = said(text.as_bytes());
            assert_eq!(error.kind(), "Execution", "{text:?}");
            assert!(error.to_string().contains("refs/main says `"), "{error}");
        }
        assert_eq!(said(b"").kind(), "External", "as if it were not there");
        assert_eq!(said(&[0xff, 0xfe]).kind(), "Execution");
        let error = said(&vec![b'a'; 5000]);
        assert!(error.kind() == "Execution" && error.to_string().contains("has more than 1024 bytes"), "{error}");
        let error = resolve("org/small@folder", Some(cache.path())).unwrap_err();
        assert!(error.kind() == "Execution" && error.to_string().contains("it is no regular file"), "{error}");
    }
}
