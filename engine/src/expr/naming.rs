//! Rules for names: `name.suffix` and its kin, kept as a mark around the expression until its columns are known.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use regex::Regex;

use super::deferred::{placeholder, unresolved};

/// How a name becomes another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Naming {
    /// The name of the first column, whatever aliases came after it.
    Keep,
    /// This before the name.
    Prefix(String),
    /// This after the name.
    Suffix(String),
    /// The name in capitals.
    Upper,
    /// The name in small letters.
    Lower,
    /// The name with a part replaced, or, if the flag is set, all that matches a regular expression.
    Replace(String, String, bool),
    /// The name without this before it.
    StripPrefix(String),
    /// The name without this after it.
    StripSuffix(String),
    /// What a function makes of the name.
    Map(NameFunction),
}

impl Naming {
    /// The new name, from the one that the expression has.
    pub(crate) fn apply(&self, current: &str) -> String {
        match self {
            Naming::Keep => current.to_owned(),
            Naming::Prefix(prefix) => format!("{prefix}{current}"),
            Naming::Suffix(suffix) => format!("{current}{suffix}"),
            Naming::Upper => current.to_uppercase(),
            Naming::Lower => current.to_lowercase(),
            Naming::Replace(old, new, false) => current.replace(old, new),
            Naming::Replace(pattern, new, true) => replaced(current, pattern, new),
            Naming::StripPrefix(prefix) => current.strip_prefix(prefix.as_str()).unwrap_or(current).to_owned(),
            Naming::StripSuffix(suffix) => current.strip_suffix(suffix.as_str()).unwrap_or(current).to_owned(),
            Naming::Map(function) => (function.0)(current),
        }
    }
}

/// Patterns are checked where a call is built.
fn replaced(name: &str, pattern: &str, by: &str) -> String {
    Regex::new(pattern).map_or_else(|_| name.to_owned(), |pattern| pattern.replace_all(name, by).into_owned())
}

/// A function of names.
#[derive(Clone)]
pub(crate) struct NameFunction(pub(crate) Arc<dyn Fn(&str) -> String + Send + Sync>);

impl std::fmt::Debug for NameFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a function of names")
    }
}

impl PartialEq for NameFunction {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for NameFunction {}

impl std::hash::Hash for NameFunction {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).cast::<()>().hash(state);
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Renamed {
    naming: Naming,
    signature: Signature,
}

/// The expression under another name.
pub(crate) fn renamed(naming: Naming, value: Expr) -> Expr {
    placeholder(Renamed { naming, signature: Signature::user_defined(Volatility::Volatile) }, vec![value])
}

/// The rule that a scalar function is, if it is one.
pub(crate) fn naming_of(function: &ScalarFunction) -> Option<&Naming> {
    function.func.inner().as_ref().downcast_ref::<Renamed>().map(|renamed| &renamed.naming)
}

impl ScalarUDFImpl for Renamed {
    fn name(&self) -> &str {
        "name"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types.first().cloned().unwrap_or(DataType::Null))
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        unresolved("name")
    }
}
