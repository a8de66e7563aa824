//! Names of results: aliases, and rules such as a suffix, which selectors apply to each of their columns.

use datafusion::logical_expr::Expr;

use super::super::naming::{Naming, renamed};
use super::super::structure::tuple;
use super::super::table::FunctionRow;
use super::unary;

/// Names of results. A rule changes the name of the first column, whatever aliases came after it.
pub trait Names: Into<Expr> + Sized {
    /// The first column's name.
    fn name_keep(self) -> Expr {
        renamed(Naming::Keep, self.into())
    }

    /// The first column's name with something before it.
    fn name_prefix(self, prefix: impl Into<String>) -> Expr {
        renamed(Naming::Prefix(prefix.into()), self.into())
    }

    /// The first column's name with something after it.
    fn name_suffix(self, suffix: impl Into<String>) -> Expr {
        renamed(Naming::Suffix(suffix.into()), self.into())
    }

    /// The first column's name in capitals.
    fn name_to_uppercase(self) -> Expr {
        renamed(Naming::Upper, self.into())
    }

    /// The first column's name in small letters.
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
    FunctionRow::new("name.replace", |call| {
        let naming = Naming::Replace(call.text("pattern")?, call.text("value")?);
        Ok(renamed(naming, call.expr("the expression")?))
    }),
    FunctionRow::new("alias", |call| Ok(call.expr("the expression")?.alias(call.text("name")?))),
    FunctionRow::new("tuple", |call| Ok(tuple(call.rest()))),
];
