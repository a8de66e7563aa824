//! Nulls, NaN and types.

use arrow::datatypes::DataType;
use datafusion::functions::math::expr_fn as math;
use datafusion::logical_expr::Expr;

use super::super::call::Call;
use super::super::resolve::shown;
use super::super::structure::keep;
use super::super::table::FunctionRow;
use super::super::{IntoExpr, lit};
use super::{cast, coalesce, deferred_call, fill_null, unary};
use crate::Result;
use gradframe_plan::names::type_name;

/// Nulls, NaN and types. A NaN is a value, never a null.
///
/// ```
/// use gradframe::{Session, expr::{col, lit, prelude::Nulls}};
///
/// let session = Session::builder().in_memory().build()?;
/// let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 4, 2.5)) AS t(k, n, x)"))?;
/// let rows = frame.select([Nulls::fill_null(col("x"), lit(0.0))])?;
/// assert_eq!(session.block_on(rows.filter(col("x").eq(lit(0.0)))?.count())?, 1);
/// assert_eq!(session.block_on(frame.select([Nulls::drop_nulls(col("x"))])?.count())?, 2);
/// # Ok::<(), gradframe::Error>(())
/// ```
#[expect(clippy::wrong_self_convention, reason = "expressions are taken by value, as DataFusion's own methods do")]
pub trait Nulls: Into<Expr> + Sized {
    /// The value, or another where it is null.
    fn fill_null(self, value: impl IntoExpr) -> Expr {
        fill_null(self.into(), value)
    }

    /// The value, or another where it is NaN. A null stays null.
    fn fill_nan(self, value: impl IntoExpr) -> Expr {
        deferred_call!("fill_nan", [self.into(), value.into_expr()])
    }

    /// Only the rows that are not null.
    fn drop_nulls(self) -> Expr {
        let value = self.into();
        keep(value.clone(), value.is_not_null())
    }

    /// Only the rows that are not NaN; nulls stay.
    fn drop_nans(self) -> Expr {
        deferred_call!("drop_nans", [self.into()])
    }

    /// Whether a float is NaN; null for null.
    fn is_nan(self) -> Expr {
        deferred_call!("is_nan", [self.into()])
    }

    /// Whether a number is neither NaN nor infinite; null for null.
    fn is_finite(self) -> Expr {
        deferred_call!("is_finite", [self.into()])
    }

    /// The value as another type. What does not fit, inside lists and structures too, is an `Execution` error if `strict`,
    /// else null.
    fn cast(self, data_type: DataType, strict: bool) -> Expr {
        deferred_call!("cast", [self.into()], dtype = data_type, strict = strict)
    }
}

impl Nulls for Expr {}

pub(super) const TABLE: &[FunctionRow] = &[
    unary!("is_null", Expr::is_null),
    unary!("is_not_null", Expr::is_not_null),
    FunctionRow::typed("is_nan", |call| on_floats(call, math::isnan, false)),
    FunctionRow::typed("is_not_nan", |call| on_floats(call, |x| !math::isnan(x), true)),
    FunctionRow::typed("is_finite", |call| on_floats(call, is_finite, true)),
    FunctionRow::typed("is_infinite", |call| on_floats(call, is_infinite, false)),
    FunctionRow::typed("fill_nan", fill_nan),
    unary!("drop_nulls", Nulls::drop_nulls),
    FunctionRow::typed("drop_nans", drop_nans),
    FunctionRow::new("coalesce", |call| Ok(coalesce(call.rest()))).spread(0),
];

fn is_infinite(x: Expr) -> Expr {
    math::abs(x).eq(lit(f64::INFINITY))
}

fn is_finite(x: Expr) -> Expr {
    !math::isnan(x.clone()).or(is_infinite(x))
}

/// Tests of floats, by their names. Of other numbers each has one answer.
pub(crate) const OF_FLOATS: [&str; 4] = ["is_nan", "is_not_nan", "is_finite", "is_infinite"];

/// A test of floats; of other values the answer is the same for all that are not null.
fn on_floats(call: &mut Call, test: fn(Expr) -> Expr, of_others: bool) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let own = call.type_of(&value)?;
    if !own.is_numeric() && !own.is_null() {
        return Err(not_numbers(call, &value, &own));
    }
    let is_float = own.is_floating();
    let answer = if is_float { test(value.clone()) } else { lit(of_others) };
    super::arithmetic::case(value.is_null(), lit(datafusion::scalar::ScalarValue::Boolean(None)), answer)
}

fn not_numbers(call: &Call, value: &Expr, own: &DataType) -> crate::Error {
    crate::Error::dtype(call.name(), format!("`{}` is {own}, expected numbers", shown(value), own = type_name(own)))
}

fn fill_nan(call: &mut Call) -> Result<Expr> {
    let (value, other) = (call.expr("the expression")?, call.expr("the value")?);
    let own = call.type_of(&value)?;
    if !own.is_numeric() && !own.is_null() {
        return Err(not_numbers(call, &value, &own));
    }
    if !own.is_floating() {
        // Integers have no NaN; beside a float they are floats, as in all that two columns give.
        let beside_a_float = own.is_integer() && call.type_of(&other)?.is_floating();
        return Ok(if beside_a_float { cast(value, DataType::Float64) } else { value });
    }
    super::arithmetic::case(math::isnan(value.clone()), other, value)
}

fn drop_nans(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let is_float = call.type_of(&value)?.is_floating();
    Ok(if is_float { keep(value.clone(), value.clone().is_null().or(!math::isnan(value))) } else { value })
}
