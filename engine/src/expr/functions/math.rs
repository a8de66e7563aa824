//! Mathematics of single values.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::functions::math::expr_fn as math;
use datafusion::logical_expr::Expr;
use datafusion::scalar::ScalarValue;
use gradframe_plan::error::from_datafusion;
use gradframe_plan::functions::column::per_row;
use gradframe_plan::functions::{enum_place, frame};

use super::super::call::Call;
use super::super::resolve::{cast_to, shown};
use super::super::table::{FunctionRow, Takes};
use super::super::{IntoExpr, lit, when};
use super::{cast, deferred_call, numeric};
use crate::Result;
use gradframe_plan::names::type_name;

/// Mathematics of single values; null for null.
///
/// ```
/// use gradframe::{Session, expr::{prelude::*}};
///
/// let session = Session::builder().in_memory().build()?;
/// let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 4, 2.5)) AS t(k, n, x)"))?;
/// let rows = frame.select([Mathematics::round(col("x"), 0), col("n").clip(lit(2), lit(3)).alias("clipped")])?;
/// assert_eq!(session.block_on(rows.filter(col("clipped").eq(lit(3)))?.count())?, 1);
/// # Ok::<(), gradframe::Error>(())
/// ```
pub trait Mathematics: Into<Expr> + Sized {
    /// Rounded to so many decimals, halves to the even neighbour. Integers stay as they are.
    fn round(self, decimals: i64) -> Expr {
        deferred_call!("round", [self.into()], decimals = decimals)
    }

    /// The logarithm to a base.
    fn log(self, base: impl IntoExpr) -> Expr {
        per_row("log_of_base", vec![self.into(), base.into_expr()], vec![])
    }

    /// Not below `lower` and not above `upper`; null bounds are none.
    fn clip(self, lower: impl IntoExpr, upper: impl IntoExpr) -> Expr {
        deferred_call!("clip", [self.into(), lower.into_expr(), upper.into_expr()])
    }

    /// -1, 0 or 1, of the value's type.
    fn sign(self) -> Expr {
        deferred_call!("sign", [self.into()])
    }
}

impl Mathematics for Expr {}

pub(super) const TABLE: &[FunctionRow] = &[
    numeric!("sin", math::sin),
    numeric!("cos", math::cos),
    numeric!("tan", math::tan),
    numeric!("cot", math::cot),
    numeric!("arcsin", |x| per_row("arcsin", vec![x], vec![])),
    numeric!("arccos", |x| per_row("arccos", vec![x], vec![])),
    numeric!("arctan", math::atan),
    numeric!("sinh", math::sinh),
    numeric!("cosh", math::cosh),
    numeric!("tanh", math::tanh),
    numeric!("arcsinh", math::asinh),
    numeric!("arccosh", |x| per_row("arccosh", vec![x], vec![])),
    numeric!("arctanh", |x| per_row("arctanh", vec![x], vec![])),
    numeric!("degrees", math::degrees),
    numeric!("radians", math::radians),
    numeric!("cbrt", math::cbrt),
    numeric!("log1p", |x| per_row("log1p", vec![x], vec![])),
    numeric!("erf", |x| per_row("erf", vec![x], vec![])),
    numeric!("erfc", |x| per_row("erfc", vec![x], vec![])),
    numeric!("log10", |x| x.log(lit(10.0))),
    FunctionRow::typed("arctan2", |call| Ok(math::atan2(call.expr("the ordinate")?, call.expr("the abscissa")?)))
        .takes(Takes::Numbers),
    FunctionRow::typed("log", |call| {
        let value = call.expr("the expression")?;
        super::arithmetic::require_number(call, &value, &call.type_of(&value)?)?;
        Ok(match call.optional_expr() {
            Some(base) => value.log(base),
            None => per_row("ln", vec![value], vec![]),
        })
    }),
    FunctionRow::typed("round", |call| {
        let choices = [("half_to_even", "half_to_even"), ("half_away_from_zero", "half_away_from_zero"), ("to_zero", "to_zero")];
        let mode = call.choice("mode", &choices)?;
        rounded(call, mode)
    })
    .takes(Takes::ANumber),
    FunctionRow::typed("truncate", |call| rounded(call, "to_zero")).takes(Takes::ANumber),
    FunctionRow::typed("round_sig_figs", round_sig_figs).takes(Takes::ANumber),
    FunctionRow::typed("clip", clip),
    FunctionRow::typed("sign", sign).takes(Takes::ANumber),
    FunctionRow::typed("is_close", is_close).takes(Takes::Numbers),
    FunctionRow::typed("count_bits", |call| {
        let value = call.expr("the expression")?;
        Ok(per_row("count_bits", vec![value], vec![call.text("of")?.as_str().into()]))
    })
    .takes(Takes::ANumber),
    FunctionRow::typed("hash", |call| {
        let value = call.expr("the expression")?;
        Ok(per_row("hash_value", vec![value], vec![call.optional_int("seed")?.unwrap_or(0).into()]))
    }),
    FunctionRow::typed("lower_bound", |call| bound(call, false)),
    FunctionRow::typed("upper_bound", |call| bound(call, true)),
    FunctionRow::typed("to_physical", to_physical),
    FunctionRow::typed("reinterpret", reinterpret),
];

