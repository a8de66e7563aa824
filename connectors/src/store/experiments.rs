//! Experiments: what runs belong to. Their clients make, rename, tag, delete and restore them; deleted ones are kept.

use gradframe_ml_core::{Error, Result};

use super::sql::{Row, ToValue, Transaction, params, put};
use super::{Store, now_us, run_rows};

/// The tag that says when an experiment was changed last; no client sees it.
const UPDATED_TAG: &str = "system/updated";

/// An experiment: what runs belong to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Experiment {
    pub id: i64,
    pub name: String,
    pub created_us: i64,
    /// When it was made, renamed, deleted or restored, whichever was last.
    pub updated_us: i64,
    pub deleted: bool,
    pub tags: Vec<(String, String)>,
}

impl Store {
    /// Makes an experiment. Errors: `Plan` if the name is taken or empty, or a tag is the store's own.
    pub fn create_experiment(&self, name: &str, tags: &[(String, String)]) -> Result<i64> {
        check_tags(tags)?;
        self.database.write(|transaction| {
            if let Some(found) = find(transaction, "experiment = ?1", &name)? {
                return Err(is_there(&found));
            }
            let id = run_rows::experiment_id(transaction, name)?;
            set_tags(transaction, id, tags)?;
            Ok(id)
        })
    }

    /// The number of an experiment, which is made if there is none of this name.
    pub fn experiment_number(&self, name: &str) -> Result<i64> {
        self.database.write(|transaction| run_rows::experiment_id(transaction, name))
    }

    /// Takes in an experiment of another store, with the times that it has there, and gives its number here. Where one of its name is
    /// here, that one gets the tags which it lacks. Errors: `Plan` if the name is empty, or a tag is the store's own.
    pub fn take_in_experiment(&self, other: &Experiment) -> Result<i64> {
        check_tags(&other.tags)?;
        self.database.write(|transaction| {
            if let Some(found) = find(transaction, "experiment = ?1", &other.name)? {
                let known = tags_of(transaction, found.id)?;
                let lacks = |tag: &&(String, String)| known.iter().all(|(name, _)| *name != tag.0);
                let missing: Vec<_> = other.tags.iter().filter(lacks).cloned().collect();
                set_tags(transaction, found.id, &missing)?;
                return Ok(found.id);
            }
            let id = run_rows::experiment_id(transaction, &other.name)?;
            let sql = "UPDATE experiments SET created = ?2, deleted = ?3 WHERE id = ?1";
            transaction.execute(sql, params![id, other.created_us, other.deleted])?;
            set_tags(transaction, id, &other.tags)?;
            touch(transaction, id, other.updated_us)?;
            Ok(id)
        })
    }

    /// All experiments, deleted ones among them, in the order in which they were made.
    pub fn experiments(&self) -> Result<Vec<Experiment>> {
        let read = |transaction: &Transaction| -> Result<Vec<Experiment>> {
            let sql = "SELECT id, experiment, created, deleted FROM experiments ORDER BY id";
            let mut found = transaction.rows(sql, params![], of_row)?;
            for experiment in &mut found {
                let tags = tags_of(transaction, experiment.id)?;
                let updated = tags.iter().find(|(name, _)| name == UPDATED_TAG).and_then(|(_, us)| us.parse().ok());
                experiment.updated_us = updated.unwrap_or(experiment.created_us);
                experiment.tags = tags.into_iter().filter(|(name, _)| name != UPDATED_TAG).collect();
            }
            Ok(found)
        };
        match self.database.read(read)? {
            Some(found) => Ok(found),
            // A store has the default one before anything is logged.
            None => self.database.write(read),
        }
    }

    /// Gives an experiment another name. Errors: `Plan` if there is none, it is deleted, or the name is taken or empty.
    pub fn rename_experiment(&self, id: i64, name: &str) -> Result<()> {
        run_rows::check_experiment(name)?;
        self.database.write(|transaction| {
            let experiment = active(transaction, id)?;
            let other = if name == experiment.name { None } else { find(transaction, "experiment = ?1", &name)? };
            if let Some(other) = other {
                return Err(is_there(&other));
            }
            transaction.execute("UPDATE experiments SET experiment = ?2 WHERE id = ?1", params![id, name])?;
            touch(transaction, id, now_us())
        })
    }

