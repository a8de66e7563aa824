//! The functions, a file a topic: a trait with the methods, and a table with a row for each.

mod aggregates;
mod arithmetic;
mod bins;
mod comparison;
mod enums;
mod folding;
mod horizontal;
mod listing;
mod looked_up;
mod math;
mod moments;
mod moving;
mod moving_by;
mod names;
mod nulls;
mod ordering;
mod pairs;
mod replacing;
mod searching;
mod selecting;
mod statistics;
mod temporal;
pub(super) mod windows;

use arrow::datatypes::DataType;
use datafusion::functions::core::expr_fn as core_fn;
use datafusion::logical_expr::{self, Expr};

use super::IntoExpr;
use super::table::FunctionRow;

pub use self::aggregates::{Aggregates, count, first, last, len, max, mean, median, min, n_unique, std, sum, var};
pub use self::arithmetic::Arithmetic;
pub use self::bins::Bins;
pub use self::comparison::Comparison;
pub use self::enums::Enums;
pub use self::math::Mathematics;
pub use self::moving::Moving;
pub use self::moving_by::MovingBy;
pub use self::names::Names;
pub use self::nulls::Nulls;
pub(crate) use self::nulls::OF_FLOATS;
pub use self::ordering::Ordering;
pub(crate) use self::replacing::as_text;
pub use self::selecting::by_pattern;
pub use self::statistics::Statistics;
pub use self::windows::Windows;

/// The tables of all topics. A topic of yours is one more line.
const TABLES: &[&[FunctionRow]] = &[
    aggregates::TABLE,
    arithmetic::TABLE,
    bins::TABLE,
    comparison::TABLE,
    enums::TABLE,
    folding::TABLE,
    horizontal::TABLE,
    listing::TABLE,
    math::TABLE,
    moments::TABLE,
    moving::TABLE,
    moving_by::TABLE,
    names::TABLE,
    nulls::TABLE,
    ordering::TABLE,
    pairs::TABLE,
    replacing::TABLE,
    searching::TABLE,
    selecting::TABLE,
    statistics::TABLE,
    temporal::TABLE,
    windows::TABLE,
];

/// The tables of all topics and namespaces.
pub(super) fn tables() -> impl Iterator<Item = &'static FunctionRow> {
    TABLES.iter().chain(super::ns::TABLES).copied().flatten().chain(super::element::TABLE)
}

/// A row for a function of one expression.
macro_rules! unary {
    ($name:literal, $function:expr) => {
        FunctionRow::new($name, |call| {
            let function: fn(Expr) -> Expr = $function;
            call.expr("the expression").map(function)
        })
    };
}

/// A row for a function of a number.
macro_rules! numeric {
    ($name:literal, $function:expr) => {
        FunctionRow::typed($name, |call| super::arithmetic::of_number(call, $function))
    };
}

/// A row for a function of two expressions.
macro_rules! binary {
    ($name:literal, $function:expr) => {
        FunctionRow::new($name, |call| {
            let function: fn(Expr, Expr) -> Expr = $function;
            Ok(function(call.expr("the left side")?, call.expr("the right side")?))
        })
    };
}

/// A deferred call: `deferred_call!("shift", [self, other], n = 1)`.
macro_rules! deferred_call {
    ($name:literal, [$($expr:expr),*] $(, $key:ident = $value:expr)*) => {
        $crate::expr::deferred::deferred(
            $name,
            vec![$($expr),*],
            $crate::expr::Constants::from([$((stringify!($key).to_owned(), $crate::expr::Constant::from($value))),*]),
        )
    };
}

use {binary, deferred_call, numeric, unary};

/// Division that is true also for integers: `div(lit(1), lit(2))` is 0.5. (`/` divides integers as SQL does.)
pub fn div(left: impl IntoExpr, right: impl IntoExpr) -> Expr {
    deferred_call!("truediv", [left.into_expr(), right.into_expr()])
}

/// The quotient rounded down; null by 0.
pub(super) fn quotient(left: Expr, right: Expr) -> Expr {
    deferred_call!("floordiv", [left, right])
}

/// The value as another type. A value that doesn't fit is an `Execution` error.
pub fn cast(expr: impl IntoExpr, data_type: DataType) -> Expr {
    logical_expr::cast(expr.into_expr(), data_type)
}

/// The first of the values that is not null.
pub fn coalesce(exprs: impl IntoIterator<Item = impl IntoExpr>) -> Expr {
    core_fn::coalesce(exprs.into_iter().map(IntoExpr::into_expr).collect())
}

/// The values with nulls replaced.
pub fn fill_null(expr: impl IntoExpr, value: impl IntoExpr) -> Expr {
    coalesce([expr.into_expr(), value.into_expr()])
}
