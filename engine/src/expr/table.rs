//! The table of frame functions: a name, and how a call of it becomes an expression.
//!
//! Python calls by name ([`call`]); Rust has a method of the same name, which the row calls. A row that depends on types
//! waits: its call is a placeholder until [`crate::DataFrame::resolve`] knows the columns.

use std::collections::HashMap;
use std::sync::LazyLock;

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::logical_expr::Expr;
use gradframe_plan::names::{suggest, type_name};

use super::call::{Call, Constants};
use super::deferred::deferred;
use super::depth::check_depth;
use super::enums::{Placed, placed};
use super::functions::tables;
use super::resolve::{as_values, shown, type_of};
use crate::{Error, Result};

/// A frame function.
#[derive(Debug, Clone, Copy)]
pub struct FunctionRow {
    /// Polars's name; in a namespace with the namespace before it: `str.contains`.
    pub name: &'static str,
    /// Takes the arguments out of the call and gives the expression.
    pub build: fn(&mut Call) -> Result<Expr>,
    /// Whether it asks for types, so that a frame must be known first.
    pub typed: bool,
    /// From which argument on a selector stands for several arguments; elsewhere it makes several expressions.
    pub spread_from: usize,
    /// What its arguments must be, which is checked before it is built.
    pub takes: Takes,
}

/// What a typed function takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Whatever it says itself.
    Anything,
    /// Numbers or booleans as its first argument.
    ANumber,
    /// Numbers or booleans only.
    Numbers,
}

impl FunctionRow {
    /// A function that needs no types.
    pub const fn new(name: &'static str, build: fn(&mut Call) -> Result<Expr>) -> Self {
        FunctionRow { name, build, typed: false, spread_from: usize::MAX, takes: Takes::Anything }
    }

    /// A function that asks for types ([`Call::type_of`]).
    pub const fn typed(name: &'static str, build: fn(&mut Call) -> Result<Expr>) -> Self {
        FunctionRow { name, build, typed: true, spread_from: usize::MAX, takes: Takes::Anything }
    }

    /// The same function, in which a selector from argument `from` on stands for as many arguments as it has columns.
    /// Such a function waits for the columns, as a typed one does.
    pub const fn spread(self, from: usize) -> Self {
        FunctionRow { typed: true, spread_from: from, ..self }
    }

    /// The same typed function, which takes only what this says.
    pub const fn takes(self, takes: Takes) -> Self {
        FunctionRow { takes, ..self }
    }

    fn require_types(&self, exprs: &[Expr], schema: &DFSchema) -> Result<()> {
        let checked = match self.takes {
            Takes::Anything => return Ok(()),
            Takes::Numbers => exprs,
            Takes::ANumber => &exprs[..exprs.len().min(1)],
        };
        for expr in checked {
            let own = type_of(expr, schema)?;
            if !(own == DataType::Boolean || own.is_numeric() || own.is_null()) {
                let what = format!("`{}` is {own}, expected numbers", shown(expr), own = type_name(&own));
                return Err(Error::dtype(self.name, what).hint("cast it first"));
            }
        }
        Ok(())
    }

    /// Builds the expression and checks that nothing of the call is left over.
    pub(super) fn apply(&self, exprs: Vec<Expr>, constants: Constants, schema: Option<&DFSchema>) -> Result<Expr> {
        let exprs = match schema {
            Some(schema) => exprs.into_iter().map(|expr| as_values(expr, schema)).collect(),
            None => exprs,
        };
        if let Some(schema) = schema {
            self.require_types(&exprs, schema)?;
        }
        let mut placed = match schema {
            Some(schema) => placed(self.name, exprs, schema)?,
            None => Placed::unchanged(exprs),
        };
        let mut call = Call::new(self.name, std::mem::take(&mut placed.exprs), constants, schema);
        let built = (self.build)(&mut call)?;
        call.finish()?;
        Ok(placed.restore(built))
    }
}

static ROWS: LazyLock<HashMap<&'static str, FunctionRow>> = LazyLock::new(|| tables().map(|row| (row.name, *row)).collect());

/// The row of a name.
pub(super) fn row(name: &str) -> Option<&'static FunctionRow> {
    ROWS.get(name)
}

/// The names of all frame functions, sorted.
pub fn function_names() -> Vec<&'static str> {
    let mut names: Vec<&str> = ROWS.keys().copied().collect();
    names.sort_unstable();
    names
}

/// A call of a frame function by its name, as the bindings make it.
///
/// ```
/// use gradframe::expr::{Constants, call, col, lit};
///
/// let constants = Constants::from([("n".to_owned(), 1_i64.into())]);
/// let before = call("shift", vec![col("fare")], constants)?;
/// let close = call("is_betwen", vec![before, lit(1), lit(2)], Constants::new()).unwrap_err();
/// assert!(close.to_string().contains("did you mean `is_between`?"));
/// # Ok::<(), gradframe::Error>(())
/// ```
///
/// Errors: `Plan` for an unknown name, for arguments that are missing, unknown or of a wrong kind, and for an expression that
/// becomes too deep.
pub fn call(name: &str, exprs: Vec<Expr>, constants: Constants) -> Result<Expr> {
    let row = row(name)
        .ok_or_else(|| Error::plan(name, "there is no frame function of this name").hint(suggest(name, function_names())))?;
    let called = if row.typed { deferred(row.name, exprs, constants) } else { row.apply(exprs, constants, None)? };
    check_depth(row.name, &called)?;
    Ok(called)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_in_one_table_only() {
        let rows: usize = tables().count();
        assert_eq!(rows, ROWS.len());
    }

    /// The columns of a call come first; its result has the name of the first one, whatever it is made of.
    #[test]
    fn results_are_named_after_the_first_column() {
        let renames = |name: &str| ["name.", "selector."].iter().any(|prefix| name.starts_with(prefix));
        let makers =
            ["alias", "col", "date", "datetime", "duration", "element", "exclude", "len", "nth", "time", "tuple", "when"];
        for row in tables().filter(|row| !row.typed && !renames(row.name) && !makers.contains(&row.name)) {
            for count in 1..=3 {
                let exprs = ["x", "y", "z"][..count].iter().map(|name| super::super::col(*name)).collect();
                if let Ok(expr) = row.apply(exprs, Constants::new(), None) {
                    assert_eq!(super::super::output_name(&expr), "x", "{}", row.name);
                }
            }
        }
    }

    #[test]
    fn what_a_function_does_not_take_is_named() {
        let constants = Constants::from([("periods".to_owned(), 1_i64.into())]);
        let error = call("is_null", vec![super::super::col("a")], constants).unwrap_err();
        assert_eq!(error.to_string(), "is_null: unexpected argument `periods`");
        let error = call("is_null", vec![], Constants::new()).unwrap_err();
        assert_eq!(error.to_string(), "is_null: the expression is missing");
    }
}
