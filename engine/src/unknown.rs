//! Tables and functions that don't exist, with the nearest name that does.

use datafusion::execution::{FunctionRegistry, SessionState};
use gradframe_plan::names::nearest;
use gradframe_plan::services::Services;

use crate::catalog::{CATALOG, PUBLIC};
use crate::{Error, Result};

/// The error with the nearest known name as its hint, where it says that a table is unknown; otherwise as it is. `known` gives the
/// names of a schema, or without one those that are written alone.
pub(crate) fn suggest_table(error: Error, known: impl FnOnce(Option<&str>) -> Result<Vec<String>>) -> Error {
    let Some(name) = unknown_table(&error) else { return error };
    let (schema, table) = name.split_once('.').map_or((None, name.as_str()), |(schema, table)| (Some(schema), table));
    let known = known(schema).unwrap_or_default();
    let whole = |table: &str| schema.map_or_else(|| table.to_owned(), |schema| format!("{schema}.{table}"));
    let hint = match nearest(table, known.iter().map(String::as_str)) {
        Some(near) => Some(format!("did you mean `{}`?", whole(near))),
        None if schema.is_some() && !known.is_empty() => {
            Some(format!("there are {}", known.iter().map(|table| whole(table)).collect::<Vec<_>>().join(", ")))
        }
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
    let name = name.strip_prefix(&format!("{CATALOG}.")).unwrap_or(name);
    Some(name.strip_prefix(&format!("{PUBLIC}.")).unwrap_or(name).to_owned())
}

/// The tables of a schema.
pub(crate) fn tables_of(state: &SessionState, schema: &str) -> Vec<String> {
    let schema_of = |name: &str| state.catalog_list().catalog(CATALOG)?.schema(name);
    sorted(schema_of(schema).map(|tables| tables.table_names()).unwrap_or_default())
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
        let better = suggest_table(error, |_| Ok(vec!["trips".to_owned()]));
        assert_eq!(better.to_string(), "query: unknown table `tripz`; hint: did you mean `trips`?");
    }

    #[test]
    fn tables_of_a_schema_are_named() {
        let tables = |_: Option<&str>| Ok(vec!["metrics".to_owned(), "runs".to_owned()]);
        let error = |name: &str| suggest_table(Error::plan("query", format!("unknown table `main.{name}`")), tables).to_string();
        assert_eq!(
            error("gradframe.metricz"),
            "query: unknown table `gradframe.metricz`; hint: did you mean `gradframe.metrics`?"
        );
        assert_eq!(
            error("gradframe.nope"),
            "query: unknown table `gradframe.nope`; hint: there are gradframe.metrics, gradframe.runs"
        );
    }

    #[test]
    fn other_errors_stay_as_they_are() {
        let error = Error::plan("query", "unknown column `x`").hint("h");
        assert_eq!(suggest_table(error, |_| Ok(vec![])).to_string(), "query: unknown column `x`; hint: h");
    }
}
