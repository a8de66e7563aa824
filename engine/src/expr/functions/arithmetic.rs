//! Arithmetic: the operators under their names, and integer division and remainder as Polars (and Python) mean them.

use arrow::datatypes::DataType;
use datafusion::functions::math::expr_fn as math;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, when};

use super::super::call::Call;
use super::super::table::FunctionRow;
use super::super::{IntoExpr, lit};
use super::{binary, cast, deferred_call, div, unary};
use crate::Result;
use gradframe_plan::error::from_datafusion;

/// Arithmetic with Polars's meaning.
pub trait Arithmetic: Into<Expr> + Sized {
    /// Division that is true also for integers.
    fn truediv(self, other: impl IntoExpr) -> Expr {
        div(self.into(), other)
    }

    /// The quotient rounded down: `-7 // 2` is -4. An integer divided by 0 is null.
    fn floordiv(self, other: impl IntoExpr) -> Expr {
        deferred_call!("floordiv", [self.into(), other.into_expr()])
    }

    /// The quotient rounded towards 0: -7 by 2 is -3. An integer divided by 0 is null.
    fn truncdiv(self, other: impl IntoExpr) -> Expr {
        deferred_call!("truncdiv", [self.into(), other.into_expr()])
    }

    /// What [`Arithmetic::floordiv`] leaves, of the divisor's sign: -7 by 2 leaves 1. By an integer 0: null.
    fn modulo(self, other: impl IntoExpr) -> Expr {
        deferred_call!("mod", [self.into(), other.into_expr()])
    }

    /// The value to a power.
    fn pow(self, exponent: impl IntoExpr) -> Expr {
        deferred_call!("pow", [self.into(), exponent.into_expr()])
    }

    /// Bits or truth values that differ.
    fn xor(self, other: impl IntoExpr) -> Expr {
        deferred_call!("xor", [self.into(), other.into_expr()])
    }

    /// Absolute value.
    fn abs(self) -> Expr {
        math::abs(self.into())
    }

    /// Square root; NaN for negative numbers.
    fn sqrt(self) -> Expr {
        math::sqrt(self.into())
    }

    /// e to the power of the value.
    fn exp(self) -> Expr {
        math::exp(self.into())
    }

    /// Largest whole number that is not above the value.
    fn floor(self) -> Expr {
        math::floor(self.into())
    }

    /// Least whole number that is not below the value.
    fn ceil(self) -> Expr {
        math::ceil(self.into())
    }
}

impl Arithmetic for Expr {}

pub(super) const TABLE: &[FunctionRow] = &[
    binary!("add", |left, right| left + right),
    binary!("sub", |left, right| left - right),
    binary!("mul", |left, right| left * right),
    binary!("truediv", |left, right| left.truediv(right)),
    FunctionRow::typed("floordiv", floordiv),
    FunctionRow::typed("truncdiv", truncdiv),
    FunctionRow::typed("mod", modulo),
    FunctionRow::typed("pow", pow),
    unary!("neg", |x| -x),
    unary!("abs", Arithmetic::abs),
    unary!("sqrt", Arithmetic::sqrt),
    unary!("exp", Arithmetic::exp),
    unary!("floor", Arithmetic::floor),
    unary!("ceil", Arithmetic::ceil),
    FunctionRow::typed("and_", |call| logical(call, Operator::And, Operator::BitwiseAnd)),
    FunctionRow::typed("or_", |call| logical(call, Operator::Or, Operator::BitwiseOr)),
    FunctionRow::typed("xor", xor),
    FunctionRow::typed("not_", not),
];

fn sides(call: &mut Call) -> Result<(Expr, Expr)> {
    Ok((call.expr("the left side")?, call.expr("the right side")?))
}

fn are_integers(call: &Call, left: &Expr, right: &Expr) -> Result<bool> {
    let whole = |data_type: DataType| data_type.is_integer() || data_type.is_null();
    Ok(whole(call.type_of(left)?) && whole(call.type_of(right)?))
}

/// The divisor, or null in place of an integer 0, by which nothing can be divided.
fn not_zero(divisor: Expr) -> Expr {
    datafusion::functions::core::expr_fn::nullif(divisor, lit(0_i64))
}

/// Integers: the truncated quotient, less 1 where there is a remainder of another sign than the divisor's.
fn floordiv(call: &mut Call) -> Result<Expr> {
    let (left, right) = sides(call)?;
    if !are_integers(call, &left, &right)? {
        return Ok(math::floor(div(left, right)));
    }
    let right = not_zero(right);
    let rest = left.clone() % right.clone();
    let rounds_up = rest.clone().not_eq(lit(0_i64)).and(rest.lt(lit(0_i64)).not_eq(right.clone().lt(lit(0_i64))));
    let quotient = left / right;
    case(rounds_up, quotient.clone() - lit(1_i64), quotient)
}

fn truncdiv(call: &mut Call) -> Result<Expr> {
    let (left, right) = sides(call)?;
    let whole = are_integers(call, &left, &right)?;
    Ok(if whole { left / not_zero(right) } else { math::trunc(vec![div(left, right)]) })
}

/// The truncated remainder, plus the divisor where their signs differ.
fn modulo(call: &mut Call) -> Result<Expr> {
    let (left, right) = sides(call)?;
    let zero = || lit(0_i64);
    let right = if are_integers(call, &left, &right)? { not_zero(right) } else { right };
    let rest = left % right.clone();
    let other_sign = rest.clone().not_eq(zero()).and(rest.clone().lt(zero()).not_eq(right.clone().lt(zero())));
    case(other_sign, rest.clone() + right, rest)
}

/// Integers to a whole power are integers; anything else is a float.
fn pow(call: &mut Call) -> Result<Expr> {
    let (base, exponent) = (call.expr("the base")?, call.expr("the exponent")?);
    if are_integers(call, &base, &exponent)? {
        return Ok(cast(math::power(base, exponent), DataType::Int64));
    }
    Ok(math::power(cast(base, DataType::Float64), cast(exponent, DataType::Float64)))
}

fn logical(call: &mut Call, truth: Operator, bits: Operator) -> Result<Expr> {
    let (left, right) = sides(call)?;
    let operator = if are_integers(call, &left, &right)? { bits } else { truth };
    Ok(operation(left, operator, right))
}

fn xor(call: &mut Call) -> Result<Expr> {
    let (left, right) = sides(call)?;
    let operator = if are_integers(call, &left, &right)? { Operator::BitwiseXor } else { Operator::NotEq };
    Ok(operation(left, operator, right))
}

/// Truth values are negated; of integers, every bit.
fn not(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let own = call.type_of(&value)?;
    Ok(if own.is_integer() { operation(value, Operator::BitwiseXor, cast(lit(-1_i64), own)) } else { !value })
}

pub(super) fn operation(left: Expr, operator: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), operator, Box::new(right)))
}

pub(super) fn case(condition: Expr, then: Expr, otherwise: Expr) -> Result<Expr> {
    when(condition, then).otherwise(otherwise).map_err(from_datafusion)
}
