//! Aliases: names for one version of a model, such as `champion`, which may be moved and moved back; and tags of versions.

use gradframe_ml_core::{Error, Result};
use gradframe_plan::names::suggest;

use super::sql::{Transaction, params, put};
use super::{Store, now_us, registered_rows};

const OP: &str = "alias";
/// Means the newest version, as a version's name.
const NEWEST: &str = "latest";

impl Store {
    /// Lets an alias name a version of a model, and no other any more. Errors: `Plan` for an unknown model or version, and
    /// for a name that is no alias: `latest`, a number, one with `@` or `/`.
    pub fn set_alias(&self, model: &str, alias: &str, version: u64) -> Result<()> {
        check_alias(alias)?;
        self.database.write(|transaction| {
            check_version(transaction, model, version)?;
            set(transaction, model, alias, version)
        })
    }

    /// Lets `to` name the version that `from` (an alias, a number, or `latest`) means just now; gives that version.
    /// Errors: `Plan` if there is none, and for a name that is no alias.
    pub fn promote(&self, model: &str, from: &str, to: &str) -> Result<u64> {
        check_alias(to)?;
        self.database.write(|transaction| {
            let Some(version) = which_version(transaction, model, from)? else {
                return Err(unknown_alias(transaction, model, from)?);
            };
            check_version(transaction, model, version)?;
            set(transaction, model, to, version)?;
            Ok(version)
        })
    }

    /// Forgets an alias; false if there was none.
    pub fn remove_alias(&self, model: &str, alias: &str) -> Result<bool> {
        self.database.write(|transaction| {
            let Some(before) = version_of(transaction, model, alias)? else { return Ok(false) };
            log(transaction, model, alias, None, Some(before))?;
            unpoint(transaction, model, alias)?;
            Ok(true)
        })
    }

    /// Takes the alias back to the version that it named before, which it gives; called again, to the one before that.
    /// Errors: `Plan` if there is no such alias, or it has named no other version that is still there.
    pub fn roll_back(&self, model: &str, alias: &str) -> Result<u64> {
        self.database.write(|transaction| {
            let Some((id, before)) = version_before(transaction, model, alias)? else {
                return Err(Error::plan(OP, format!("`{model}@{alias}` has named no version before that is there")));
            };
            let undo = "UPDATE alias_log SET undone = 1 WHERE model = ?1 AND alias = ?2 AND undone = 0 AND id >= ?3";
            transaction.execute(undo, params![model, alias, id])?;
            point(transaction, model, alias, before)?;
            Ok(before)
        })
    }

    /// Sets tags of a version, in place of those of the same names. Errors: `Plan` for an unknown model or version.
    pub fn set_model_tags(&self, model: &str, version: u64, tags: &[(String, String)]) -> Result<()> {
        self.database.write(|transaction| {
            check_version(transaction, model, version)?;
            registered_rows::set_tags(transaction, model, version, tags)
        })
    }

    /// All aliases as `model@alias`, sorted.
    pub fn alias_names(&self) -> Result<Vec<String>> {
        let sql = "SELECT model || '@' || alias FROM aliases ORDER BY 1";
        let names = self.database.read(|transaction| transaction.rows(sql, params![], |row| row.get(0)))?;
        Ok(names.unwrap_or_default())
    }
}

/// The version that a text behind `@` means: a number, `latest`, or an alias.
pub(super) fn which_version(transaction: &Transaction, model: &str, which: &str) -> Result<Option<u64>> {
    match which.parse() {
        Ok(version) => Ok(Some(version)),
        Err(_) if which == NEWEST => newest(transaction, model),
        Err(_) => version_of(transaction, model, which),
    }
}

/// When a model goes, so does what is said about it.
pub(super) fn forget_what_is_said(transaction: &Transaction, model: &str) -> Result<()> {
    for table in ["aliases", "alias_log", "model_tags"] {
        transaction.execute(&format!("DELETE FROM {table} WHERE model = ?1"), params![model])?;
    }
    let unname = "UPDATE model_names SET created = NULL, updated = NULL, description = '' WHERE name = ?1";
    transaction.execute(unname, params![model]).map(|_| ())
}

/// The versions to which aliases would be taken back, each with its model.
pub(super) fn roll_back_targets(transaction: &Transaction) -> Result<Vec<(String, u64)>> {
    let sql = "SELECT DISTINCT model, alias FROM alias_log ORDER BY model, alias";
    let aliases = transaction.rows(sql, params![], |row| Ok((row.get::<String>(0)?, row.get::<String>(1)?)))?;
    let target = |(model, alias): (String, String)| {
        let before = version_before(transaction, &model, &alias).transpose()?;
        Some(before.map(|(_, version)| (model, version)))
    };
    aliases.into_iter().filter_map(target).collect()
}

