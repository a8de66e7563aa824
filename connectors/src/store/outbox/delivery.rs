//! How the store is told what has waited for it: all of a file in one transaction that also writes down the file's name, so that what is
//! sent again is known to be there.

use std::collections::HashSet;

use gradframe_ml_core::{Error, Result};

use super::super::points::fold;
use super::super::points::segments::gone;
use super::super::run_place::RunPlace;
use super::super::sql::{Transaction, params};
use super::Change;
use super::waiting::is_later;
use crate::notices;

/// Tells the store all of a run's file; false if it has that already. Errors: `External` if it is away; those of what it does not take of a
/// run that it does not know.
pub(super) fn deliver(place: &RunPlace, name: &str, run: &str, changes: &[Change]) -> Result<bool> {
    if is_sent(place, name)? {
        return Ok(false);
    }
    let lost = send_contents(place, run, changes)?;
    let there: Vec<&Change> =
        changes.iter().filter(|change| change.artifact().is_none_or(|artifact| !lost.contains(&artifact.hash))).collect();
    let refused = place.database.write_now(|transaction| {
        if fold::is_folded(transaction, name)? {
            return Ok(None);
        }
        let refused = match is_later(name) {
            true => tell_what_is_taken(transaction, run, &there)?,
            false => there.iter().try_for_each(|change| change.apply(transaction, run)).map(|()| vec![])?,
        };
        transaction.execute("INSERT INTO folded_segments (segment) VALUES (?1)", params![name])?;
        Ok(Some(refused))
    })?;
    refused.iter().flatten().for_each(|why| notices::tell(&format!("of what run {run} said while its store was away, {why}")));
    Ok(refused.is_some())
}

/// Asked without waiting for a store that is away.
pub(super) fn is_sent(place: &RunPlace, name: &str) -> Result<bool> {
    place.database.write_now(|transaction| fold::is_folded(transaction, name))
}

/// Sends the contents of artifacts. Gives the hashes of those that have been deleted meanwhile.
pub(super) fn send_contents(place: &RunPlace, run: &str, changes: &[Change]) -> Result<HashSet<String>> {
    let mut lost = HashSet::new();
    for artifact in changes.iter().filter_map(Change::artifact) {
        if !place.objects.send_again(&artifact.hash, artifact.bytes)? {
            notices::tell(&format!("artifact `{}` of run {run} is lost: its content has been deleted here", artifact.path));
            lost.insert(artifact.hash.clone());
        }
    }
    Ok(lost)
}

/// Whoever said it has been told that it is kept: what another client of the store has made impossible meanwhile (another value of a
/// parameter, the run deleted) is given back in words, and is not in the way of the rest.
fn tell_what_is_taken(transaction: &Transaction<'_>, run: &str, changes: &[&Change]) -> Result<Vec<String>> {
    if !transaction.value::<bool>("SELECT EXISTS (SELECT 1 FROM runs WHERE run = ?1)", params![run])? {
        return Ok(vec![format!("nothing is kept: {}", gone(run).detail().what)]);
    }
    let mut refused = vec![];
    for change in changes {
        match change.apply_if_free(transaction, run) {
            Err(Error::Plan(why)) => refused.push(format!("this is lost: {}", why.what)),
            told => told?,
        }
    }
    Ok(refused)
}
