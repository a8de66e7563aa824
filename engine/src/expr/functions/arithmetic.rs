//! Arithmetic: the operators under their names, and integer division and remainder as Polars (and Python) mean them.

use arrow::datatypes::DataType;
use datafusion::functions::math::expr_fn as math;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, when};
use datafusion::scalar::ScalarValue;

use super::super::call::Call;
use super::super::resolve::{WIDE_INTEGER, cast_to, common_number, computed_decimal, is_wide_integer, shown, untyped};
use super::super::table::FunctionRow;
use super::super::{IntoExpr, lit};
use super::{binary, cast, deferred_call, div, numeric, unary};
use crate::Result;
use gradframe_plan::error::from_datafusion;
use gradframe_plan::functions::column::{DecimalOperation, per_row};
use gradframe_plan::names::type_name;

/// Arithmetic with Polars's meaning.
///
/// ```
/// use gradframe::{Session, expr::{prelude::*}};
///
/// let session = Session::builder().in_memory().build()?;
/// let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 4, 2.5)) AS t(k, n, x)"))?;
/// let rows = frame.select([col("n").truediv(lit(2)).alias("half"), col("n").floordiv(lit(2)).alias("whole"), col("x").sqrt()])?;
/// assert_eq!(session.block_on(rows.filter(col("half").eq(lit(0.5)).and(col("whole").eq(lit(0))))?.count())?, 1);
/// # Ok::<(), gradframe::Error>(())
/// ```
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
        deferred_call!("abs", [self.into()])
    }

    /// Square root; NaN for negative numbers.
    fn sqrt(self) -> Expr {
        deferred_call!("sqrt", [self.into()])
    }

    /// e to the power of the value.
    fn exp(self) -> Expr {
        deferred_call!("exp", [self.into()])
    }

    /// Largest whole number that is not above the value.
    fn floor(self) -> Expr {
        deferred_call!("floor", [self.into()])
    }

    /// Least whole number that is not below the value.
    fn ceil(self) -> Expr {
        deferred_call!("ceil", [self.into()])
    }
}

impl Arithmetic for Expr {}

pub(super) const TABLE: &[FunctionRow] = &[
    binary!("add", |left, right| left + right),
    binary!("sub", |left, right| left - right),
    binary!("mul", |left, right| left * right),
    FunctionRow::typed("truediv", truediv),
    FunctionRow::typed("floordiv", floordiv),
    FunctionRow::typed("truncdiv", truncdiv),
    FunctionRow::typed("mod", modulo),
    FunctionRow::typed("pow", pow),
    unary!("neg", |x| -x),
    FunctionRow::typed("abs", abs),
    numeric!("sqrt", |x| per_row("sqrt", vec![x], vec![])),
    numeric!("exp", math::exp),
    FunctionRow::typed("floor", |call| whole(call, math::floor, "down")),
    FunctionRow::typed("ceil", |call| whole(call, math::ceil, "up")),
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

/// Numbers as floats: two narrow ones as Float32. Durations are left to the operator.
fn truediv(call: &mut Call) -> Result<Expr> {
    let (left, right) = sides(call)?;
    if let Some(nested) = call.nested(&left, &right)? {
        return Ok(nested);
    }
    let (left_type, right_type) = (call.type_of(&left)?, call.type_of(&right)?);
    let is_duration = |data_type: &DataType| matches!(data_type, DataType::Duration(_));
    if is_duration(&left_type) || is_duration(&right_type) {
        return Ok(left / right);
    }
    require_number(call, &left, &left_type)?;
    require_number(call, &right, &right_type)?;
    let whole = |side: &Expr, own: &DataType| !own.is_decimal() || is_wide_integer(side);
    if (!whole(&left, &left_type) || !whole(&right, &right_type))
        && let Some(quotient) = of_decimals(call, &left, DecimalOperation::Divide, &right)?
    {
        return Ok(quotient);
    }
    let narrow = left_type == DataType::Float32 || right_type == DataType::Float32;
    let common = common_number(&[(&left, &left_type), (&right, &right_type)]).filter(|common| narrow && common.is_floating());
    let float = common.unwrap_or(DataType::Float64);
    Ok(cast(left, float.clone()) / cast(right, float))
}

fn abs(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let own = call.type_of(&value)?;
    if matches!(own, DataType::Duration(_)) {
        return Ok(cast(math::abs(cast(value, DataType::Int64)), own));
    }
    if own == DataType::Boolean {
        return Err(not_numeric(call, &value, &own));
    }
    require_number(call, &value, &own)?;
    if own.is_signed_integer() {
        let shown = ScalarValue::from(shown(&value));
        return Ok(per_row("int_abs", vec![value], vec![shown]));
    }
    Ok(math::abs(value))
}

/// Integers are whole already.
fn whole(call: &mut Call, rounded: fn(Expr) -> Expr, direction: &str) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let own = call.type_of(&value)?;
    require_number(call, &value, &own)?;
    Ok(match own {
        own if own.is_integer() => value,
        own if own.is_decimal() => per_row("round_to", vec![value], vec![0_i64.into(), direction.into()]),
        _ => rounded(value),
    })
}

