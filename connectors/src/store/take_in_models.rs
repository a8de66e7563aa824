//! Logged models and names of a registry that an import takes in: each whole, in one transaction.

use std::borrow::Cow;

use gradframe_ml_core::Result;

use super::artifacts::rows::Files;
use super::logged_models::LoggedModel;
use super::logged_rows as logged_models;
use super::registered::NewVersion;
use super::registered_rows as registered;
use super::sql::{Row, Transaction, params};
use super::take_in::Gathered;
use super::{Store, aliases, random_name};

/// A name of a registry elsewhere.
#[derive(Debug)]
pub struct TakenModel<'a> {
    pub name: &'a str,
    pub description: &'a str,
    pub tags: &'a [(String, String)],
    /// When it was made and changed last, in microseconds.
    pub times_us: (i64, i64),
    pub versions: Vec<TakenVersion<'a>>,
    /// Aliases, each with the number that the version has there.
    pub aliases: &'a [(String, i64)],
}

/// A version of it.
#[derive(Debug)]
pub struct TakenVersion<'a> {
    /// Its number there; here it gets the next one if that is another's.
    pub number: i64,
    pub model_type: &'a str,
    pub source: String,
    pub run: &'a str,
    pub run_link: Option<&'a str>,
    pub logged_model: Option<&'a str>,
    pub description: &'a str,
    pub tags: Cow<'a, [(String, String)]>,
    pub stage: &'a str,
    pub times_us: (i64, i64),
}

impl Store {
    /// Takes in a logged model with its values, points and files, and as what its run has made; gives its name here, or None if there is one by
    /// now of which the tag `from` has this value.
    pub fn take_in_logged_model(
        &self,
        model: &LoggedModel,
        from: (&str, &str),
        deleted: bool,
        gathered: &Gathered,
    ) -> Result<Option<String>> {
        let id = format!("m-{}{}", random_name(), random_name());
        self.database.write(|transaction| {
            if logged_models::tagged(transaction, from)?.is_some() {
                return Ok(None);
            }
            logged_models::insert(transaction, &id, model)?;
            logged_models::set_tags(transaction, &id, &[(from.0.to_owned(), from.1.to_owned())])?;
            logged_models::insert_metrics(transaction, &id, &model.metrics)?;
            gathered.publish(transaction, |path, content| {
                Files::LoggedModels.check_free(transaction, &id, path)?;
                logged_models::insert_file(transaction, &id, path, content)
            })?;
            if !model.run.is_empty() {
                logged_models::link(transaction, &model.run, &[(id.clone(), 0)], false)?;
            }
            let sql = "UPDATE logged_models SET created = ?2, updated = ?3, deleted = ?4 WHERE logged_model = ?1";
            transaction.execute(sql, params![id, model.created_us, model.updated_us, deleted])?;
            Ok(Some(id.clone()))
        })
    }

    /// Takes in what is not here yet of a name, with its versions: those count as here of which the tag `from` says their name and number there.
    /// Gives the versions that have another number here: that there and that here.
    pub fn take_in_registered_model(&self, model: &TakenModel<'_>, from: &str) -> Result<Vec<(i64, u64)>> {
        self.database.write(|transaction| {
            let is_new = !registered::is_registered(transaction, model.name)?;
            if is_new {
                registered::register(transaction, model.name, model.description, model.tags)?;
            }
            let mut numbers = Vec::new();
            for version in &model.versions {
                numbers.push((version.number, take_in_version(transaction, model.name, version, from)?));
            }
            for (alias, theirs) in model.aliases {
                if let Some((_, number)) = numbers.iter().find(|(number, _)| number == theirs) {
                    aliases::set(transaction, model.name, alias, *number)?;
                }
            }
            let sql = "UPDATE model_names SET created = ?2, updated = ?3 WHERE name = ?1";
            let (created_us, updated_us) = model.times_us;
            if is_new {
                transaction.execute(sql, params![model.name, created_us, updated_us])?;
            }
            numbers.retain(|(theirs, ours)| u64::try_from(*theirs) != Ok(*ours));
            Ok(numbers)
        })
    }
}

/// Gives its number here.
fn take_in_version(transaction: &Transaction, model: &str, version: &TakenVersion<'_>, from: &str) -> Result<u64> {
    let named = format!("{model}/{}", version.number);
    let known = "SELECT t.version FROM model_tags AS t JOIN models AS m ON m.model = t.model AND m.version = t.version
                 WHERE t.model = ?1 AND t.name = ?2 AND t.value = ?3 ORDER BY t.version LIMIT 1";
    let known = transaction.first(known, params![model, from, named], |row: &Row| row.get::<i64>(0))?;
    if let Some(known) = known {
        return Ok(known as u64);
    }
    let TakenVersion { model_type, source, run, run_link, logged_model, description, tags, stage, times_us, .. } = version;
    let new = NewVersion { model, model_type, source, run, run_link: *run_link, logged_model: *logged_model, description, tags };
    let made = registered::insert_numbered(transaction, &new, version.number)?;
    registered::set_tags(transaction, model, made, &[(from.to_owned(), named)])?;
    let sql = "UPDATE models SET stage = ?3, created = ?4, updated = ?5 WHERE model = ?1 AND version = ?2";
    transaction.execute(sql, params![model, made as i64, stage, times_us.0, times_us.1])?;
    Ok(made)
}
