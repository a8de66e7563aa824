//! Unknown and ambiguous names.

use datafusion::common::{Column, SchemaError};
use gradframe_ml_core::Error;

use super::plain::{NAMELESS, plain};
use super::{QUERY, functions};
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
    let mut names: Vec<&str> = Vec::with_capacity(valid.len());
    for column in valid {
        if !names.contains(&column.name.as_str()) {
            names.push(&column.name); // of two tables that both have it, once
        }
    }
    let error = Error::plan(QUERY, format!("unknown column `{}`", field.flat_name()));
    // Unquoted names are folded to lower case: the commonest cause when only case differs.
    match names.iter().find(|n| n.eq_ignore_ascii_case(&field.name) && **n != field.name) {
        Some(other_case) => error.hint(format!("names are lower case unless quoted: write \"{other_case}\"")),
        None if names.is_empty() => error.hint("there are no columns here; text stands in single quotes"),
        None => error.hint(suggest(&field.name, names)),
    }
}

fn duplicate(name: &str) -> Error {
    Error::plan(QUERY, format!("two columns are named `{name}`")).hint("rename one of them with AS")
}

/// DataFusion's planning errors that are only text.
pub(super) fn from_plan_message(message: &str) -> Error {
    let known = [unknown_table, functions::unknown, functions::unknown_table_function, functions::unfit, same_name, not_grouped];
    let message = &message.replace(NAMELESS, "");
    known.iter().find_map(|read| read(message)).unwrap_or_else(|| Error::plan(QUERY, plain(message)))
}

/// What DataFusion cannot plan, in words.
pub(super) fn from_missing(message: &str) -> Error {
    if message.starts_with("Physical plan does not support logical expression") {
        let what = "this correlated subquery cannot be planned";
        return Error::not_implemented(QUERY, what)
            .hint("IN and EXISTS that depend on the row stand in WHERE and correlate by equality; else write a join");
    }
    Error::not_implemented(QUERY, plain(message))
}

// "table 'datafusion.public.flights' not found"
fn unknown_table(message: &str) -> Option<Error> {
    let name = message.strip_prefix("table '")?.strip_suffix("' not found")?;
    let name = name.strip_prefix("datafusion.public.").unwrap_or(name);
    let hint = "SHOW TABLES lists what there is; a file is read with FROM 'path.parquet'";
    Some(Error::plan(QUERY, format!("unknown table `{name}`")).hint(hint))
}

// "Projections require unique expression names but the expression "Int64(1) AS a" at position 0 and ... have the same name. ..."
fn same_name(message: &str) -> Option<Error> {
    let (first, rest) =
        message.strip_prefix("Projections require unique expression names but the expression \"")?.split_once('"')?;
    let positions: Vec<usize> = rest.split("at position ").skip(1).filter_map(leading_number).collect();
    let [one, other] = positions.as_slice() else { return None };
    let name = first.rsplit_once(" AS ").map_or(first, |(_, alias)| alias);
    let what = format!("columns {} and {} of the result have one name, `{name}`", one + 1, other + 1);
    Some(Error::plan(QUERY, what).hint("name one of them otherwise with AS"))
}

fn leading_number(text: &str) -> Option<usize> {
    text.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

// "Column in SELECT must be in GROUP BY or an aggregate function: While expanding wildcard, column "f.a" must appear in ..."
fn not_grouped(message: &str) -> Option<Error> {
    let (_, rest) = message.split_once("column \"").filter(|_| message.contains("must appear in the GROUP BY clause"))?;
    let (name, _) = rest.split_once('"')?;
    let what = format!("column `{name}` is neither in GROUP BY nor inside an aggregate");
    Some(Error::plan(QUERY, what).hint(format!("add it to GROUP BY, or take first_value({name}) or max({name})")))
}