/// A function of a number, booleans among them.
pub(super) fn of_number(call: &mut Call, function: fn(Expr) -> Expr) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let own = call.type_of(&value)?;
    require_number(call, &value, &own)?;
    Ok(function(if own == DataType::Boolean { cast(value, DataType::Float64) } else { value }))
}

pub(super) fn require_number(call: &Call, value: &Expr, own: &DataType) -> Result<()> {
    if own.is_numeric() || own.is_null() || *own == DataType::Boolean { Ok(()) } else { Err(not_numeric(call, value, own)) }
}

pub(super) fn not_numeric(call: &Call, value: &Expr, own: &DataType) -> crate::Error {
    crate::Error::dtype(call.name(), format!("`{}` is {own}, expected numbers", shown(value), own = type_name(own)))
}

/// What is computed of decimals, or of a decimal and an integer; None of anything else.
fn of_decimals(call: &Call, left: &Expr, operation: DecimalOperation, right: &Expr) -> Result<Option<Expr>> {
    let (left_type, right_type) = (call.type_of(left)?, call.type_of(right)?);
    let is_decimal = |own: &DataType| matches!(own, DataType::Decimal128(..));
    if !is_decimal(&left_type) && !is_decimal(&right_type) {
        return Ok(None);
    }
    let words = format!("{}({}, {})", call.name(), shown(left), shown(right));
    Ok(computed_decimal(operation, (left.clone(), left_type), (right.clone(), right_type), &words))
}

/// The part of the quotient of whole numbers that the kernel of this name gives, in their common type; None if they are no integers.
/// A UInt64 beside a signed integer has none but decimals, which hold the answer exactly.
fn of_integers(
    call: &Call,
    left: &Expr,
    kernel: &'static str,
    operation: DecimalOperation,
    right: &Expr,
) -> Result<Option<Expr>> {
    let counted = |side: &Expr| -> Result<Expr> {
        Ok(if call.type_of(side)? == DataType::Boolean { cast(side.clone(), DataType::Int32) } else { side.clone() })
    };
    let words = format!("{}({}, {})", call.name(), shown(left), shown(right));
    let (left, right) = (&counted(left)?, &counted(right)?);
    if !are_integers(call, left, right)? {
        return Ok(None);
    }
    let (left_type, right_type) = (call.type_of(left)?, call.type_of(right)?);
    let common = match common_number(&[(left, &left_type), (right, &right_type)]) {
        Some(common) => common,
        None if left_type.is_null() && right_type.is_null() => DataType::Int64,
        None if left_type.is_null() => right_type.clone(),
        None if right_type.is_null() => left_type.clone(),
        None => {
            let zero = cast_to(lit(0_i64), &DataType::Int64, &right_type);
            let divisor = datafusion::functions::core::expr_fn::nullif(right.clone(), zero);
            let exact = computed_decimal(operation, (left.clone(), left_type), (divisor, right_type), &words);
            return Ok(exact.map(|exact| cast(exact, WIDE_INTEGER)));
        }
    };
    let sides = vec![cast_to(left.clone(), &left_type, &common), cast_to(right.clone(), &right_type, &common)];
    Ok(Some(per_row(kernel, sides, vec![words.as_str().into()])))
}

fn floordiv(call: &mut Call) -> Result<Expr> {
    let (left, right) = sides(call)?;
    if let Some(nested) = call.nested(&left, &right)? {
        return Ok(nested);
    }
    if let Some(quotient) = of_decimals(call, &left, DecimalOperation::FloorDivide, &right)? {
        return Ok(quotient);
    }
    let quotient = of_integers(call, &left, "floor_quotient", DecimalOperation::FloorDivide, &right)?;
    Ok(quotient.unwrap_or_else(|| math::floor(div(left, right))))
}

fn truncdiv(call: &mut Call) -> Result<Expr> {
    let (left, right) = sides(call)?;
    if let Some(nested) = call.nested(&left, &right)? {
        return Ok(nested);
    }
    if let Some(quotient) = of_decimals(call, &left, DecimalOperation::TruncatingDivide, &right)? {
        return Ok(quotient);
    }
    let quotient = of_integers(call, &left, "whole_quotient", DecimalOperation::TruncatingDivide, &right)?;
    Ok(quotient.unwrap_or_else(|| math::trunc(vec![div(left, right)])))
}

