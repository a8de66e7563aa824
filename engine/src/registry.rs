//! What the store keeps, beyond tables: versions of models and their aliases, artifacts, runs on their way elsewhere.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::scalar::ScalarValue;
use gradframe_connectors::store::Store;

use crate::archive::{is_archive, names_archive};
use crate::sources::READ_ARTIFACT;
use crate::{DataFrame, Error, Result, Session};

/// What [`Session::collect_garbage`] has removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Garbage {
    /// Contents of artifacts that no run has any more, and their bytes.
    pub objects: u64,
    pub bytes: u64,
    /// Versions of models.
    pub versions: Vec<(String, u64)>,
}

impl Session {
    /// Lets an alias, such as `champion`, name a version of a model: `fare@champion` is then a model wherever `fare` is one.
    /// It names no other any more. Errors: `Plan` for an unknown model or version, or a text that is no alias.
    pub fn set_alias(&self, model: &str, alias: &str, version: u64) -> Result<()> {
        self.store().set_alias(model, alias, version)
    }

    /// Lets `to` name the version that `from` (an alias, a number, or `latest`) means; gives that version.
    /// Errors: `Plan` if there is none.
    pub fn promote(&self, model: &str, from: &str, to: &str) -> Result<u64> {
        self.store().promote(model, from, to)
    }

    /// Takes an alias back to the version that it named before, which it gives; again, to the one before that.
    /// Errors: `Plan` if there is none.
    pub fn roll_back(&self, model: &str, alias: &str) -> Result<u64> {
        self.store().roll_back(model, alias)
    }

    /// Forgets an alias; false if there was none.
    pub fn remove_alias(&self, model: &str, alias: &str) -> Result<bool> {
        self.store().remove_alias(model, alias)
    }

    /// Sets tags of a version of a model, in place of those of the same names. Errors: `Plan` for an unknown one.
    pub fn set_model_tags<'a>(
        &self,
        model: &str,
        version: u64,
        tags: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<()> {
        let tags: Vec<_> = tags.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        self.store().set_model_tags(model, version, &tags)
    }

    /// The file that holds an artifact, read-only. `run` is an identifier or the beginning of one.
    /// Errors: `Plan` for an unknown run or artifact, with the nearest.
    pub fn artifact(&self, run: &str, path: &str) -> Result<PathBuf> {
        let store = self.store();
        store.artifact(&store.full_run_name(run)?, path)
    }

    /// The rows of an artifact that is a table, by its ending: Parquet, CSV, JSON, Arrow. In SQL: `read_artifact('RUN/PATH')`.
    /// Errors: as for [`Session::artifact`].
    pub async fn read_artifact(&self, run: &str, path: &str) -> Result<DataFrame> {
        self.scan_files(READ_ARTIFACT, vec![format!("{run}/{path}")], Vec::<(String, ScalarValue)>::new()).await
    }

    /// The whole name of the one run whose identifier begins so. Errors: `Plan` if there is none, with the nearest, or there are several.
    pub fn full_run_name(&self, start: &str) -> Result<String> {
        self.store().full_run_name(start)
    }

    /// Forgets a run with all that it has logged. Errors: `Plan` for an unknown run, one that runs, and one that a model
    /// comes from.
    pub fn remove_run(&self, run: &str) -> Result<()> {
        let store = self.store();
        store.remove_run(&store.full_run_name(run)?)
    }

    /// Forgets runs and logged models that clients of MLflow have deleted, but for those that a version of a model comes from;
    /// gives the names of the runs. Their contents go with [`Session::collect_garbage`].
    pub fn remove_deleted_runs(&self) -> Result<Vec<String>> {
        self.store().remove_deleted()
    }

    /// Removes contents that nothing points to, and, if `keep_versions` is given, versions of models that are neither among
    /// so many newest nor named by an alias.
    pub fn collect_garbage(&self, keep_versions: Option<u64>) -> Result<Garbage> {
        // Where there is no store, none is made.
        if self.store().is_none()? {
            return Ok(Garbage::default());
        }
        let versions = keep_versions.map_or(Ok(vec![]), |keep| self.store().remove_old_versions(keep))?;
        let (objects, bytes) = self.store().remove_unused_objects()?;
        Ok(Garbage { objects, bytes, versions })
    }

