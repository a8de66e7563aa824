//! Tables and functions that don't exist, with the nearest name that does.

use datafusion::execution::{FunctionRegistry, SessionState};
use gradframe_plan::names::nearest;
use gradframe_plan::services::Services;

use crate::catalog::{CATALOG, PUBLIC};
use crate::{Error, Result};

/// The error with the nearest known name as its hint, where it says that a table is unknown; otherwise as it is.
pub(crate) fn suggest_table(error: Error, known: impl FnOnce() -> Result<Vec<String>>) -> Error {
    let Some(name) = unknown_table(&error) else { return error };
    let known = known().unwrap_or_default();
    let hint = match nearest(&name, known.iter().map(String::as_str)) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None => error.detail().hint.clone(),
    };
    let mut better = Error::plan(error.detail().op.clone(), format!("unknown table `{name}`"));
    if let Some(hint) = hint {
        better = better.hint(hint);
    }
    match error.detail().place {
        Some(place) => better.at(place.line, place.column),
        None => better,
    }
}

/// The name in "unknown table `main.public.trips`", as a user of schema `public` writes it.
fn unknown_table(error: &Error) -> Option<String> {
    let Error::Plan(detail) = error else { return None };
    let name = detail.what.strip_prefix("unknown table `")?.strip_suffix('`').filter(|name| !name.contains('`'))?;
    Some(name.strip_prefix(&format!("{CATALOG}.{PUBLIC}.")).unwrap_or(name).to_owned())
}

/// The error with the nearest function of any kind as its hint, where it says that a function is unknown.
pub(crate) fn suggest_function(error: Error, state: &SessionState) -> Error {
    let Some((name, is_table)) = unknown_function(&error) else { return error };
    let known = if is_table { table_functions(state) } else { functions(state) };
    match nearest(&name, known.iter().map(String::as_str)) {
        Some(near) if near == name => error.hint(format!("it is a window function: write {name}(...) OVER (...)")),
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None if is_table => error.hint(format!("there are {}", known.join(", "))),
        None => error,
    }
}

/// The name in "unknown [table] function `coutn`", and whether it is a table's.
fn unknown_function(error: &Error) -> Option<(String, bool)> {
    let Error::Plan(detail) = error else { return None };
    let rest = detail.what.strip_prefix("unknown ")?;
    let (rest, is_table) = rest.strip_prefix("table ").map_or((rest, false), |rest| (rest, true));
    let name = rest.strip_prefix("function `")?.strip_suffix('`').filter(|name| !name.contains('`'))?;
    Some((name.to_lowercase(), is_table))
}

fn functions(state: &SessionState) -> Vec<String> {
    let names = state.udfs().into_iter().chain(state.udafs()).chain(state.udwfs());
    sorted(names.collect())
}

fn table_functions(state: &SessionState) -> Vec<String> {
    let mut names: Vec<String> = state.table_functions().keys().cloned().collect();
    if let Ok(services) = Services::of(state.config()) {
        names.extend(services.sources.functions().iter().map(|name| (*name).to_owned()));
    }
    sorted(names)
}

/// Sorted, so that of two names equally near the same one is suggested every time.
fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_table_is_suggested() {
        let error = Error::plan("query", "unknown table `main.public.tripz`").hint("SHOW TABLES");
        let better = suggest_table(error, || Ok(vec!["trips".to_owned()]));
        assert_eq!(better.to_string(), "query: unknown table `tripz`; hint: did you mean `trips`?");
    }

    #[test]
    fn other_errors_stay_as_they_are() {
        let error = Error::plan("query", "unknown column `x`").hint("h");
        assert_eq!(suggest_table(error, || Ok(vec![])).to_string(), "query: unknown column `x`; hint: h");
    }
}
