//! Comparison. NaN equals NaN and is greater than every number, in frames as in SQL.

use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::scalar::ScalarValue;

use super::super::call::Call;
use super::super::table::FunctionRow;
use super::super::{IntoExpr, lit, when};
use super::binary;
use crate::Result;

/// Which ends of an interval belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Closed {
    /// Both.
    Both,
    /// The lower one.
    Left,
    /// The upper one.
    Right,
    /// Neither.
    None,
}

/// Comparison with Polars's names.
///
/// ```
/// use gradframe::{Session, expr::{prelude::*}};
///
/// let session = Session::builder().in_memory().build()?;
/// let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 4, 2.5)) AS t(k, n, x)"))?;
/// let same = frame.filter(col("x").eq_missing(col("x")))?; // null is like null here
/// assert_eq!(session.block_on(same.count())?, 3);
/// let closed = gradframe::expr::call("is_between", vec![col("n"), lit(1), lit(2)], Default::default())?;
/// assert_eq!(session.block_on(frame.filter(closed)?.count())?, 2);
/// # Ok::<(), gradframe::Error>(())
/// ```
#[expect(clippy::wrong_self_convention, reason = "expressions are taken by value, as DataFusion's own methods do")]
pub trait Comparison: Into<Expr> + Sized {
    /// Equal, or both null: never null itself.
    fn eq_missing(self, other: impl IntoExpr) -> Expr {
        operation(self.into(), Operator::IsNotDistinctFrom, other.into_expr())
    }

    /// Different, one of them null included: never null itself.
    fn ne_missing(self, other: impl IntoExpr) -> Expr {
        operation(self.into(), Operator::IsDistinctFrom, other.into_expr())
    }

    /// Whether the value is in an interval.
    fn is_between(self, lower: impl IntoExpr, upper: impl IntoExpr, closed: Closed) -> Expr {
        let value = self.into();
        let (low, high) = match closed {
            Closed::Both => (Operator::GtEq, Operator::LtEq),
            Closed::Left => (Operator::GtEq, Operator::Lt),
            Closed::Right => (Operator::Gt, Operator::LtEq),
            Closed::None => (Operator::Gt, Operator::Lt),
        };
        operation(value.clone(), low, lower.into_expr()).and(operation(value, high, upper.into_expr()))
    }
}

impl Comparison for Expr {}

fn operation(left: Expr, operator: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), operator, Box::new(right)))
}

pub(super) const TABLE: &[FunctionRow] = &[
    binary!("eq", Expr::eq),
    binary!("ne", Expr::not_eq),
    binary!("lt", Expr::lt),
    binary!("le", Expr::lt_eq),
    binary!("gt", Expr::gt),
    binary!("ge", Expr::gt_eq),
    binary!("eq_missing", |left, right| left.eq_missing(right)),
    binary!("ne_missing", |left, right| left.ne_missing(right)),
    FunctionRow::typed("is_between", is_between),
    FunctionRow::typed("is_in", is_in),
];

fn is_between(call: &mut Call) -> Result<Expr> {
    let (value, lower, upper) = (call.expr("the expression")?, call.expr("the lower bound")?, call.expr("the upper bound")?);
    let choices = [("both", Closed::Both), ("left", Closed::Left), ("right", Closed::Right), ("none", Closed::None)];
    Ok(value.is_between(lower, upper, call.choice("closed", &choices)?))
}

/// A null among the values equals nothing, unless `nulls_equal`.
fn is_in(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let (nulls, values): (Vec<Expr>, Vec<Expr>) = call.rest().into_iter().partition(is_null_constant);
    let null = Expr::Literal(ScalarValue::Boolean(None), None);
    let found = if values.is_empty() {
        when(value.clone().is_null()).then(null).otherwise(lit(false))
    } else {
        value.clone().in_list(values, false)
    };
    Ok(if call.flag("nulls_equal", false)? { when(value.is_null()).then(lit(!nulls.is_empty())).otherwise(found) } else { found })
}

fn is_null_constant(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if value.is_null())
}