fn rounded(call: &mut Call, mode: &str) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let decimals = call.optional_int("decimals")?.unwrap_or(0);
    let own = call.type_of(&value)?;
    Ok(match own {
        own if own.is_floating() || own.is_decimal() => per_row("round_to", vec![value], vec![decimals.into(), mode.into()]),
        _ => value,
    })
}

fn round_sig_figs(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let digits = call.count("digits")?;
    if digits == 0 {
        return Err(call.wrong("`digits` is 0, expected 1 or more"));
    }
    Ok(per_row("round_sig_figs", vec![value], vec![(digits as i64).into()]))
}

fn clip(call: &mut Call) -> Result<Expr> {
    let (value, lower, upper) = (call.expr("the expression")?, call.expr("the lower bound")?, call.expr("the upper bound")?);
    let own = call.type_of(&value)?;
    // A NaN stays one, though it is above every bound.
    let is_number = |x: &Expr| if own.is_floating() { math::isnan(x.clone()).is_not_true() } else { lit(true) };
    let below = value.clone().lt(lower.clone());
    let above = value.clone().gt(upper.clone()).and(is_number(&value));
    let (lower_type, upper_type) = (call.type_of(&lower)?, call.type_of(&upper)?);
    let clipped = when(below).then(cast_to(lower, &lower_type, &own)).when(above).then(cast_to(upper, &upper_type, &own));
    Ok(clipped.otherwise(value))
}

fn sign(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let own = call.type_of(&value)?;
    if own.is_integer() || matches!(own, DataType::Float32 | DataType::Float64) {
        return Ok(per_row("sign_of", vec![value], vec![]));
    }
    let constant = |sign: i64| cast(lit(sign), own.clone());
    let mut signs = when(value.clone().is_null()).then(value.clone());
    if own.is_floating() {
        signs = signs.when(math::isnan(value.clone())).then(value.clone());
    }
    let signs = signs.when(value.clone().gt(constant(0))).then(constant(1));
    Ok(signs.when(value.lt(constant(0))).then(constant(-1)).otherwise(constant(0)))
}

/// `|a - b| <= max(rel_tol * max(|a|, |b|), abs_tol)`, as Python's `math.isclose`.
fn is_close(call: &mut Call) -> Result<Expr> {
    let (left, right) = (call.expr("the expression")?, call.expr("the other")?);
    let (absolute, relative) = (call.optional_float("abs_tol")?.unwrap_or(0.0), call.optional_float("rel_tol")?.unwrap_or(1e-9));
    let nans_equal = call.flag("nans_equal", false)?;
    Ok(per_row("close_to", vec![left, right], vec![absolute.into(), relative.into(), nans_equal.into()]))
}

