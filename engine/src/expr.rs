//! Expressions of frames: column names as they are spelt, functions named as in Polars.
//!
//! An [`Expr`] is DataFusion's; its operators (`+`, `.gt(..)`, `.is_null()`, `.alias(..)`) are its own methods.
//! What is here differs from SQL where Polars does: names keep their case, a sum of nothing is 0, [`div`] divides
//! integers truly, and an expression without an alias is named after its first column.
//!
//! ```
//! use gradframe::expr::{col, lit, sum, when};
//!
//! let fare = sum(col("fare")).alias("total");
//! let late = when(col("delay").gt(lit(15))).then(lit("late")).otherwise(lit("on time"));
//! # let _ = (fare, late);
//! ```

use arrow::datatypes::DataType;
use datafusion::functions::core::expr_fn as core_fn;
use datafusion::functions_aggregate::expr_fn as aggregate_fn;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{self, SortExpr};

pub use datafusion::logical_expr::Expr;

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

/// The sum of the non-null values; 0 where there are none.
pub fn sum(expr: impl IntoExpr) -> Expr {
    core_fn::coalesce(vec![aggregate_fn::sum(expr.into_expr()), lit(0_i64)])
}

/// The mean of the non-null values; null where there are none.
pub fn mean(expr: impl IntoExpr) -> Expr {
    aggregate_fn::avg(expr.into_expr())
}

/// The least non-null value.
pub fn min(expr: impl IntoExpr) -> Expr {
    aggregate_fn::min(expr.into_expr())
}

/// The greatest non-null value.
pub fn max(expr: impl IntoExpr) -> Expr {
    aggregate_fn::max(expr.into_expr())
}

/// The median of the non-null values.
pub fn median(expr: impl IntoExpr) -> Expr {
    aggregate_fn::median(expr.into_expr())
}

/// The sample standard deviation (divisor n - 1); null for fewer than two values.
pub fn std(expr: impl IntoExpr) -> Expr {
    aggregate_fn::stddev(expr.into_expr())
}

/// The sample variance (divisor n - 1); null for fewer than two values.
pub fn var(expr: impl IntoExpr) -> Expr {
    aggregate_fn::var_sample(expr.into_expr())
}

/// How many values are not null.
pub fn count(expr: impl IntoExpr) -> Expr {
    aggregate_fn::count(expr.into_expr())
}

/// How many rows there are, nulls included; the column is named `len`.
pub fn len() -> Expr {
    aggregate_fn::count(lit(1_i64)).alias("len")
}

/// How many different values there are; null is one of them, as in Polars.
pub fn n_unique(expr: impl IntoExpr) -> Expr {
    let expr = expr.into_expr();
    let one_if_null = when(expr.clone().is_null()).then(lit(1_i64)).otherwise(lit(0_i64));
    aggregate_fn::count_distinct(expr) + fill_null(max(one_if_null), lit(0_i64))
}

/// The value of the first row that arrives; which one that is, only a sorted frame says.
pub fn first(expr: impl IntoExpr) -> Expr {
    aggregate_fn::first_value(expr.into_expr(), vec![])
}

/// The value of the last row that arrives; which one that is, only a sorted frame says.
pub fn last(expr: impl IntoExpr) -> Expr {
    aggregate_fn::last_value(expr.into_expr(), vec![])
}

/// Division that is true also for integers: `div(lit(1), lit(2))` is 0.5. (`/` divides integers as SQL does.)
pub fn div(left: impl IntoExpr, right: impl IntoExpr) -> Expr {
    cast(left, DataType::Float64) / cast(right, DataType::Float64)
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

/// Starts `when(condition).then(value).otherwise(value)`.
pub fn when(condition: Expr) -> When {
    When { condition, branches: vec![] }
}

/// A condition that waits for its value.
#[derive(Debug, Clone)]
pub struct When {
    condition: Expr,
    branches: Vec<(Expr, Expr)>,
}

impl When {
    /// The value where the condition holds and none before it did.
    pub fn then(mut self, value: impl IntoExpr) -> Then {
        self.branches.push((self.condition, value.into_expr()));
        Then { branches: self.branches }
    }
}

/// Conditions with their values.
#[derive(Debug, Clone)]
pub struct Then {
    branches: Vec<(Expr, Expr)>,
}

impl Then {
    /// One more condition.
    pub fn when(self, condition: Expr) -> When {
        When { condition, branches: self.branches }
    }

    /// The value where no condition holds.
    pub fn otherwise(self, value: impl IntoExpr) -> Expr {
        self.into_case(Some(value.into_expr()))
    }

    /// Null where no condition holds.
    pub fn end(self) -> Expr {
        self.into_case(None)
    }

    fn into_case(self, otherwise: Option<Expr>) -> Expr {
        let branches = self.branches.into_iter().map(|(when, then)| (Box::new(when), Box::new(then))).collect();
        Expr::Case(Case::new(None, branches, otherwise.map(Box::new)))
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