    /// Deletes or restores an experiment, and with it all its runs. Errors: `Plan` if there is none.
    pub fn set_experiment_deleted(&self, id: i64, deleted: bool) -> Result<()> {
        self.database.write(|transaction| {
            known(transaction, id)?;
            transaction.execute("UPDATE experiments SET deleted = ?2 WHERE id = ?1", params![id, deleted])?;
            transaction.execute("UPDATE runs SET deleted = ?2 WHERE experiment_id = ?1", params![id, deleted])?;
            touch(transaction, id, now_us())
        })
    }

    /// Sets tags of an experiment. Errors: `Plan` if there is none, it is deleted, or a tag is the store's own.
    pub fn tag_experiment(&self, id: i64, tags: &[(String, String)]) -> Result<()> {
        check_tags(tags)?;
        self.database.write(|transaction| {
            active(transaction, id)?;
            set_tags(transaction, id, tags)
        })
    }

    /// Forgets a tag of an experiment; false if there was none. Errors: `Plan` if there is no such experiment, or it is deleted.
    pub fn untag_experiment(&self, id: i64, name: &str) -> Result<bool> {
        self.database.write(|transaction| {
            active(transaction, id)?;
            let sql = "DELETE FROM experiment_tags WHERE id = ?1 AND name = ?2 AND name <> ?3";
            Ok(transaction.execute(sql, params![id, name, UPDATED_TAG])? > 0)
        })
    }
}

fn of_row(row: &Row) -> Result<Experiment> {
    let (id, created_us) = (row.get(0)?, row.get(2)?);
    Ok(Experiment { id, name: row.get(1)?, created_us, updated_us: created_us, deleted: row.get(3)?, tags: vec![] })
}

/// The name is taken.
fn is_there(experiment: &Experiment) -> Error {
    let deleted = if experiment.deleted { ", among the deleted ones" } else { "" };
    let error = Error::plan("experiment", format!("`{}` is there already{deleted}", experiment.name));
    if experiment.deleted { error.hint("restore it, or rename it, by MLflow's client") } else { error }
}

fn find(transaction: &Transaction, condition: &str, value: &dyn ToValue) -> Result<Option<Experiment>> {
    let sql = format!("SELECT id, experiment, created, deleted FROM experiments WHERE {condition}");
    transaction.first(&sql, &[value], of_row)
}

/// The experiment of this number. Errors: `Plan` if there is none.
pub(super) fn known(transaction: &Transaction, id: i64) -> Result<Experiment> {
    let found = find(transaction, "id = ?1", &id)?;
    found.ok_or_else(|| Error::plan("experiment", format!("there is no number {id}")))
}

fn active(transaction: &Transaction, id: i64) -> Result<Experiment> {
    let found = known(transaction, id)?;
    match found.deleted {
        true => Err(Error::plan("experiment", format!("`{}` is deleted", found.name)).hint("restore it before")),
        false => Ok(found),
    }
}

fn check_tags(tags: &[(String, String)]) -> Result<()> {
    match tags.iter().any(|(name, _)| name == UPDATED_TAG) {
        true => Err(Error::plan("experiment", format!("tag `{UPDATED_TAG}` is set by the store, not by a client"))),
        false => Ok(()),
    }
}

fn set_tags(transaction: &Transaction, id: i64, tags: &[(String, String)]) -> Result<()> {
    let sql = put("experiment_tags", &["id", "name"], &["value"]);
    tags.iter().try_for_each(|(name, value)| {
        run_rows::check_pair("experiment", "tag", name, value)?;
        transaction.execute(&sql, params![id, name, value]).map(|_| ())
    })
}

fn touch(transaction: &Transaction, id: i64, updated_us: i64) -> Result<()> {
    set_tags(transaction, id, &[(UPDATED_TAG.to_owned(), updated_us.to_string())])
}

fn tags_of(transaction: &Transaction, id: i64) -> Result<Vec<(String, String)>> {
    transaction.pairs("SELECT name, value FROM experiment_tags WHERE id = ?1 ORDER BY name", params![id])
}