/// The last other version that an alias has named and that is still there, with the entry of the log that ended that.
fn version_before(transaction: &Transaction, model: &str, alias: &str) -> Result<Option<(i64, u64)>> {
    let sql = "SELECT l.id, l.before FROM alias_log AS l JOIN models AS m ON m.model = l.model AND m.version = l.before
               WHERE l.model = ?1 AND l.alias = ?2 AND l.undone = 0 ORDER BY l.id DESC";
    let now = version_of(transaction, model, alias)?;
    let entries = transaction.rows(sql, params![model, alias], |row| Ok((row.get(0)?, row.get::<i64>(1)? as u64)))?;
    Ok(entries.into_iter().find(|(_, before)| Some(*before) != now))
}

fn newest(transaction: &Transaction, model: &str) -> Result<Option<u64>> {
    let sql = "SELECT max(version) FROM models WHERE model = ?1";
    let newest: Option<i64> = transaction.value(sql, params![model])?;
    Ok(newest.map(|version| version as u64))
}

fn version_of(transaction: &Transaction, model: &str, alias: &str) -> Result<Option<u64>> {
    let sql = "SELECT version FROM aliases WHERE model = ?1 AND alias = ?2";
    let version: Option<i64> = transaction.first(sql, params![model, alias], |row| row.get(0))?;
    Ok(version.map(|version| version as u64))
}

fn point(transaction: &Transaction, model: &str, alias: &str, version: u64) -> Result<()> {
    let sql = put("aliases", &["model", "alias"], &["version", "set_at"]);
    transaction.execute(&sql, params![model, alias, version as i64, now_us()]).map(|_| ())
}

fn unpoint(transaction: &Transaction, model: &str, alias: &str) -> Result<()> {
    let sql = "DELETE FROM aliases WHERE model = ?1 AND alias = ?2";
    transaction.execute(sql, params![model, alias]).map(|_| ())
}

fn log(transaction: &Transaction, model: &str, alias: &str, version: Option<u64>, before: Option<u64>) -> Result<()> {
    let sql = "INSERT INTO alias_log (model, alias, version, before, time) VALUES (?1, ?2, ?3, ?4, ?5)";
    let number = |version: Option<u64>| version.map(|version| version as i64);
    let values = params![model, alias, number(version), number(before), now_us()];
    transaction.execute(sql, values).map(|_| ())
}

/// As [`Store::set_alias`], of a version that there is and a name that [`is_alias`].
pub(super) fn set(transaction: &Transaction, model: &str, alias: &str, version: u64) -> Result<()> {
    let before = version_of(transaction, model, alias)?;
    if before != Some(version) {
        log(transaction, model, alias, Some(version), before)?;
        point(transaction, model, alias, version)?;
    }
    Ok(())
}

/// False of `latest` in any case of letters, a number, and what has `@`, `/`, `:` or spaces in it: they mean something else behind a model's name.
pub fn is_alias(alias: &str) -> bool {
    let wrong =
        alias.is_empty() || alias.eq_ignore_ascii_case(NEWEST) || alias.contains(['@', '/', ':']) || alias.parse::<u64>().is_ok();
    !wrong && !alias.chars().any(|c| c.is_whitespace() || c.is_control())
}

fn check_alias(alias: &str) -> Result<()> {
    if !is_alias(alias) {
        let what = format!("`{}` is no name for an alias", alias.escape_debug());
        return Err(Error::plan(OP, what).hint("a word such as champion; not `latest`, a number, or one with spaces, @ / :"));
    }
    Ok(())
}

/// Errors: `Plan` if the model has no such version.
fn check_version(transaction: &Transaction, model: &str, version: u64) -> Result<()> {
    let sql = "SELECT EXISTS (SELECT 1 FROM models WHERE model = ?1 AND version = ?2)";
    if transaction.value(sql, params![model, version as i64])? {
        return Ok(());
    }
    match newest(transaction, model)? {
        Some(newest) => Err(Error::plan(OP, format!("model `{model}` has no version {version}, the newest is {newest}"))),
        None => Err(unknown_model(transaction, model)?),
    }
}

fn unknown_model(transaction: &Transaction, model: &str) -> Result<Error> {
    let names = transaction.rows("SELECT DISTINCT model FROM models", params![], |row| row.get::<String>(0))?;
    Ok(Error::plan(OP, format!("unknown model `{model}`")).hint(suggest(model, names.iter().map(String::as_str))))
}

fn unknown_alias(transaction: &Transaction, model: &str, alias: &str) -> Result<Error> {
    if newest(transaction, model)?.is_none() {
        return unknown_model(transaction, model);
    }
    let sql = "SELECT alias FROM aliases WHERE model = ?1 ORDER BY alias";
    let names = transaction.rows(sql, params![model], |row| row.get::<String>(0))?;
    let hint = match names.as_slice() {
        [] => "it has no aliases; `latest` is its newest version".to_owned(),
        names => suggest(alias, names.iter().map(String::as_str)),
    };
    Ok(Error::plan(OP, format!("model `{model}` has no alias `{alias}`")).hint(hint))
}
