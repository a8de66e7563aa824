//! Rows of a run: itself, its experiment, parameters, tags, environment.

use std::collections::BTreeMap;

use gradframe_ml_core::{Error, Result};
use gradframe_plan::services::{CodeState, Environment, NewRun};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use super::now_us;
use super::sql::{Transaction, params, put};

const OP: &str = "run";
/// The experiment of runs that name none.
const DEFAULT_EXPERIMENT: i64 = 0;

/// Adds a run that is running, with all that is known of it.
pub(super) fn insert_run(transaction: &Transaction, id: &str, run: &NewRun, owner: &str) -> Result<()> {
    check_text(OP, "the name of the run", &run.title)?;
    let experiment = run.experiment.as_deref().map_or(Ok(DEFAULT_EXPERIMENT), |name| experiment_id(transaction, name))?;
    let diff = run.code.diff.as_deref().map(|diff| keep_text(transaction, diff)).transpose()?;
    let environment = keep_environment(transaction, &run.environment)?;
    let sql = "INSERT INTO runs (run, title, status, started, model, seed, reproducible, process, statement, experiment_id,
                                 \"commit\", diff_hash, environment)
               VALUES (?1, ?2, 'running', ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    let seed = run.seed.map(|seed| seed as i64);
    let values = params![
        id,
        run.title,
        now_us(),
        run.model,
        seed,
        run.reproducible,
        owner,
        run.statement,
        experiment,
        run.code.commit,
        diff,
        environment,
    ];
    transaction.execute(sql, values)?;
    add_params(transaction, id, &pairs(&run.params))?;
    set_tags(transaction, id, &pairs(&run.tags))
}

/// The code that a run says it comes from; None of an unknown run.
pub(super) fn code_state(transaction: &Transaction, run: &str) -> Result<Option<CodeState>> {
    let sql = "SELECT \"commit\", (SELECT body FROM texts WHERE hash = diff_hash) FROM runs WHERE run = ?1";
    transaction.first(sql, params![run], |row| Ok(CodeState { commit: row.get(0)?, diff: row.get(1)? }))
}

fn pairs(map: &BTreeMap<String, String>) -> Vec<(String, String)> {
    map.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Errors: `Plan` for a NUL, which PostgreSQL keeps in no text, whatever store this is: runs move from one to another.
pub(super) fn check_text(op: &'static str, what: &str, text: &str) -> Result<()> {
    if text.contains('\0') {
        return Err(Error::plan(op, format!("{what} holds a NUL character: `{}`", text.escape_debug())));
    }
    Ok(())
}

/// The same of a parameter or a tag.
pub(super) fn check_pair(op: &'static str, what: &str, name: &str, value: &str) -> Result<()> {
    check_text(op, &format!("the name of a {what}"), name)?;
    check_text(op, &format!("the {what} `{name}`"), value)
}

/// Errors: `Plan` if the name is empty, or holds a NUL.
pub(super) fn check_experiment(name: &str) -> Result<()> {
    check_text("experiment", "the name of the experiment", name)?;
    if name.is_empty() { Err(Error::plan(OP, "the name of the experiment is empty")) } else { Ok(()) }
}

/// The number of an experiment, which is made if there is none of this name. Errors: `Plan` if the name is empty.
pub(super) fn experiment_id(transaction: &Transaction, name: &str) -> Result<i64> {
    check_experiment(name)?;
    let insert = "INSERT INTO experiments (experiment, created) VALUES (?1, ?2) ON CONFLICT (experiment) DO NOTHING";
    transaction.execute(insert, params![name, now_us()])?;
    let id = "SELECT id FROM experiments WHERE experiment = ?1";
    transaction.value(id, params![name])
}

/// Adds parameters. Errors: `Plan` for one that has another value, naming both.
pub(super) fn add_params(transaction: &Transaction, run: &str, params: &[(String, String)]) -> Result<()> {
    let sql = "INSERT INTO params (run, name, value) VALUES (?1, ?2, ?3) ON CONFLICT (run, name) DO NOTHING";
    for (name, value) in params {
        check_pair(OP, "parameter", name, value)?;
        if transaction.execute(sql, params![run, name, value])? > 0 {
            continue;
        }
        let stored = "SELECT value FROM params WHERE run = ?1 AND name = ?2";
        let stored: Option<String> = transaction.first(stored, params![run, name], |row| row.get(0))?;
        if stored.as_ref() != Some(value) {
            return Err(other_value(name, &stored.unwrap_or_default(), value));
        }
    }
    Ok(())
}

/// A parameter has another value.
pub(super) fn other_value(name: &str, is: &str, got: &str) -> Error {
    let what = format!("parameter `{name}` is `{is}` already, got `{got}`");
    Error::plan(OP, what).hint("parameters do not change; tags and metrics do")
}

/// Sets tags, those that are there among them.
pub(super) fn set_tags(transaction: &Transaction, run: &str, tags: &[(String, String)]) -> Result<()> {
    let sql = put("tags", &["run", "name"], &["value"]);
    tags.iter().try_for_each(|(name, value)| {
        check_pair(OP, "tag", name, value)?;
        transaction.execute(&sql, params![run, name, value]).map(|_| ())
    })
}

/// Keeps a text once, however many runs have it, and gives its hash.
fn keep_text(transaction: &Transaction, text: &str) -> Result<String> {
    let hash = format!("{:032x}", xxh3_128(text.as_bytes()));
    let sql = "INSERT INTO texts (hash, body) VALUES (?1, ?2) ON CONFLICT (hash) DO NOTHING";
    transaction.execute(sql, params![hash, text])?;
    Ok(hash)
}

/// Keeps an environment once, and gives its name; None of an empty one.
fn keep_environment(transaction: &Transaction, environment: &Environment) -> Result<Option<String>> {
    if environment.is_empty() {
        return Ok(None);
    }
    let name = name_of(environment);
    let known = "SELECT EXISTS (SELECT 1 FROM environments WHERE environment = ?1)";
    if transaction.value::<bool>(known, params![name])? {
        return Ok(Some(name));
    }
    let sql = "INSERT INTO environments (environment, kind, name, value) VALUES (?1, ?2, ?3, ?4)";
    for ((kind, of), value) in environment {
        transaction.execute(sql, params![name, kind, of, value])?;
    }
    Ok(Some(name))
}

/// Equal environments have one name, other ones another. Zeros keep neighbouring texts apart.
fn name_of(environment: &Environment) -> String {
    let mut hash = Xxh3::new();
    for ((kind, name), value) in environment {
        [kind, name, value].iter().for_each(|text| {
            hash.update(text.as_bytes());
            hash.update(&[0]);
        });
    }
    format!("{:016x}", hash.digest())
}
