//! Files that an import of MLflow's takes in with runs and logged models, and what is said of those that it leaves.

use std::fs::File;
use std::path::{Path, PathBuf};

use gradframe_connectors::mlflow;
use gradframe_connectors::store::{Gathered, check_path};
use gradframe_plan::services::NewArtifact;

use crate::{Error, Result};

const OP: &str = "import";
/// So many files that were left out are named, the others counted.
const NAMED_MAX: usize = 20;

/// The directories to which a store's files belong: a store of somebody's may name any file of this machine.
pub(crate) struct Roots(Vec<PathBuf>);

impl Roots {
    /// That of the store, and what a server of MLflow's kept beside it.
    pub(crate) fn of(path: &Path) -> Self {
        let own = match path.is_file() {
            true => path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new(".")),
            false => path,
        };
        Roots([own.to_path_buf()].into_iter().chain(mlflow::served(path)).collect())
    }

    fn have(&self, path: &Path) -> bool {
        self.0.iter().any(|root| is_below(path, root))
    }

    /// What is said of files that stay behind; None if none do.
    pub(crate) fn left(&self, place: &Path) -> Option<String> {
        let root = self.0.first().filter(|_| !self.have(place))?;
        Some(format!("its artifacts were left in `{}`, which is not below `{}`", place.display(), root.display()))
    }
}

fn is_below(path: &Path, root: &Path) -> bool {
    path.canonicalize().is_ok_and(|path| root.canonicalize().is_ok_and(|root| path.starts_with(root)))
}

/// What is said of files that lie where only their own store can look.
pub(crate) fn not_looked_at(uri: &str) -> String {
    format!(
        "files that it has at `{uri}` were left there: only those of this machine are taken, and of `mlartifacts` beside the store"
    )
}

/// Adds all files below a directory that are really below one of the roots, wherever links lead; gives what is said of those whose names
/// no artifact has here.
pub(crate) fn gather(gathered: &mut Gathered, place: &Path, roots: &Roots) -> Result<Option<String>> {
    if !roots.have(place) {
        return Ok(None);
    }
    let mut left = Vec::new();
    for (path, file) in mlflow::files(place)? {
        if !roots.have(&file) {
            continue;
        }
        match path.to_str().filter(|path| check_path(path).is_ok()) {
            Some(path) => gathered.add_file(&NewArtifact { path, kind: "file", step: None }, &mut opened(&file)?)?,
            None => left.push(path),
        }
    }
    Ok(no_names(&left))
}

fn no_names(left: &[PathBuf]) -> Option<String> {
    let names = left.iter().take(NAMED_MAX).map(|path| format!("`{}`", path.to_string_lossy().escape_debug()));
    let names = names.reduce(|all, next| format!("{all}, {next}"))?;
    let more = left.len().saturating_sub(NAMED_MAX);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    Some(format!("left out, since their names are none of artifacts here: {names}{more}"))
}

fn opened(file: &Path) -> Result<File> {
    File::open(file).map_err(|error| Error::external(OP, format!("cannot read `{}`: {error}", file.display())).because(error))
}
