//! Columns, constants and sort keys, and what methods take in their place.

use datafusion::logical_expr::{self, Expr, SortExpr};

/// A column by its exact name, case and dots included.
pub fn col(name: impl Into<String>) -> Expr {
    logical_expr::ident(name)
}

/// A constant: `lit(1)`, `lit(0.5)`, `lit("EU")`, `lit(true)`.
pub fn lit<T: logical_expr::Literal>(value: T) -> Expr {
    logical_expr::lit(value)
}

/// What a frame's method takes as an expression: an [`Expr`], or a column's name.
pub trait IntoExpr {
    /// The expression meant.
    fn into_expr(self) -> Expr;
}

impl IntoExpr for Expr {
    fn into_expr(self) -> Expr {
        self
    }
}

impl IntoExpr for &str {
    fn into_expr(self) -> Expr {
        col(self)
    }
}

impl IntoExpr for String {
    fn into_expr(self) -> Expr {
        col(self)
    }
}

impl IntoExpr for &String {
    fn into_expr(self) -> Expr {
        col(self.as_str())
    }
}

/// A sort key: ascending, nulls first, as Polars sorts.
pub fn asc(expr: impl IntoExpr) -> SortExpr {
    SortExpr::new(expr.into_expr(), true, true)
}

/// A sort key: descending, nulls first, as Polars sorts.
pub fn desc(expr: impl IntoExpr) -> SortExpr {
    SortExpr::new(expr.into_expr(), false, true)
}

/// What [`crate::DataFrame::sort`] takes as a key: a [`SortExpr`] (see [`asc`], [`desc`]), or an ascending expression.
pub trait IntoSortExpr {
    /// The sort key meant.
    fn into_sort_expr(self) -> SortExpr;
}

impl IntoSortExpr for SortExpr {
    fn into_sort_expr(self) -> SortExpr {
        self
    }
}

impl<T: IntoExpr> IntoSortExpr for T {
    fn into_sort_expr(self) -> SortExpr {
        asc(self)
    }
}
