//! DROP MODEL: refused while a view reads from the model. Statements that are kept with runs of other models are no reason to keep it for
//! good; that they cannot be run again is said.

use std::collections::BTreeSet;

use gradframe_connectors::notices;
use gradframe_connectors::store::EntryKind;
use gradframe_plan::services::ModelRegistry;
use gradframe_sql::names_model;

use crate::frame::DataFrame;
use crate::{Error, Result, Session};

const OP: &str = "drop model";

/// Errors: `Plan` for an unknown model, unless IF EXISTS, and for one from which views read, which are named.
pub(super) fn run(session: &Session, name: &str, if_exists: bool) -> Result<DataFrame> {
    let store = session.public().store();
    if store.exists(name)? {
        check_no_view(session, name)?;
    }
    let (others, removed) = (trained_on(session, name)?, store.remove(name)?);
    if !removed && !if_exists {
        return Err(session.model(name).err().unwrap_or_else(|| Error::plan(OP, format!("unknown model `{name}`"))));
    }
    if removed && !others.is_empty() {
        notices::tell(&format!(
            "model `{name}` is gone, and runs of {} were trained by queries that read from it: they cannot be replayed without it",
            listed(&others)
        ));
    }
    session.nothing()
}

fn check_no_view(session: &Session, model: &str) -> Result<()> {
    let entries = session.public().store().entries()?;
    let views: BTreeSet<String> = entries
        .into_iter()
        .filter(|entry| entry.kind == EntryKind::View && names_model(&entry.sql, model))
        .map(|entry| entry.name)
        .collect();
    let Some(first) = views.first() else { return Ok(()) };
    let what = format!("model `{model}` is read by {}", listed(&views));
    Err(Error::plan(OP, what)
        .hint(format!("CREATE OR REPLACE MODEL {model} keeps what reads it; without it, DROP VIEW {first} comes before")))
}

/// Other models with runs whose query reads from this one.
fn trained_on(session: &Session, model: &str) -> Result<BTreeSet<String>> {
    let queries = session.public().store().queries_of_models()?;
    let reads = |(other, query): &(String, String)| other != model && names_model(query, model);
    Ok(queries.into_iter().filter(reads).map(|(other, _)| other).collect())
}

fn listed(names: &BTreeSet<String>) -> String {
    names.iter().map(|name| format!("`{name}`")).reduce(|all, next| format!("{all}, {next}")).unwrap_or_default()
}
