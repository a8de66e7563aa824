//! Files of a run whose statement is planned once more, where they are not found by the names that it has for them: it was started in
//! another directory, or on another machine.

use std::path::{Component, Path, PathBuf};

use datafusion::catalog::Session;
use gradframe_ml_core::{Error, Result};
use gradframe_plan::services::SourceCall;

use super::selection::{is_pattern, remote};

/// Where the files were that a run has read: an extension of a session's configuration.
#[derive(Debug, Clone)]
pub struct FormerFiles {
    run: String,
    /// From the root.
    files: Vec<PathBuf>,
}

impl FormerFiles {
    /// Those of a run.
    pub fn new(run: String, files: impl IntoIterator<Item = PathBuf>) -> Self {
        FormerFiles { run, files: files.into_iter().filter(|file| file.is_absolute()).collect() }
    }

    /// The path itself, or what it meant for the run: it is relative, and means nothing here. Errors: `Plan`, naming both places, where the
    /// run's is not there either.
    fn place(&self, function: &str, path: &str) -> Result<String> {
        let means_something = || Path::new(path).exists() || is_pattern(path) && matches(path);
        if remote(path).is_some() || Path::new(path).is_absolute() || path.starts_with("file://") || means_something() {
            return Ok(path.to_owned());
        }
        let written = parts(path);
        let mut before = self.files.iter().filter_map(|file| meant(file, &written)).peekable();
        let Some(first) = before.peek().cloned() else { return Ok(path.to_owned()) };
        match before.find(|place| place.exists() || is_pattern(path) && matches(&place.to_string_lossy())) {
            Some(place) => Ok(place.to_string_lossy().into_owned()),
            None => Err(self.is_nowhere(function, path, &first)),
        }
    }

    fn is_nowhere(&self, function: &str, path: &str, before: &Path) -> Error {
        let here = std::env::current_dir().map_or_else(|_| "this directory".to_owned(), |here| format!("`{}`", here.display()));
        let what = format!("no such file `{path}` in {here}, nor `{}`, where run {} has read it", before.display(), self.run);
        Error::plan(function.to_owned(), what).hint(
            "do it where the data are, or bring them along: `gradframe runs export RUN FILE --data` packs them with the run",
        )
    }
}

/// The call with paths that mean what they meant for the run that is planned once more, if one is.
pub(super) fn found(session: &dyn Session, call: &SourceCall) -> Result<SourceCall> {
    let Some(former) = session.config().get_extension::<FormerFiles>() else { return Ok(call.clone()) };
    let function = call.function.as_deref().unwrap_or("from");
    let paths = call.paths.iter().map(|path| former.place(function, path)).collect::<Result<_>>()?;
    Ok(SourceCall { paths, ..call.clone() })
}

/// Whether any file is called so.
fn matches(pattern: &str) -> bool {
    glob::glob(pattern).is_ok_and(|mut found| found.next().is_some())
}

/// The parts of a relative path as it is written, without those that lead upwards at its beginning.
fn parts(path: &str) -> Vec<String> {
    let parts = Path::new(path).components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        _ => None,
    });
    parts.collect()
}

/// What a path of these parts, a file, a directory or a pattern, meant if this was a file of it.
fn meant(file: &Path, written: &[String]) -> Option<PathBuf> {
    let names: Vec<String> = parts(&file.to_string_lossy());
    let pattern = |text: &str| glob::Pattern::new(text).ok();
    // Of a directory, and of a pattern that goes deeper, the file's name has more parts behind; the last place is the nearest.
    let starts = (0..names.len()).rev().filter(|start| {
        let mut pairs = names[*start..].iter().zip(written);
        let deep = written.iter().position(|part| part == "**").unwrap_or(written.len());
        names.len() - start >= deep.min(written.len())
            && pairs.by_ref().take(deep).all(|(name, part)| pattern(part).is_some_and(|part| part.matches(name)))
    });
    let start = starts.into_iter().next()?;
    let root: PathBuf = Path::new("/").join(names[..start].iter().collect::<PathBuf>());
    Some(root.join(written.iter().collect::<PathBuf>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_means_what_it_meant_for_the_run() {
        let cases = [
            ("/a/b/data.csv", "data.csv", Some("/a/b/data.csv")),
            ("/a/b/data.csv", "./b/data.csv", Some("/a/b/data.csv")),
            ("/a/b/data.csv", "../b/data.csv", Some("/a/b/data.csv")),
            ("/a/b/data.csv", "b", Some("/a/b")),
            ("/a/b/data.csv", "b/*.csv", Some("/a/b/*.csv")),
            ("/a/b/c/data.csv", "b/**/*.csv", Some("/a/b/**/*.csv")),
            ("/a/b/data.csv", "*.csv", Some("/a/b/*.csv")),
            ("/a/data/b/data/x.csv", "data", Some("/a/data/b/data")),
            ("/a/b/data.csv", "other.csv", None),
            ("/a/b/data.csv", "c/data.csv", None),
            ("/a/b/data.csv", "*.parquet", None),
        ];
        for (file, written, expected) in cases {
            assert_eq!(meant(Path::new(file), &parts(written)).as_deref(), expected.map(Path::new), "{written} of {file}");
        }
    }
}
