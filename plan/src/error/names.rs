//! Unknown and ambiguous names.

use datafusion::common::{Column, SchemaError};
use gradframe_ml_core::Error;

use super::{QUERY, lower_first};
use crate::names::suggest;

pub(super) fn from_schema(error: &SchemaError) -> Error {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => unknown_column(field, valid_fields),
        SchemaError::AmbiguousReference { field } => {
            Error::plan(QUERY, format!("column `{}` is ambiguous", field.name)).hint(format!("say whose: `table.{}`", field.name))
        }
        SchemaError::DuplicateQualifiedField { qualifier, name } => duplicate(&format!("{qualifier}.{name}")),
        SchemaError::DuplicateUnqualifiedField { name } => duplicate(name),
    }
}

fn unknown_column(field: &Column, valid: &[Column]) -> Error {
    let names = || valid.iter().map(|c| c.name.as_str());
    let error = Error::plan(QUERY, format!("unknown column `{}`", field.flat_name()));
    // Unquoted names are folded to lower case: the commonest cause when only case differs.
    match names().find(|n| n.eq_ignore_ascii_case(&field.name) && *n != field.name) {
        Some(other_case) => error.hint(format!("names are lower case unless quoted: write \"{other_case}\"")),
        None => error.hint(suggest(&field.name, names())),
    }
}

fn duplicate(name: &str) -> Error {
    Error::plan(QUERY, format!("two columns are named `{name}`")).hint("rename one of them with AS")
}

/// DataFusion's planning errors that are only text.
pub(super) fn from_plan_message(message: &str) -> Error {
    unknown_table(message).or_else(|| unknown_function(message)).unwrap_or_else(|| Error::plan(QUERY, lower_first(message)))
}

// "table 'datafusion.public.flights' not found"
fn unknown_table(message: &str) -> Option<Error> {
    let name = message.strip_prefix("table '")?.strip_suffix("' not found")?;
    let name = name.strip_prefix("datafusion.public.").unwrap_or(name);
    let hint = "SHOW TABLES lists what there is; a file is read with FROM 'path.parquet'";
    Some(Error::plan(QUERY, format!("unknown table `{name}`")).hint(hint))
}

// "Invalid function 'averge'.\nDid you mean 'average'?"
fn unknown_function(message: &str) -> Option<Error> {
    let rest = message.strip_prefix("Invalid function '")?;
    let (name, rest) = rest.split_once('\'')?;
    let error = Error::plan(QUERY, format!("unknown function `{name}`"));
    match rest.split('\'').nth(1) {
        Some(near) => Some(error.hint(format!("did you mean `{near}`?"))),
        None => Some(error),
    }
}
