//! Functions of frames: what Polars's namespaces (`str`, `dt`, `list` ...) mean and DataFusion has no function for.
//!
//! A function is one [`Row`] of a family's table: its name, what it takes, what it returns, and the kernel that runs it over
//! Arrow arrays. [`function::FrameFunction`] makes any row one of DataFusion's scalar functions: constants are checked when a
//! frame's method is called, because the method asks for the result's type. A row may name a function of DataFusion's
//! that means the same: the optimizer then puts that one in its place, with whatever it knows about it (a prefix becomes a LIKE
//! that prunes row groups).

mod arguments;
mod binary;
mod function;
mod list;
mod results;
mod string;
mod structs;
mod temporal;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, ScalarUDF};

use self::function::{FrameFunction, Row};
pub(crate) use self::temporal::window_start;

/// The rows of all tables.
fn rows() -> impl Iterator<Item = &'static Row> {
    [string::TABLES, temporal::TABLES, list::TABLES, binary::TABLES, structs::TABLES].into_iter().flatten().copied().flatten()
}

static FUNCTIONS: LazyLock<HashMap<&'static str, Arc<ScalarUDF>>> =
    LazyLock::new(|| rows().map(|row| (row.name, Arc::new(ScalarUDF::new_from_impl(FrameFunction::new(row))))).collect());

/// The function of this name, such as `str.contains`.
pub fn named(name: &str) -> Option<Arc<ScalarUDF>> {
    FUNCTIONS.get(name).cloned()
}

/// A call of the function of this name.
///
/// # Panics
/// If there is none: names are the callers' constants, never data.
pub fn call(name: &'static str, arguments: Vec<Expr>) -> Expr {
    let function = named(name).unwrap_or_else(|| panic!("no frame function is named `{name}`"));
    Expr::ScalarFunction(ScalarFunction::new_udf(function, arguments))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        assert_eq!(FUNCTIONS.len(), rows().count());
    }
}
