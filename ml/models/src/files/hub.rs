//! Names of the hub as directories of its cache, without the network.

use std::path::{Path, PathBuf};

use gradframe_ml_core::{Error, Result};

use super::OP;

/// The directory of a model: `name` itself if it is one, else the cached snapshot of `org/name` or `org/name@revision` under
/// `cache` (`models--org--name/snapshots/...`).
/// Errors: `External` naming the places where it was looked for.
pub fn resolve(name: &str, cache: Option<&Path>) -> Result<PathBuf> {
    let own = PathBuf::from(name);
    if own.is_dir() {
        return Ok(own);
    }
    let (repository, revision) = name.split_once('@').unwrap_or((name, "main"));
    let cached = cache.filter(|_| is_repository(repository) && is_revision(revision));
    let Some(cache) = cached else { return Err(missing(name, None)) };
    let folder = cache.join(format!("models--{}", repository.replace('/', "--")));
    snapshot(&folder, revision).ok_or_else(|| missing(name, Some(&folder)))
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
fn is_revision(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) && !name.starts_with('.')
}

fn snapshot(folder: &Path, revision: &str) -> Option<PathBuf> {
    let commit = std::fs::read_to_string(folder.join("refs").join(revision)).ok();
    let commit = commit.as_deref().map_or(revision, str::trim);
    let path = folder.join("snapshots").join(commit);
    (is_revision(commit) && path.is_dir()).then_some(path)
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
