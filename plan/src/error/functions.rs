//! Calls of functions that are unknown or do not fit.

use gradframe_ml_core::Error;

use super::QUERY;

/// "Invalid function 'averge'.\nDid you mean 'avg'?", of which the suggestion looks at one kind of function only and takes
/// the nearest however far: who has the list of all functions makes a better one.
pub(super) fn unknown(message: &str) -> Option<Error> {
    let (name, _) = message.strip_prefix("Invalid function '")?.split_once('\'')?;
    Some(Error::plan(QUERY, format!("unknown function `{name}`")).hint("SHOW FUNCTIONS lists them"))
}

/// "table function 'read_json' not found"
pub(super) fn unknown_table_function(message: &str) -> Option<Error> {
    let rest = message.strip_prefix("table function '").or_else(|| message.strip_prefix("Table function '"))?;
    let name = rest.strip_suffix("' not found")?;
    Some(Error::plan(QUERY, format!("unknown table function `{name}`")))
}

/// "... No function matches the given name and argument types 'f(Utf8)'. ...\n\tCandidate functions:\n\tf(Int64)\n..."
pub(super) fn unfit(message: &str) -> Option<Error> {
    const CALL: &str = "No function matches the given name and argument types '";
    let (_, rest) = message.split_once(CALL)?;
    let (call, rest) = rest.split_once('\'')?;
    let (name, arguments) = call.split_once('(')?;
    let what = match arguments.trim_end_matches(')') {
        "" => format!("`{name}` cannot be called without arguments"),
        types => format!("`{name}` does not take ({types})"),
    };
    let error = Error::plan(QUERY, what);
    let forms = rest.split_once("Candidate functions:").map(|(_, forms)| forms).unwrap_or_default();
    let mut forms: Vec<&str> = forms.lines().map(str::trim).filter(|form| says_something(form)).collect();
    forms.dedup();
    Some(match forms.is_empty() {
        true => error.hint("SHOW FUNCTIONS lists the arguments of each"),
        false => error.hint(format!("it is called as {}", forms.join(", "))),
    })
}

/// `coalesce(UserDefined)` and `nullif(Comparable(2))` name no types.
fn says_something(form: &str) -> bool {
    const OPAQUE: [&str; 5] = ["UserDefined", "Comparable(", "Any", "VariadicAny", "Coercible"];
    !form.is_empty() && !OPAQUE.iter().any(|word| form.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_does_not_fit_names_the_forms_there_are() {
        let said = "Internal error: Function 'sum' failed to match any signature, errors: .... No function matches the given \
                    name and argument types 'sum(Utf8)'. You might need to add explicit type casts.\n\tCandidate functions:\n\
                    \tsum(Decimal)\n\tsum(Float64)";
        assert_eq!(
            unfit(said).unwrap().to_string(),
            "query: `sum` does not take (Utf8); hint: it is called as sum(Decimal), sum(Float64)"
        );
        let opaque = "No function matches the given name and argument types 'coalesce()'. You might \
                      need to add explicit type casts.\n\tCandidate functions:\n\tcoalesce(UserDefined)";
        let error = unfit(opaque).unwrap().to_string();
        assert_eq!(
            error,
            "query: `coalesce` cannot be called without arguments; hint: SHOW FUNCTIONS lists the arguments of each"
        );
        assert!(unfit("something else").is_none());
    }

    #[test]
    fn unknown_functions_are_named() {
        assert!(unknown("Invalid function 'averge'.\nDid you mean 'avg'?").unwrap().to_string().contains("`averge`"));
        assert!(unknown_table_function("table function 'read_json' not found").unwrap().to_string().contains("`read_json`"));
    }
}
