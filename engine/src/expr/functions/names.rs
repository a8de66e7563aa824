//! Names of results: aliases, and rules such as a suffix, which selectors apply to each of their columns.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::logical_expr::Expr;
use regex::Regex;

use super::super::Constants;
use super::super::naming::{NameFunction, Naming, renamed};
use super::super::structure::tuple;
use super::super::table::FunctionRow;
use super::unary;

/// Names of results.
pub trait Names: Into<Expr> + Sized {
    /// The first column's name, whatever aliases came after it.
    fn name_keep(self) -> Expr {
        renamed(Naming::Keep, self.into())
    }

    /// The name with something before it.
    fn name_prefix(self, prefix: impl Into<String>) -> Expr {
        renamed(Naming::Prefix(prefix.into()), self.into())
    }

    /// The name with something after it.
    fn name_suffix(self, suffix: impl Into<String>) -> Expr {
        renamed(Naming::Suffix(suffix.into()), self.into())
    }

    /// The name without something before it.
    fn name_strip_prefix(self, prefix: impl Into<String>) -> Expr {
        renamed(Naming::StripPrefix(prefix.into()), self.into())
    }

    /// The name without something after it.
    fn name_strip_suffix(self, suffix: impl Into<String>) -> Expr {
        renamed(Naming::StripSuffix(suffix.into()), self.into())
    }

    /// What a function makes of the name.
    ///
    /// ```
    /// use gradframe::{Session, expr::{prelude::*, selectors}};
    ///
    /// let session = Session::builder().in_memory().build()?;
    /// let frame = session.block_on(session.sql("SELECT 1 AS a, 2 AS b"))?;
    /// let named = frame.select([selectors::all().expr().name_map(|name| format!("{name}_{name}"))])?;
    /// assert_eq!(named.columns(), ["a_a", "b_b"]);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    fn name_map(self, function: impl Fn(&str) -> String + Send + Sync + 'static) -> Expr {
        renamed(Naming::Map(NameFunction(Arc::new(function))), self.into())
    }

    /// The name in capitals.
    fn name_to_uppercase(self) -> Expr {
        renamed(Naming::Upper, self.into())
    }

    /// The name in small letters.
    fn name_to_lowercase(self) -> Expr {
        renamed(Naming::Lower, self.into())
    }
}

impl Names for Expr {}

pub(super) const TABLE: &[FunctionRow] = &[
    unary!("name.keep", Names::name_keep),
    unary!("name.to_uppercase", Names::name_to_uppercase),
    unary!("name.to_lowercase", Names::name_to_lowercase),
    FunctionRow::new("name.prefix", |call| Ok(call.expr("the expression")?.name_prefix(call.text("prefix")?))),
    FunctionRow::new("name.suffix", |call| Ok(call.expr("the expression")?.name_suffix(call.text("suffix")?))),
    FunctionRow::new("name.strip_prefix", |call| Ok(call.expr("the expression")?.name_strip_prefix(call.text("prefix")?))),
    FunctionRow::new("name.strip_suffix", |call| Ok(call.expr("the expression")?.name_strip_suffix(call.text("suffix")?))),
    FunctionRow::typed("name.affix_fields", |call| {
        let value = call.expr("the expression")?;
        let (prefix, suffix) =
            (call.optional_text("prefix")?.unwrap_or_default(), call.optional_text("suffix")?.unwrap_or_default());
        let DataType::Struct(fields) = call.type_of(&value)? else {
            return Err(call.wrong(format!("`{}` is no struct", super::super::resolve::shown(&value))));
        };
        let names: Vec<String> = fields.iter().map(|field| format!("{prefix}{}{suffix}", field.name())).collect();
        super::super::call("struct.rename_fields", vec![value], Constants::from([("names".to_owned(), names.into())]))
    }),
    FunctionRow::new("name.replace", |call| {
        let (pattern, value) = (call.text("pattern")?, call.text("value")?);
        let is_pattern = !call.flag("literal", false)?;
        if is_pattern && let Err(error) = Regex::new(&pattern) {
            let error = call.wrong(format!("the pattern `{pattern}` is wrong: {error}"));
            return Err(error.hint("literal=True takes it as it is"));
        }
        Ok(renamed(Naming::Replace(pattern, value, is_pattern), call.expr("the expression")?))
    }),
    FunctionRow::new("alias", |call| Ok(call.expr("the expression")?.alias(call.text("name")?))),
    FunctionRow::new("tuple", |call| Ok(tuple(call.rest()))),
];
