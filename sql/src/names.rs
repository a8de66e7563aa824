//! Names of models.

use datafusion::config::ConfigOptions;
use datafusion::sql::sqlparser::ast::{Ident, ObjectName, Spanned};
use gradframe_ml_core::{Error, Result};
use gradframe_plan::names::suggest;
use gradframe_plan::services::ModelRegistry;

use crate::errors::at;

/// The name under which the registry holds a model. Models live in the session's default schema, so only that one may
/// qualify the name. Unquoted names are folded to lower case, as names of tables are.
pub(crate) fn model_name(op: &str, name: &ObjectName, config: &ConfigOptions) -> Result<String> {
    let (catalog, schema) = (&config.catalog.default_catalog, &config.catalog.default_schema);
    let parts: Option<Vec<String>> = name.0.iter().map(|part| part.as_ident().map(fold)).collect();
    match parts.as_deref().unwrap_or_default() {
        [model] => Ok(model.clone()),
        [in_schema, model] if in_schema == schema => Ok(model.clone()),
        [in_catalog, in_schema, model] if in_catalog == catalog && in_schema == schema => Ok(model.clone()),
        _ => {
            let error = Error::plan(op, format!("`{name}` cannot be a model"));
            Err(at(error.hint(format!("models live in schema `{catalog}.{schema}`")), name.span().start))
        }
    }
}

/// An identifier as SQL compares it.
pub(crate) fn fold(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

/// "unknown model", with the nearest name or the names there are.
pub(crate) fn unknown_model(op: &str, written: &ObjectName, name: &str, models: &dyn ModelRegistry) -> Error {
    let hint = match models.names().and_then(|names| Ok([names, models.alias_names()?].concat())) {
        Ok(names) if names.is_empty() => "there are no models yet: CREATE MODEL makes one".into(),
        Ok(names) => suggest(name, names.iter().map(String::as_str)),
        Err(error) => return error,
    };
    at(Error::plan(op, format!("unknown model `{name}`")).hint(hint), written.span().start)
}
