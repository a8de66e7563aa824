//! Models as MLflow's registry has them: names with descriptions, versions that point to where they are. They are rows beside
//! those of models that were trained here, with the same aliases and tags.

use std::cell::Cell;

use gradframe_ml_core::{Error, Result};

use super::aliases::forget_what_is_said;
use super::places::check_no_copies;
use super::registered_rows::{
    OF_MODEL, OP, insert_version, is_registered, number_anew, register, rename, set_tags, touch, unknown,
};
use super::run_rows::check_text;
use super::sql::{Row, Transaction, params};
use super::{Store, now_us};

/// A model's name, with or without versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredModel {
    pub name: String,
    pub created_us: i64,
    pub updated_us: i64,
    pub description: String,
    pub tags: Vec<(String, String)>,
    pub aliases: Vec<(String, u64)>,
}

/// A version of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredVersion {
    pub model: String,
    pub version: u64,
    pub model_type: String,
    pub created_us: i64,
    pub updated_us: i64,
    pub description: String,
    /// None, Staging, Production or Archived
    pub stage: String,
    /// Where it is; None if it was trained here.
    pub source: Option<String>,
    /// Where its files are, if the source only names something else that has them.
    pub storage: Option<String>,
    /// Empty if it comes from no run.
    pub run: String,
    pub run_link: Option<String>,
    pub logged_model: Option<String>,
    pub tags: Vec<(String, String)>,
    pub aliases: Vec<String>,
}

/// A version that a client registers.
#[derive(Debug, Clone, Copy)]
pub struct NewVersion<'a> {
    pub model: &'a str,
    pub model_type: &'a str,
    pub source: &'a str,
    pub run: &'a str,
    pub run_link: Option<&'a str>,
    pub logged_model: Option<&'a str>,
    pub description: &'a str,
    pub tags: &'a [(String, String)],
}

/// Changes to a version; None leaves as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct VersionChanges<'a> {
    pub description: Option<&'a str>,
    pub stage: Option<&'a str>,
    /// Moves all other versions of that stage to Archived.
    pub archives_others: bool,
}

impl Store {
    /// Makes a name without versions. Errors: `Plan` if it is taken or empty.
    pub fn register_model(&self, name: &str, description: &str, tags: &[(String, String)]) -> Result<()> {
        self.database.write(|transaction| {
            if is_registered(transaction, name)? {
                return Err(Error::plan(OP, format!("registered model `{name}` is there already")));
            }
            register(transaction, name, description, tags)
        })
    }

    /// All names, sorted.
    pub fn registered_models(&self) -> Result<Vec<RegisteredModel>> {
        let found = self.database.read(|transaction| {
            let names = "SELECT name FROM model_names WHERE created IS NOT NULL ORDER BY name";
            let names: Vec<String> = transaction.rows(names, params![], |row| row.get(0))?;
            names.iter().map(|name| model(transaction, name)).filter_map(Result::transpose).collect::<Result<_>>()
        })?;
        Ok(found.unwrap_or_default())
    }

    /// The model of this name.
    pub fn registered_model(&self, name: &str) -> Result<Option<RegisteredModel>> {
        Ok(self.database.read(|transaction| model(transaction, name))?.flatten())
    }

    /// Says what a model is. Errors: `Plan` if there is none.
    pub fn describe_model(&self, name: &str, description: &str) -> Result<()> {
        self.database.write(|transaction| {
            let sql = "UPDATE model_names SET description = ?2, updated = ?3 WHERE name = ?1 AND created IS NOT NULL";
            let changed = transaction.execute(sql, params![name, description, now_us()])?;
            if changed == 0 { Err(unknown(name)) } else { Ok(()) }
        })
    }

    /// Gives a model and its versions another name. Errors: `Plan` if there is none, the other name is taken, or a version was
    /// trained here: its files are under its name.
    pub fn rename_model(&self, name: &str, to: &str) -> Result<()> {
        check_text(OP, "the name of the model", to)?;
        self.database.write(|transaction| {
            if !is_registered(transaction, name)? {
                return Err(unknown(name));
            }
            if is_registered(transaction, to)? || to.is_empty() {
                return Err(Error::plan(OP, format!("registered model `{to}` is there already")));
            }
            let own = "SELECT EXISTS (SELECT 1 FROM models WHERE model = ?1 AND source IS NULL)";
            if transaction.value(own, params![name])? {
                let what = format!("model `{name}` has versions that were trained here and keeps its name");
                return Err(Error::plan(OP, what).hint("an alias is a second name for a version"));
            }
            rename(transaction, name, to)
        })
    }

