//! Tables that don't exist, with the nearest name that does.

use gradframe_plan::names::nearest;

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
    let name = detail.what.strip_prefix("unknown table `")?.strip_suffix('`')?;
    Some(name.strip_prefix(&format!("{CATALOG}.{PUBLIC}.")).unwrap_or(name).to_owned())
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
