//! Files beside the code that say exactly which packages it was written for.

use std::path::{Path, PathBuf};

/// Larger ones are none.
const BYTES_MAX: u64 = 8 << 20;
const NAMES: [&str; 6] = ["uv.lock", "pylock.toml", "poetry.lock", "pixi.lock", "conda-lock.yml", "environment.yml"];

/// The lock files of a directory and of those above it, as far as its repository reaches; the nearest of each name, sorted.
/// What cannot be read is left out.
pub fn lock_files(directory: &Path) -> Vec<(String, PathBuf)> {
    let directory = std::path::absolute(directory).unwrap_or_else(|_| directory.to_path_buf());
    let depth = directory.ancestors().position(|above| above.join(".git").exists()).unwrap_or(0);
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    for place in directory.ancestors().take(depth + 1) {
        for (name, path) in locks_in(place) {
            if found.iter().all(|(other, _)| *other != name) {
                found.push((name, path));
            }
        }
    }
    found.sort();
    found
}

fn locks_in(directory: &Path) -> impl Iterator<Item = (String, PathBuf)> + use<> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let named = entries.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())));
    named.filter(|(name, path)| is_lock(name) && path.metadata().is_ok_and(|file| file.is_file() && file.len() <= BYTES_MAX))
}

/// `pylock.<name>.toml` is one too (PEP 751).
fn is_lock(name: &str) -> bool {
    NAMES.contains(&name) || name.starts_with("pylock.") && name.ends_with(".toml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_of_each_name_within_the_repository() {
        let outside = tempfile::tempdir().unwrap();
        let inner = outside.path().join("repository/package/src");
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::create_dir(outside.path().join("repository/.git")).unwrap();
        for file in
            ["uv.lock", "repository/uv.lock", "repository/pylock.dev.toml", "repository/package/uv.lock", "repository/x.lock"]
        {
            std::fs::write(outside.path().join(file), file).unwrap();
        }
        let found = lock_files(&inner).into_iter().map(|(name, path)| (name, std::fs::read_to_string(path).unwrap()));
        let expected = [("pylock.dev.toml", "repository/pylock.dev.toml"), ("uv.lock", "repository/package/uv.lock")];
        assert_eq!(found.collect::<Vec<_>>(), expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
        assert_eq!(lock_files(Path::new("/nowhere")), []);
    }
}