/// The least or greatest value of the type.
fn bound(call: &mut Call, greatest: bool) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let own = call.type_of(&value)?;
    let bound = if greatest { ScalarValue::max(&own) } else { ScalarValue::min(&own) };
    let float = |x: f64| ScalarValue::Float64(Some(x)).cast_to(&own).ok();
    let bound = if own.is_floating() { float(if greatest { f64::INFINITY } else { f64::NEG_INFINITY }) } else { bound };
    let bound = bound.ok_or_else(|| call.wrong(format!("values of {own} have no bounds", own = type_name(&own))))?;
    Ok(Expr::Literal(bound, None))
}

/// Dates, times and categories as the numbers that they are stored as.
fn to_physical(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    if let Some(categories) = call.categories(&value) {
        return Ok(enum_place(value, categories));
    }
    Ok(match call.type_of(&value)? {
        DataType::Dictionary(_, texts) if texts.is_string() => frame::call("cat.physical", vec![value]),
        DataType::Decimal128(..) => per_row("unscaled", vec![value], vec![]),
        own => match stored_as(&own) {
            Some(numbers) => cast(value, numbers),
            None => value,
        },
    })
}

/// The numbers that moments are stored as, inside lists and structs too; None where there is no moment.
fn stored_as(own: &DataType) -> Option<DataType> {
    let of_item = |item: &FieldRef| Some(Arc::new(item.as_ref().clone().with_data_type(stored_as(item.data_type())?)));
    match own {
        DataType::Date32 | DataType::Time32(_) => Some(DataType::Int32),
        DataType::Timestamp(_, _) | DataType::Duration(_) | DataType::Time64(_) => Some(DataType::Int64),
        DataType::List(item) => of_item(item).map(DataType::List),
        DataType::LargeList(item) => of_item(item).map(DataType::LargeList),
        DataType::FixedSizeList(item, width) => of_item(item).map(|item| DataType::FixedSizeList(item, *width)),
        DataType::Struct(fields) if fields.iter().any(|field| stored_as(field.data_type()).is_some()) => {
            Some(DataType::Struct(fields.iter().map(|field| of_item(field).unwrap_or_else(|| Arc::clone(field))).collect()))
        }
        _ => None,
    }
}

/// The same bits as another type of as many: an integer with or without a sign, or the one that is asked for. Floats stay themselves
/// where no type is asked for.
fn reinterpret(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let own = call.type_of(&value)?;
    let signed = call.flag("signed", true)?;
    let wanted = match call.optional_data_type("dtype")? {
        Some(wanted) => wanted,
        None if own.is_floating() => own.clone(),
        None => of_sign(&own, signed).unwrap_or(DataType::Null),
    };
    let has_bits = |of: &DataType| of.is_integer() || of.is_floating();
    if !has_bits(&own) {
        return Err(call.wrong(format!("`{}` is {own}, expected integers or floats", shown(&value), own = type_name(&own))));
    }
    if !has_bits(&wanted) || wanted.primitive_width() != own.primitive_width() {
        let (words, own, wanted) = (shown(&value), type_name(&own), type_name(&wanted));
        return Err(call.wrong(format!("`{words}` is {own}, which has not the bits of {wanted}")));
    }
    if wanted == own {
        return Ok(value);
    }
    Ok(per_row("reinterpret", vec![value], vec![ScalarValue::try_from(&wanted).map_err(from_datafusion)?]))
}

/// The integer of as many bits with or without a sign.
fn of_sign(own: &DataType, signed: bool) -> Option<DataType> {
    use DataType::{Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64};
    Some(match (own, signed) {
        (Int8 | UInt8, true) => Int8,
        (Int16 | UInt16, true) => Int16,
        (Int32 | UInt32, true) => Int32,
        (Int64 | UInt64, true) => Int64,
        (Int8 | UInt8, false) => UInt8,
        (Int16 | UInt16, false) => UInt16,
        (Int32 | UInt32, false) => UInt32,
        (Int64 | UInt64, false) => UInt64,
        _ => return None,
    })
}
