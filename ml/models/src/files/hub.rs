//! Names of the hub as directories of its cache, without the network.

use std::path::{Path, PathBuf};

use gradframe_ml_core::{Error, Result};

use super::OP;

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
    fn snapshot(&self, cache: &Path) -> Option<PathBuf> {
        let folder = self.folder(cache);
        let commit = std::fs::read_to_string(folder.join("refs").join(self.revision)).ok();
        let commit = commit.as_deref().map_or(self.revision, str::trim);
        let path = folder.join("snapshots").join(commit);
        (is_revision(commit) && path.is_dir()).then_some(path)
    }
}

/// The directory of a model: `name` itself if it is one, else the cached snapshot of `org/name` or `org/name@revision` under
/// `cache` (`models--org--name/snapshots/...`).
/// Errors: `External` naming the places where it was looked for.
pub fn resolve(name: &str, cache: Option<&Path>) -> Result<PathBuf> {
    let own = PathBuf::from(name);
    if own.is_dir() {
        return Ok(own);
    }
    match cache.zip(HubName::parse(name)) {
        Some((cache, model)) => model.snapshot(cache).ok_or_else(|| missing(name, Some(&model.folder(cache)))),
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
}