fn modulo(call: &mut Call) -> Result<Expr> {
    const KERNEL: &str = "floor_remainder";
    let (left, right) = sides(call)?;
    if let Some(nested) = call.nested(&left, &right)? {
        return Ok(nested);
    }
    if let Some(rest) = of_decimals(call, &left, DecimalOperation::Modulo, &right)? {
        return Ok(rest);
    }
    if let Some(rest) = of_integers(call, &left, KERNEL, DecimalOperation::Modulo, &right)? {
        return Ok(rest);
    }
    let (left_type, right_type) = (call.type_of(&left)?, call.type_of(&right)?);
    match common_number(&[(&left, &left_type), (&right, &right_type)]) {
        Some(float) if matches!(float, DataType::Float32 | DataType::Float64) => {
            Ok(per_row(KERNEL, vec![cast_to(left, &left_type, &float), cast_to(right, &right_type, &float)], vec!["".into()]))
        }
        _ => signed_remainder(left, right),
    }
}

/// The truncated remainder of anything else, plus the divisor where their signs differ.
fn signed_remainder(left: Expr, right: Expr) -> Result<Expr> {
    let zero = || lit(0_i64);
    let rest = left % right.clone();
    let other_sign = rest.clone().not_eq(zero()).and(rest.clone().lt(zero()).not_eq(right.clone().lt(zero())));
    case(other_sign, rest.clone() + right, rest)
}

/// Integers to a whole power are integers of the base's type, exactly; anything else is a float.
fn pow(call: &mut Call) -> Result<Expr> {
    let (base, exponent) = (call.expr("the base")?, call.expr("the exponent")?);
    let (own, other) = (call.type_of(&base)?, call.type_of(&exponent)?);
    require_number(call, &base, &own)?;
    require_number(call, &exponent, &other)?;
    if are_integers(call, &base, &exponent)? {
        let base = if untyped(&base).is_some() { cast_to(base, &own, &DataType::Int64) } else { base };
        return Ok(per_row("int_power", vec![base, exponent], vec![]));
    }
    let is_narrow = own == DataType::Float32 && (other == DataType::Float32 || untyped(&exponent).is_some());
    let power = gradframe_plan::functions::power(cast(base, DataType::Float64), cast(exponent, DataType::Float64));
    Ok(if is_narrow { cast(power, DataType::Float32) } else { power })
}

fn logical(call: &mut Call, truth: Operator, bits: Operator) -> Result<Expr> {
    let (left, right) = sides(call)?;
    match of_bits(call, &left, bits, &right)? {
        Some(answer) => Ok(answer),
        None => Ok(operation(left, truth, right)),
    }
}

/// Of integers each bit, else of truth values.
fn xor(call: &mut Call) -> Result<Expr> {
    let (left, right) = sides(call)?;
    if let Some(answer) = of_bits(call, &left, Operator::BitwiseXor, &right)? {
        return Ok(answer);
    }
    for side in [&left, &right] {
        let own = call.type_of(side)?;
        if !matches!(own, DataType::Boolean | DataType::Null) {
            let what = format!("`{}` is {own}, expected conditions or integers", shown(side), own = type_name(&own));
            return Err(crate::Error::dtype(call.name(), what));
        }
    }
    Ok(operation(left, Operator::NotEq, right))
}

/// The operator on the bits of integers, both sides in their common type; None for what is none.
fn of_bits(call: &Call, left: &Expr, operator: Operator, right: &Expr) -> Result<Option<Expr>> {
    if !are_integers(call, left, right)? {
        return Ok(None);
    }
    let (left_type, right_type) = (call.type_of(left)?, call.type_of(right)?);
    let common = common_number(&[(left, &left_type), (right, &right_type)]).filter(DataType::is_integer);
    Ok(Some(match common {
        Some(common) => {
            operation(cast_to(left.clone(), &left_type, &common), operator, cast_to(right.clone(), &right_type, &common))
        }
        None => operation(left.clone(), operator, right.clone()),
    }))
}

/// Truth values are negated; of integers, every bit.
fn not(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let own = call.type_of(&value)?;
    if !own.is_integer() {
        return Ok(!value);
    }
    let bits = 8 * own.primitive_width().unwrap_or(8) as u32;
    let all = if own.is_unsigned_integer() { lit(u64::MAX >> (64 - bits)) } else { lit(-1_i64) };
    let all_type = if own.is_unsigned_integer() { DataType::UInt64 } else { DataType::Int64 };
    Ok(operation(value, Operator::BitwiseXor, cast_to(all, &all_type, &own)))
}

pub(super) fn operation(left: Expr, operator: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), operator, Box::new(right)))
}

pub(super) fn case(condition: Expr, then: Expr, otherwise: Expr) -> Result<Expr> {
    when(condition, then).otherwise(otherwise).map_err(from_datafusion)
}