    /// Forgets a model, its versions and all that is said about it; false if there is none. Where none of its versions was trained here,
    /// a model of that name begins at version 1 again. Errors: `Plan` if copies elsewhere have the files of what was trained here.
    pub fn unregister_model(&self, name: &str) -> Result<bool> {
        // Looked for before, so that a missing store is not made by a removal.
        if self.registered_model(name)?.is_none() {
            return Ok(false);
        }
        let was_there = Cell::new(false);
        let has_files = self.versions_directory(name)?.is_some_and(|directory| directory.exists());
        self.remove_versions(|transaction| {
            was_there.set(is_registered(transaction, name)?);
            check_no_copies(transaction, name, None)?;
            if !has_files {
                number_anew(transaction, name)?;
            }
            let versions = "SELECT model, version FROM models WHERE model = ?1";
            let versions = transaction.rows(versions, params![name], |row| Ok((row.get(0)?, row.get::<i64>(1)? as u64)))?;
            forget_what_is_said(transaction, name).map(|()| versions)
        })?;
        Ok(was_there.get())
    }

    /// Adds a version that is kept elsewhere, and gives its number. Errors: `Plan` if there is no such model.
    pub fn register_version(&self, new: &NewVersion<'_>) -> Result<u64> {
        self.database.write(|transaction| {
            if !is_registered(transaction, new.model)? {
                return Err(unknown(new.model));
            }
            insert_version(transaction, new)
        })
    }

    /// All versions of all models, or of one, by name and number.
    pub fn registered_versions(&self, model: Option<&str>) -> Result<Vec<RegisteredVersion>> {
        let found = self.database.read(|transaction| {
            let sql = format!("{VERSION} WHERE CAST(?1 AS TEXT) IS NULL OR model = ?1 ORDER BY model, version");
            let found = transaction.rows(&sql, params![model], RegisteredVersion::of_row)?;
            found.into_iter().map(|version| version.complete(transaction)).collect::<Result<_>>()
        })?;
        Ok(found.unwrap_or_default())
    }

    /// Names and versions of the registry that are a logged model.
    pub fn versions_of_logged(&self, id: &str) -> Result<Vec<(String, u64)>> {
        let sql = "SELECT model, version FROM models WHERE logged_model = ?1 ORDER BY model, version";
        let of_row = |row: &Row| Ok((row.get(0)?, row.get::<i64>(1)? as u64));
        Ok(self.database.read(|transaction| transaction.rows(sql, params![id], of_row))?.unwrap_or_default())
    }

    /// One version of a model.
    pub fn registered_version(&self, model: &str, version: u64) -> Result<Option<RegisteredVersion>> {
        let found = self.database.read(|transaction| {
            let sql = format!("{VERSION} WHERE model = ?1 AND version = ?2");
            let found = transaction.first(&sql, params![model, version as i64], RegisteredVersion::of_row)?;
            found.map(|found| found.complete(transaction)).transpose()
        })?;
        Ok(found.flatten())
    }

    /// Changes a version. Errors: `Plan` if there is none.
    pub fn change_version(&self, model: &str, version: u64, changes: &VersionChanges<'_>) -> Result<()> {
        self.database.write(|transaction| {
            let VersionChanges { description, stage, archives_others } = *changes;
            let sql = "UPDATE models SET description = coalesce(?3, description), stage = coalesce(?4, stage), updated = ?5
                       WHERE model = ?1 AND version = ?2";
            let changed = transaction.execute(sql, params![model, version as i64, description, stage, now_us()])?;
            if changed == 0 {
                return Err(Error::plan(OP, format!("version {version} of the registered model `{model}` not found")));
            }
            if archives_others && stage.is_some() {
                let sql = "UPDATE models SET stage = 'Archived', updated = ?4 WHERE model = ?1 AND version <> ?2 AND stage = ?3";
                transaction.execute(sql, params![model, version as i64, stage, now_us()])?;
            }
            touch(transaction, model)
        })
    }

