//! Models: versions that appear whole and never change.

mod versions;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::Model;
use gradframe_plan::services::{ModelRegistry, NamedModel, model_exists};

pub(super) use self::versions::next_version;
use self::versions::{Version, delete_version, delete_versions, insert_version, newest, old_versions, one_version};
use super::aliases::{forget_what_is_said, roll_back_targets, which_version};
use super::artifacts::files_below;
use super::errors::write_error;
use super::model_files::{self, StagedModel};
use super::names::directory_name;
use super::places::check_no_copies;
use super::server_models::ServerModel;
use super::sql::{Transaction, params};
use super::tracking::ArtifactRecord;
use super::{Store, now_us};

/// Versions of one model that stay in memory beside their files.
const LOADED_VERSIONS_MAX: usize = 4;

impl ModelRegistry for Store {
    fn get(&self, name: &str) -> Result<Option<Arc<NamedModel>>> {
        let Some(found) = self.find(name)? else {
            self.loaded.lock().retain(|(model, _), _| model != name);
            return Ok(None);
        };
        match self.load(&found) {
            Ok(model) => Ok(Some(model)),
            // Another process may have removed or replaced it between the row and the files.
            Err(error) => match self.find(name)? {
                Some(now) if now == found => Err(error),
                Some(now) => self.load(&now).map(Some),
                None => Ok(None),
            },
        }
    }

    fn exists(&self, name: &str) -> Result<bool> {
        Ok(self.find(name)?.is_some())
    }

    fn names(&self) -> Result<Vec<String>> {
        let names = self.database.read(|transaction| {
            transaction.rows("SELECT DISTINCT model FROM models ORDER BY model", params![], |row| row.get(0))
        })?;
        Ok(names.unwrap_or_default())
    }

    fn alias_names(&self) -> Result<Vec<String>> {
        Store::alias_names(self)
    }

    fn commit(&self, name: &str, model: Model, replace: bool) -> Result<Arc<NamedModel>> {
        let versions = self.versions_directory(name)?;
        if !replace && self.find_newest(name)?.is_some() {
            return Err(model_exists(name));
        }
        self.clean_once();
        let stage = |versions: &PathBuf| StagedModel::write(versions, &model, &self.database.owner());
        let staged = versions.as_ref().map(stage).transpose()?;
        let on_server = if self.database.is_shared() {
            Some(ServerModel::send(&self.objects, &model, &self.database.owner())?)
        } else {
            None
        };
        let checksum = staged.as_ref().map(|staged| staged.weights_xxh3.as_str());
        let checksum = checksum.or(on_server.as_ref().map(|model| model.weights_xxh3.as_str())).unwrap_or_default();
        let mut published = None;
        let committed = self.database.write(|transaction| {
            let (version, created_us) = (next_version(transaction, name, replace)?, now_us());
            insert_version(transaction, (name, version, created_us), &model.spec, checksum)?;
            on_server.iter().try_for_each(|files| files.publish(transaction, name, version))?;
            if let (Some(staged), Some(versions)) = (&staged, &versions) {
                let target = published.insert(versions.join(version.to_string()));
                staged.publish(target)?;
            }
            Ok((version, created_us))
        });
        match committed {
            Ok((version, created_us)) => {
                published.iter().for_each(|version| confirm(version));
                Ok(self.keep_loaded(Arc::new(NamedModel { name: name.to_string(), version, created_us, model })))
            }
            Err(error) => Err(withdraw(published, error)),
        }
    }

    fn remove(&self, name: &str) -> Result<bool> {
        let versions_directory = self.versions_directory(name)?;
        if self.find_newest(name)?.is_none() {
            return Ok(false);
        }
        let owner = self.database.owner();
        let removed = self.database.write(|transaction| {
            check_no_copies(transaction, name, None)?;
            let removed = delete_versions(transaction, name)?;
            forget_what_is_said(transaction, name)?;
            versions_directory.iter().try_for_each(|directory| mark_all(directory, &removed, &owner))?;
            Ok(removed)
        })?;
        self.loaded.lock().retain(|(model, _), _| model != name);
        if let Some(directory) = versions_directory {
            remove_files(&directory, &removed);
        }
        Ok(!removed.is_empty())
    }
}

impl Store {
    /// The directory of a model's versions; None in memory, and on a server.
    pub(super) fn versions_directory(&self, name: &str) -> Result<Option<PathBuf>> {
        let directory = directory_name(name)?;
        Ok(self.models.as_ref().map(|models| models.join(directory)))
    }

    fn find_newest(&self, name: &str) -> Result<Option<Version>> {
        Ok(self.database.read(|transaction| newest(transaction, name))?.flatten())
    }

    /// A model's newest version by its name; else the one that `name@alias` or `name@number` means.
    fn find(&self, name: &str) -> Result<Option<Version>> {
        let found = self.database.read(|transaction| {
            if let Some(newest) = newest(transaction, name)? {
                return Ok(Some(newest));
            }
            let Some((model, which)) = name.rsplit_once('@') else { return Ok(None) };
            match which_version(transaction, model, which)? {
                Some(version) => one_version(transaction, model, version),
                None => Ok(None),
            }
        })?;
        Ok(found.flatten())
    }

    fn load(&self, found: &Version) -> Result<Arc<NamedModel>> {
        let Version { model: name, version, created_us, weights_xxh3, source } = found;
        if source.is_some() {
            return Err(of_mlflow(name, *version));
        }
        // A number may be another version's by now.
        if let Some(model) = self.loaded.lock().get(&(name.clone(), *version)).filter(|model| model.created_us == *created_us) {
            return Ok(model.clone());
        }
        let model = match self.versions_directory(name)? {
            Some(versions) => model_files::read(&versions.join(version.to_string()), weights_xxh3)?,
            None if self.database.is_shared() => self.fetch_model(name, *version, weights_xxh3)?,
            None => return Err(Error::internal("model", format!("`{name}` is not in memory"))),
        };
        let named = NamedModel { name: name.clone(), version: *version, created_us: *created_us, model };
        Ok(self.keep_loaded(Arc::new(named)))
    }

