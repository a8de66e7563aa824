//! Our errors inside DataFusion's, and DataFusion's as ours.
//!
//! An error crosses operators as `DataFusionError::External`; what reaches the user is always a
//! [`gradframe_ml_core::Error`] that says by whose fault it is. One file a family of messages.

mod cause;
mod files;
mod functions;
mod names;
mod plain;
mod syntax;

use std::error::Error as StdError;

use datafusion::common::Diagnostic;
use datafusion::error::DataFusionError;
use gradframe_ml_core::Error;
use gradframe_ml_core::error::Detail;

pub use cause::SharedCause;
use plain::plain;

/// The operator named in errors that no operator of ours has raised.
const QUERY: &str = "query";

/// Carries our error through DataFusion.
pub fn to_datafusion(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// The error as the user should see it. Ours come out as they went in, however deep they are wrapped;
/// DataFusion's get their fault by variant, a hint where one is known, and the place in the SQL text where one is kept.
pub fn from_datafusion(error: DataFusionError) -> Error {
    let error = match into_ours(error) {
        Ok(ours) => return ours,
        Err(error) => error,
    };
    let ours = translate(&error);
    if ours.detail().source.is_some() { ours } else { ours.because(error) }
}

/// Our error where it is the error itself, still holding its source.
fn into_ours(error: DataFusionError) -> Result<Error, DataFusionError> {
    match error {
        DataFusionError::External(inner) => inner.downcast::<Error>().map(|e| *e).map_err(DataFusionError::External),
        other => Err(other),
    }
}

fn translate(error: &DataFusionError) -> Error {
    match error {
        DataFusionError::External(inner) => from_external(inner.as_ref()),
        DataFusionError::Shared(inner) => translate(inner),
        DataFusionError::Context(context, inner) => with_context(context, inner),
        DataFusionError::Diagnostic(diagnostic, inner) => with_place(translate(inner), diagnostic),
        DataFusionError::Collection(errors) => errors.first().map_or_else(|| Error::internal(QUERY, "no error given"), translate),
        DataFusionError::SchemaError(inner, _) => names::from_schema(inner),
        DataFusionError::SQL(inner, _) => syntax::from_parser(inner),
        DataFusionError::Plan(message) => names::from_plan_message(message),
        DataFusionError::Configuration(message) => Error::plan("set", plain(message)),
        DataFusionError::ResourcesExhausted(message) => Error::resources(QUERY, plain(message)).hint(RESOURCES_HINT),
        DataFusionError::Execution(message) => Error::execution(QUERY, plain(message)),
        DataFusionError::ExecutionJoin(inner) => from_join(inner),
        DataFusionError::ArrowError(inner, _) => files::from_arrow(inner),
        DataFusionError::ParquetError(inner) => files::from_parquet(inner),
        DataFusionError::ObjectStore(inner) => files::from_object_store(inner),
        DataFusionError::IoError(inner) => files::from_io(inner),
        DataFusionError::NotImplemented(message) => names::from_missing(message),
        DataFusionError::Substrait(message) | DataFusionError::Ffi(message) => Error::external(QUERY, plain(message)),
        DataFusionError::Internal(message) => Error::internal(QUERY, plain(message)),
    }
}

const RESOURCES_HINT: &str = "raise the memory limit, or use fewer threads or columns";

/// An error that travelled as a trait object: ours, DataFusion's again, or a library's.
fn from_external(error: &(dyn StdError + Send + Sync + 'static)) -> Error {
    if let Some(ours) = find_ours(error) {
        return copy(ours);
    }
    if let Some(inner) = error.downcast_ref::<DataFusionError>() {
        return translate(inner);
    }
    if let Some(inner) = error.downcast_ref::<arrow::error::ArrowError>() {
        return files::from_arrow(inner);
    }
    if let Some(inner) = error.downcast_ref::<std::io::Error>() {
        return files::from_io(inner);
    }
    let what = plain(&error.to_string());
    // The one library's error that is the query's own fault and comes without a type.
    if what.starts_with(REGEX) { Error::plan(QUERY, one_line(&what)) } else { Error::external(QUERY, what) }
}

const REGEX: &str = "regex parse error";

/// The regex library draws the pattern and an arrow below it.
fn one_line(drawn: &str) -> String {
    let lines: Vec<&str> =
        drawn.lines().map(str::trim).filter(|line| !line.is_empty() && !line.chars().all(|c| c == '^')).collect();
    lines.join(" ")
}

/// The first of ours along the chain of causes.
fn find_ours<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    std::iter::successors(Some(error), |&e| e.source()).find_map(|e| e.downcast_ref::<Error>())
}

/// The same error. Its source comes along if it is a [`SharedCause`]; others cannot be copied.
pub fn copy(error: &Error) -> Error {
    let detail = error.detail();
    let (op, what) = (detail.op.as_str(), detail.what.as_str());
    let mut same = match error {
        Error::Plan(_) => Error::plan(op, what),
        Error::Shape(_) => Error::shape(op, what),
        Error::OutOfBounds(_) => Error::out_of_bounds(op, what),
        Error::DType(_) => Error::dtype(op, what),
        Error::Execution(_) => Error::execution(op, what),
        Error::Resources(_) => Error::resources(op, what),
        Error::NoDevice(_) => Error::no_device(op, what),
        Error::NotImplemented(_) => Error::not_implemented(op, what),
        Error::External(_) => Error::external(op, what),
        Error::Internal(_) => Error::internal(op, what),
        Error::Cancelled(_) => Error::cancelled(op, what),
    };
    if let Some(hint) = &detail.hint {
        same = same.hint(hint.clone());
    }
    if let Some(cause) = detail.source.as_ref().and_then(|source| source.downcast_ref::<SharedCause>()) {
        same = same.because(cause.clone());
    }
    match detail.place {
        Some(place) => same.at(place.line, place.column),
        None => same,
    }
}

/// A context is DataFusion's word on what it was doing; of use only where the error does not say it already.
fn with_context(context: &str, inner: &DataFusionError) -> Error {
    let error = translate(inner);
    let says_where = find_ours(inner).is_some() || matches!(error, Error::Plan(_) | Error::Internal(_));
    if says_where || context.is_empty() || is_rule(context) {
        return error;
    }
    let what = format!("{} ({})", error.detail().what, lower_first(context));
    rename(error, what)
}

/// "Optimizer rule 'simplify_expressions' failed": nobody's business but DataFusion's.
fn is_rule(context: &str) -> bool {
    context.contains("rule '") || context.starts_with("Optimizer rule")
}

fn rename(error: Error, what: String) -> Error {
    said_otherwise(error, |_| what)
}

/// The error with its message in other words.
pub fn said_otherwise(mut error: Error, say: impl FnOnce(&str) -> String) -> Error {
    let detail = detail_mut(&mut error);
    detail.what = say(&detail.what);
    error
}

/// The detail of an error, to be said in other words.
pub(crate) fn detail_mut(error: &mut Error) -> &mut Detail {
    match error {
        Error::Plan(d)
        | Error::Shape(d)
        | Error::OutOfBounds(d)
        | Error::DType(d)
        | Error::Execution(d)
        | Error::Resources(d)
        | Error::NoDevice(d)
        | Error::NotImplemented(d)
        | Error::External(d)
        | Error::Internal(d)
        | Error::Cancelled(d) => d,
    }
}

fn with_place(error: Error, diagnostic: &Diagnostic) -> Error {
    match (error.detail().place, diagnostic.span) {
        (None, Some(span)) if span.start.line > 0 => error.at(span.start.line, span.start.column),
        _ => error,
    }
}

fn from_join(error: &tokio::task::JoinError) -> Error {
    if error.is_cancelled() {
        Error::cancelled(QUERY, "interrupted")
    } else {
        Error::internal(QUERY, format!("a task failed: {error}"))
    }
}

/// The message with a small first letter, as all of ours have, unless it starts with an abbreviation.
fn lower_first(message: &str) -> String {
    let mut letters = message.chars();
    let (first, second) = (letters.next(), letters.next());
    match first {
        Some(first) if first.is_uppercase() && !second.is_some_and(char::is_uppercase) => {
            first.to_lowercase().chain(message.chars().skip(1)).collect()
        }
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests;