    /// Forgets a version and the aliases that name it; false if there is none. Errors: `Plan` if it was trained here and a copy
    /// has its files.
    pub fn remove_version(&self, model: &str, version: u64) -> Result<bool> {
        let removed = self.remove_versions(|transaction| {
            check_no_copies(transaction, model, Some(version))?;
            let sql = "DELETE FROM aliases WHERE model = ?1 AND version = ?2";
            transaction.execute(sql, params![model, version as i64])?;
            let there = "SELECT EXISTS (SELECT 1 FROM models WHERE model = ?1 AND version = ?2)";
            let there = transaction.value(there, params![model, version as i64])?;
            touch(transaction, model)?;
            Ok(if there { vec![(model.to_owned(), version)] } else { vec![] })
        })?;
        Ok(!removed.is_empty())
    }

    /// Sets tags of a model, not of a version of it. Errors: `Plan` if there is none.
    pub fn set_registered_tags(&self, name: &str, tags: &[(String, String)]) -> Result<()> {
        self.database.write(|transaction| {
            if !is_registered(transaction, name)? {
                return Err(unknown(name));
            }
            set_tags(transaction, name, OF_MODEL, tags)
        })
    }

    /// Forgets a tag of a version, or of the model itself.
    pub fn remove_model_tag(&self, model: &str, version: Option<u64>, tag: &str) -> Result<()> {
        let sql = "DELETE FROM model_tags WHERE model = ?1 AND version = ?2 AND name = ?3";
        let version = version.unwrap_or(OF_MODEL) as i64;
        self.database.write(|transaction| transaction.execute(sql, params![model, version, tag]).map(|_| ()))
    }
}

const VERSION: &str = "SELECT model, version, model_type, created, coalesce(updated, created), description, stage, source, run,
                              run_link, logged_model, storage FROM models";

impl RegisteredVersion {
    fn of_row(row: &Row) -> Result<Self> {
        Ok(RegisteredVersion {
            model: row.get(0)?,
            version: row.get::<i64>(1)? as u64,
            model_type: row.get(2)?,
            created_us: row.get(3)?,
            updated_us: row.get(4)?,
            description: row.get(5)?,
            stage: row.get(6)?,
            source: row.get(7)?,
            run: row.get(8)?,
            run_link: row.get(9)?,
            logged_model: row.get(10)?,
            storage: row.get(11)?,
            tags: vec![],
            aliases: vec![],
        })
    }

    fn complete(mut self, transaction: &Transaction) -> Result<Self> {
        let aliases = "SELECT alias FROM aliases WHERE model = ?1 AND version = ?2 ORDER BY alias";
        self.aliases = transaction.rows(aliases, params![self.model, self.version as i64], |row| row.get(0))?;
        let tags = "SELECT name, value FROM model_tags WHERE model = ?1 AND version = ?2 ORDER BY name";
        self.tags = transaction.pairs(tags, params![self.model, self.version as i64])?;
        Ok(self)
    }
}

fn model(transaction: &Transaction, name: &str) -> Result<Option<RegisteredModel>> {
    let sql =
        "SELECT name, created, coalesce(updated, created), description FROM model_names WHERE name = ?1 AND created IS NOT NULL";
    let of_row = |row: &Row| {
        let (name, description) = (row.get(0)?, row.get(3)?);
        Ok(RegisteredModel { name, created_us: row.get(1)?, updated_us: row.get(2)?, description, tags: vec![], aliases: vec![] })
    };
    let found = transaction.first(sql, params![name], of_row)?;
    let Some(mut found) = found else { return Ok(None) };
    found.tags =
        transaction.pairs("SELECT name, value FROM model_tags WHERE model = ?1 AND version = 0 ORDER BY name", params![name])?;
    let aliases = "SELECT alias, version FROM aliases WHERE model = ?1 ORDER BY alias";
    found.aliases = transaction.rows(aliases, params![name], |row| Ok((row.get(0)?, row.get::<i64>(1)? as u64)))?;
    Ok(Some(found))
}