    /// Takes an ended run elsewhere: a target whose name ends with `.tar` is one file, as of [`Session::archive_run`], with its training rows
    /// if asked; another one is a store, as of [`Session::copy_run`]. Gives the run's whole name.
    /// Errors: those of both; `Plan` for rows that are to go into a store.
    pub async fn export_run(&self, run: &str, target: &Path, data: bool) -> Result<String> {
        match (names_archive(target), data) {
            (true, _) => self.archive_run(run, target, data).await,
            (false, false) => self.copy_run(run, target),
            (false, true) => {
                let what = format!("`{}` is no .tar file, into which alone the rows of a training are packed", target.display());
                Err(Error::plan("export", what).hint("name a file such as run.tar, or leave the data where they are"))
            }
        }
    }

    /// Copies an ended run, artifacts and points and all, into the store at `home`, which is made if it is not there: what
    /// [`Session::import_runs`] takes in elsewhere, and `--home` looks into. Also into a database, by its address
    /// (`postgresql://...`). Gives the run's whole name.
    /// Errors: `Plan` for an unknown run, one that runs, or one that is there already.
    pub fn copy_run(&self, run: &str, home: &Path) -> Result<String> {
        let run = self.store().full_run_name(run)?;
        let target = self.other_store(home)?;
        target.copy_run_from(self.store(), &run)?;
        Ok(run)
    }

    /// Takes in runs that are not here yet, and gives their names. What is at the path says what it is: the ended runs of a
    /// store of ours (what [`Session::export_run`] has made, any `.gradframe`, a `postgresql://` address), an archive that
    /// [`Session::archive_run`] has made, MLflow's `mlruns/` or `mlflow.db`, or
    /// TensorBoard's event files, a run for each directory that has some.
    ///
    /// Errors: `Plan` if it is none of these; `Execution` for a file that is damaged, naming it and the place.
    pub fn import_runs(&self, path: &Path) -> Result<Vec<String>> {
        if is_address(path) || path.join("store.db").is_file() {
            return self.store().copy_runs_from(self.other_store(path)?.as_ref());
        }
        if is_archive(path) {
            return self.import_archive(path);
        }
        if gradframe_connectors::mlflow::is_store(path) {
            return self.import_mlflow(path);
        }
        if gradframe_connectors::tensorboard::has_events(path)? {
            return self.import_tensorboard(path);
        }
        if let Some(why) = gradframe_connectors::mlflow::damage(path) {
            return Err(Error::execution(
                "import",
                format!("`{}` is damaged, or no database of MLflow's: {why}", path.display()),
            ));
        }
        if !path.exists() {
            return Err(Error::plan("import", format!("there is no `{}`", path.display())));
        }
        let what = format!("`{}` holds no runs", path.display());
        let hint =
            "expected what `gradframe runs export` has made, a .gradframe, mlruns/, mlflow.db, or TensorBoard's event files";
        Err(Error::plan("import", what).hint(hint))
    }

    fn store(&self) -> &Store {
        self.public().store()
    }

    /// The store in another directory, or at an address.
    fn other_store(&self, place: &Path) -> Result<Arc<Store>> {
        match place.to_str().filter(|_| is_address(place)) {
            Some(address) => Store::open_shared(address, self.public().home().to_path_buf()),
            None => Store::open(place.to_path_buf()),
        }
    }
}

fn is_address(place: &Path) -> bool {
    place.to_str().is_some_and(|text| text.starts_with("postgresql://") || text.starts_with("postgres://"))
}

/// `models:/fare@champion` and `models:/fare/3`, as MLflow writes them, as names of ours.
pub(crate) fn model_name(name: &str) -> String {
    let Some(path) = name.strip_prefix("models:/") else { return name.to_owned() };
    match path.rsplit_once('/') {
        Some((model, version)) => format!("{model}@{version}"),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_models_are_names() {
        let names = ["fare", "models:/fare", "models:/fare@champion", "models:/fare/3", "models:/fare/latest"];
        assert_eq!(names.map(model_name), ["fare", "fare", "fare@champion", "fare@3", "fare@latest"]);
    }
}