    /// Remembers a version, and of those with files no more than a few of its model.
    fn keep_loaded(&self, model: Arc<NamedModel>) -> Arc<NamedModel> {
        let mut loaded = self.loaded.lock();
        loaded.insert((model.name.clone(), model.version), model.clone());
        if self.models.is_some() || self.database.is_shared() {
            let of_model =
                |(name, version): &(String, u64)| (*name == model.name && *version != model.version).then_some(*version);
            let mut others: Vec<u64> = loaded.keys().filter_map(of_model).collect();
            others.sort_unstable_by(|a, b| b.cmp(a));
            for version in others.into_iter().skip(LOADED_VERSIONS_MAX - 1) {
                loaded.remove(&(model.name.clone(), version));
            }
        }
        model
    }

    /// The files of a version that was trained here. Errors: `External` if they cannot be looked at.
    pub fn version_files(&self, model: &str, version: u64) -> Result<Vec<ArtifactRecord>> {
        if self.database.is_shared() {
            return self.server_model_files(model, version);
        }
        let Some(directory) = self.version_directory(model, version)? else { return Ok(vec![]) };
        let record =
            |(path, file): (String, PathBuf)| ArtifactRecord { bytes: file.metadata().map_or(0, |file| file.len()), path };
        Ok(files_below(&directory)?.into_iter().map(record).collect())
    }

    /// Where one of those files is; None if there is none.
    pub fn version_file(&self, model: &str, version: u64, name: &str) -> Result<Option<PathBuf>> {
        if self.database.is_shared() {
            return self.server_model_file(model, version, name);
        }
        let Some(directory) = self.version_directory(model, version)? else { return Ok(None) };
        Ok(files_below(&directory)?.into_iter().find(|(path, _)| path == name).map(|(_, file)| file))
    }

    /// None in memory, and for a version that is none or was not trained here.
    fn version_directory(&self, model: &str, version: u64) -> Result<Option<PathBuf>> {
        let found = self.database.read(|transaction| one_version(transaction, model, version))?.flatten();
        if found.is_none_or(|found| found.source.is_some()) {
            return Ok(None);
        }
        Ok(self.versions_directory(model)?.map(|versions| versions.join(version.to_string())))
    }

    /// Removes versions that are not among the newest `keep` of their model, that no alias, no view and no query of a run names, to
    /// which no alias would be taken back, that
    /// are in no stage of MLflow's, and of which no copy has the files; gives them.
    pub fn remove_old_versions(&self, keep: u64) -> Result<Vec<(String, u64)>> {
        self.remove_versions(|transaction| {
            let (mut old, mentions) = (old_versions(transaction, keep)?, self.mentions(transaction)?);
            let targets = roll_back_targets(transaction)?;
            old.retain(|version| !mentions.name(&version.0, version.1) && !targets.contains(version));
            Ok(old)
        })
    }

    /// Removes the versions that are chosen, and gives them.
    pub(super) fn remove_versions(
        &self,
        choose: impl Fn(&Transaction<'_>) -> Result<Vec<(String, u64)>>,
    ) -> Result<Vec<(String, u64)>> {
        let owner = self.database.owner();
        let removed = self.database.write(|transaction| {
            let old = choose(transaction)?;
            for (model, version) in &old {
                if let Some(directory) = self.versions_directory(model)? {
                    mark_all(&directory, &[*version as i64], &owner)?;
                }
                delete_version(transaction, model, *version)?;
            }
            Ok(old)
        })?;
        for (model, version) in &removed {
            self.loaded.lock().remove(&(model.clone(), *version));
            if let Some(directory) = self.versions_directory(model)? {
                remove_files(&directory, &[*version as i64]);
            }
        }
        Ok(removed)
    }
}

/// A version that is of no use to a query.
fn of_mlflow(name: &str, version: u64) -> Error {
    let what = format!("model `{name}` version {version} was registered by a client of MLflow, which alone can run it");
    Error::plan("model", what).hint(format!("in Python: mlflow.pyfunc.load_model('models:/{name}/{version}')"))
}

/// Before the rows go for good: should this process end in between, the next one finds the files by their mark.
fn mark_all(directory: &Path, versions: &[i64], owner: &str) -> Result<()> {
    let directories = versions.iter().map(|version| directory.join(version.to_string()));
    directories
        .filter(|version| version.is_dir())
        .try_for_each(|version| model_files::mark(&version, owner).map_err(|error| write_error("drop model", &version, error)))
}

/// Rows are gone already: files that cannot be removed are only in the way of the disk's space.
fn remove_files(directory: &Path, versions: &[i64]) {
    for version in versions {
        if let Err(error) = model_files::discard(&directory.join(version.to_string())) {
            tracing::warn!(%error, version, directory = %directory.display(), "cannot remove a model's files");
        }
    }
    // Only if it is empty: another process may be writing a new version.
    let _ = std::fs::remove_dir(directory);
}

fn confirm(version: &Path) {
    if let Err(error) = model_files::confirm(version) {
        tracing::warn!(%error, directory = %version.display(), "cannot remove the mark of a model's writer");
    }
}

/// Takes a version's files back whose row did not become durable.
fn withdraw(published: Option<PathBuf>, error: Error) -> Error {
    if let Some(directory) = published
        && let Err(error) = model_files::discard(&directory)
    {
        tracing::warn!(%error, directory = %directory.display(), "cannot remove an uncommitted model");
    }
    error
}
