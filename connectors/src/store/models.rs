//! Models: versions that appear whole and never change.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::Model;
use gradframe_plan::services::{ModelRegistry, NamedModel};
use rusqlite::{OptionalExtension, Transaction, params};

use super::errors::{store_error, write_error};
use super::model_files::{self, StagedModel};
use super::names::directory_name;
use super::{Store, now_us};

/// The newest version of a model, as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Newest {
    version: u64,
    created_us: i64,
    weights_xxh3: String,
}

impl ModelRegistry for Store {
    fn get(&self, name: &str) -> Result<Option<Arc<NamedModel>>> {
        let Some(newest) = self.newest(name)? else {
            self.loaded.lock().remove(name);
            return Ok(None);
        };
        match self.load(name, &newest) {
            Ok(model) => Ok(Some(model)),
            // Another process may have removed or replaced it between the row and the files.
            Err(error) => match self.newest(name)? {
                Some(now) if now == newest => Err(error),
                Some(now) => self.load(name, &now).map(Some),
                None => Ok(None),
            },
        }
    }

    fn names(&self) -> Result<Vec<String>> {
        let names = self.database.read(|transaction| {
            let mut statement = transaction.prepare("SELECT DISTINCT model FROM models ORDER BY model").map_err(store_error)?;
            let rows = statement.query_map([], |row| row.get(0)).map_err(store_error)?;
            rows.collect::<Result<Vec<_>, _>>().map_err(store_error)
        })?;
        Ok(names.unwrap_or_default())
    }

    fn commit(&self, name: &str, model: Model, replace: bool) -> Result<Arc<NamedModel>> {
        let versions = self.versions_directory(name)?;
        if !replace && self.newest(name)?.is_some() {
            return Err(already_exists(name));
        }
        self.clean_once();
        let stage = |versions: &PathBuf| StagedModel::write(versions, &model, &self.database.owner());
        let staged = versions.as_ref().map(stage).transpose()?;
        let mut published = None;
        let committed = self.database.write(|transaction| {
            let version = next_version(transaction, name, replace)?;
            let named = NamedModel { name: name.to_string(), version, created_us: now_us(), model };
            let checksum = staged.as_ref().map(|staged| staged.weights_xxh3.clone()).unwrap_or_default();
            insert_version(transaction, &named, &checksum).map_err(store_error)?;
            if let (Some(staged), Some(versions)) = (staged, &versions) {
                let target = published.insert(versions.join(version.to_string()));
                staged.publish(target)?;
            }
            Ok(Arc::new(named))
        });
        match committed {
            Ok(named) => {
                published.iter().for_each(|version| confirm(version));
                Ok(self.keep_loaded(named))
            }
            Err(error) => Err(withdraw(published, error)),
        }
    }

    fn remove(&self, name: &str) -> Result<bool> {
        let versions_directory = self.versions_directory(name)?;
        if self.newest(name)?.is_none() {
            return Ok(false);
        }
        let owner = self.database.owner();
        let removed = self.database.write(|transaction| {
            let removed = delete_versions(transaction, name).map_err(store_error)?;
            versions_directory.iter().try_for_each(|directory| mark_all(directory, &removed, &owner))?;
            Ok(removed)
        })?;
        self.loaded.lock().remove(name);
        if let Some(directory) = versions_directory {
            remove_files(&directory, &removed);
        }
        Ok(!removed.is_empty())
    }
}

impl Store {
    /// The directory of a model's versions; None in memory.
    fn versions_directory(&self, name: &str) -> Result<Option<PathBuf>> {
        let directory = directory_name(name)?;
        Ok(self.models.as_ref().map(|models| models.join(directory)))
    }

    fn newest(&self, name: &str) -> Result<Option<Newest>> {
        let newest = self.database.read(|transaction| {
            let sql = "SELECT version, created, weights_xxh3 FROM models WHERE model = ?1 ORDER BY version DESC LIMIT 1";
            let row = transaction.query_row(sql, [name], |row| {
                Ok(Newest { version: row.get::<_, i64>(0)? as u64, created_us: row.get(1)?, weights_xxh3: row.get(2)? })
            });
            row.optional().map_err(store_error)
        })?;
        Ok(newest.flatten())
    }

    fn load(&self, name: &str, newest: &Newest) -> Result<Arc<NamedModel>> {
        if let Some(model) = self.loaded.lock().get(name).filter(|model| model.version == newest.version) {
            return Ok(model.clone());
        }
        let versions = self.versions_directory(name)?;
        let versions = versions.ok_or_else(|| Error::internal("model", format!("`{name}` is not in memory")))?;
        let model = model_files::read(&versions.join(newest.version.to_string()), &newest.weights_xxh3)?;
        let named = NamedModel { name: name.to_string(), version: newest.version, created_us: newest.created_us, model };
        Ok(self.keep_loaded(Arc::new(named)))
    }

    /// Remembers a model unless a newer version is already remembered.
    fn keep_loaded(&self, model: Arc<NamedModel>) -> Arc<NamedModel> {
        let mut loaded = self.loaded.lock();
        if loaded.get(&model.name).is_none_or(|known| known.version < model.version) {
            loaded.insert(model.name.clone(), model.clone());
        }
        model
    }
}

/// The version that a commit will have. Versions are never used twice, not even after a removal, so that a version
/// that another process has loaded is never mistaken for another model.
fn next_version(transaction: &Transaction, name: &str, replace: bool) -> Result<u64> {
    let taken = "SELECT EXISTS (SELECT 1 FROM models WHERE model = ?1)";
    if !replace && transaction.query_row(taken, [name], |row| row.get(0)).map_err(store_error)? {
        return Err(already_exists(name));
    }
    let next = "INSERT INTO model_names (name, last_version) VALUES (?1, 1)
                ON CONFLICT (name) DO UPDATE SET last_version = last_version + 1 RETURNING last_version";
    let version: i64 = transaction.query_row(next, [name], |row| row.get(0)).map_err(store_error)?;
    Ok(version as u64)
}

fn insert_version(transaction: &Transaction, named: &NamedModel, weights_xxh3: &str) -> rusqlite::Result<()> {
    let spec = &named.model.spec;
    let sql = "INSERT INTO models (model, version, model_type, label, features, run, created, weights_xxh3)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let (version, features) = (named.version as i64, spec.features.len() as i64);
    let values = params![
        named.name,
        version,
        spec.model_type,
        spec.label.name,
        features,
        spec.training.run,
        named.created_us,
        weights_xxh3
    ];
    transaction.execute(sql, values).map(|_| ())
}

fn delete_versions(transaction: &Transaction, name: &str) -> rusqlite::Result<Vec<i64>> {
    let mut delete = transaction.prepare("DELETE FROM models WHERE model = ?1 RETURNING version")?;
    delete.query_map([name], |row| row.get(0))?.collect()
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

fn already_exists(name: &str) -> Error {
    Error::plan("create model", format!("model `{name}` already exists")).hint("use CREATE OR REPLACE MODEL")
}
