//! Expressions of frames: column names as they are spelt, functions named as in Polars.
//!
//! An [`Expr`] is DataFusion's; its operators (`+`, `.gt(..)`, `.is_null()`, `.alias(..)`) are its own methods. The traits of
//! [`prelude`] add Polars's: `col("fare").sum()`, `col("fare").shift(1).over(["day"])`. What is here differs from SQL where
//! Polars does: names keep their case, a sum of nothing is 0, [`div`] divides integers truly, rows have an order, and an
//! expression without an alias is named after its first column.
//!
//! ```
//! use gradframe::expr::{prelude::*, when};
//!
//! let fare = col("fare").sum().alias("total");
//! let late = when(col("delay").gt(lit(15))).then(lit("late")).otherwise(lit("on time"));
//! # let _ = (fare, late);
//! ```
//!
//! An expression may hold placeholders: for columns that a frame is yet to choose ([`selectors`]), for functions that depend
//! on types, for windows over the order of the rows. [`crate::DataFrame::resolve`] is where they become what a plan can hold.

mod arrays;
mod call;
mod columns;
mod condition;
mod deferred;
pub(crate) mod depth;
mod element;
mod enums;
pub(crate) mod functions;
mod naming;
pub mod ns;
pub(crate) mod resolve;
mod selector;
pub mod selectors;
mod series;
pub(crate) mod structure;
mod table;
mod texts;
mod written;

pub use self::arrays::apply_array;
pub use self::call::{Call, Constant, Constants};
pub use self::columns::{IntoExpr, IntoSortExpr, asc, col, desc, lit};
pub use self::condition::{Then, When, when};
pub(crate) use self::deferred::deferred_of;
pub use self::element::element;
pub(crate) use self::element::{ELEMENT, of_element};
pub(crate) use self::element::{named as word_over_elements, word};
pub(crate) use self::enums::as_enum;
pub use self::enums::is_enum;
pub use self::functions::{
    by_pattern, cast, coalesce, count, div, fill_null, first, last, len, max, mean, median, min, n_unique, std, sum, var,
};
pub(crate) use self::naming::naming_of;
pub use self::resolve::{output_name, root_names};
pub use self::selector::{Selector, TypeClass};
pub use self::series::{series, series_of};
pub use self::table::{FunctionRow, Takes, call, function_names};
pub use self::texts::Texts;
pub use self::written::written;

pub use datafusion::logical_expr::Expr;

/// What a program that writes expressions imports: `use gradframe::expr::prelude::*`.
pub mod prelude {
    pub use super::functions::{
        Aggregates, Arithmetic, Bins, Comparison, Enums, Mathematics, Moving, MovingBy, Names, Nulls, Ordering, Statistics,
        Windows,
    };
    pub use super::ns::{IntoValue, Namespaces};
    pub use super::{Expr, IntoExpr, asc, col, desc, lit, when};
}
