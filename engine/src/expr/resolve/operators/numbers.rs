//! The common type of numbers: Polars's, in which a constant has no type of its own.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, cast};

use super::decimals::of_wide_integers;
use super::kind::Kind;
use super::not_taken;
use super::within::midnight_between;
use crate::Result;

/// An operator over numbers, both sides in their common type.
pub(super) fn arithmetic(binary: BinaryExpr, left: &DataType, right: &DataType) -> Result<Transformed<Expr>> {
    let both_boolean = *left == DataType::Boolean && *right == DataType::Boolean;
    if both_boolean && matches!(binary.op, Operator::Minus | Operator::Multiply) {
        return Err(not_taken(&binary, left, right));
    }
    let common = match both_boolean {
        true => Some(DataType::UInt32),
        false => common_number(&[(&binary.left, left), (&binary.right, right)]),
    };
    if common.is_none()
        && let Some(wide) = of_wide_integers(&binary, left, right)
    {
        return Ok(Transformed::yes(wide));
    }
    let Some(common) = common.filter(|common| common != left || common != right) else {
        return Ok(Transformed::no(Expr::BinaryExpr(binary)));
    };
    let (left, right) = (cast_to(*binary.left, left, &common), cast_to(*binary.right, right, &common));
    Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), binary.op, Box::new(right)))))
}

/// The value as another type; a constant at once. Of a time zone, a date is its midnight in UTC.
pub(crate) fn cast_to(expr: Expr, from: &DataType, to: &DataType) -> Expr {
    match &expr {
        _ if from == to => expr,
        _ if let Some(midnight) = midnight_between(from, to) => cast_to(cast_to(expr, from, &midnight), &midnight, to),
        Expr::Literal(value, metadata) => match value.cast_to(to) {
            Ok(value) => Expr::Literal(value, metadata.clone()),
            Err(_) => cast(expr, to.clone()),
        },
        _ => cast(expr, to.clone()),
    }
}

/// The value of a constant that takes the type of what it meets: whole numbers and floats as they are written.
pub(crate) fn untyped(expr: &Expr) -> Option<&ScalarValue> {
    match expr {
        Expr::Literal(value @ (ScalarValue::Int32(_) | ScalarValue::Int64(_) | ScalarValue::Float64(_)), None) => {
            Some(value).filter(|value| !value.is_null())
        }
        _ => None,
    }
}

/// Float64, if floats stand beside decimals and perhaps other numbers; None of decimals without floats.
fn beside_decimals<'a>(types: impl Iterator<Item = &'a DataType> + Clone) -> Option<DataType> {
    let mut kinds = types.map(Kind::of);
    let are_numbers = kinds.clone().all(|kind| kind.is_number() || kind == Kind::Decimal);
    (are_numbers && kinds.any(|kind| kind == Kind::Float)).then_some(DataType::Float64)
}

/// The type in which all of these numbers can be computed; None where Arrow has none that holds them.
pub(crate) fn common_number(parts: &[(&Expr, &DataType)]) -> Option<DataType> {
    if parts.iter().any(|(_, own)| Kind::of(own) == Kind::Decimal) {
        return beside_decimals(parts.iter().map(|(_, own)| *own));
    }
    let constants: Vec<&ScalarValue> = parts.iter().filter_map(|(expr, _)| untyped(expr)).collect();
    if constants.len() == parts.len() {
        return parts.iter().map(|(_, own)| Some((*own).clone())).reduce(|a, b| wider(&a?, &b?)).flatten();
    }
    let typed = parts.iter().filter(|(expr, _)| untyped(expr).is_none());
    let typed = typed.map(|(_, own)| Some((*own).clone())).reduce(|a, b| wider(&a?, &b?)).flatten()?;
    constants.into_iter().try_fold(typed, |typed, constant| with_constant(&typed, constant))
}

/// The type, or a wider one if the constant does not fit in it.
fn with_constant(own: &DataType, constant: &ScalarValue) -> Option<DataType> {
    if constant.data_type().is_floating() {
        return Some(if own.is_floating() { own.clone() } else { DataType::Float64 });
    }
    if own.is_floating() || constant.cast_to(own).is_ok_and(|value| !value.is_null()) && own.is_integer() {
        return Some(own.clone());
    }
    if *own == DataType::Boolean {
        return Some(DataType::Int64);
    }
    wider(own, &narrowest(constant, own.is_unsigned_integer())?).or(Some(DataType::Int64))
}

/// The narrowest integer type of a constant.
fn narrowest(constant: &ScalarValue, unsigned: bool) -> Option<DataType> {
    use DataType::{Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64};
    let is_negative = matches!(constant.cast_to(&Int64), Ok(ScalarValue::Int64(Some(value))) if value < 0);
    let candidates = if unsigned && !is_negative { [UInt8, UInt16, UInt32, UInt64] } else { [Int8, Int16, Int32, Int64] };
    candidates.into_iter().find(|candidate| constant.cast_to(candidate).is_ok_and(|value| !value.is_null()))
}

/// The narrowest type that holds the values of all, true and false among them as 1 and 0; Float64 of decimals beside floats. None where
/// one is of another kind.
pub(crate) fn widest_number<'a>(mut types: impl Iterator<Item = &'a DataType> + Clone) -> Option<DataType> {
    if types.clone().any(|own| Kind::of(own) == Kind::Decimal) {
        return beside_decimals(types);
    }
    let first = types.next().filter(|first| Kind::of(first).is_number())?.clone();
    types.try_fold(first, |widest, other| wider(&widest, other).filter(|_| Kind::of(other).is_number()))
}

/// The narrowest type that holds the values of both; floats where only they can, nearly.
fn wider(a: &DataType, b: &DataType) -> Option<DataType> {
    match (a, b) {
        _ if a == b => Some(a.clone()),
        (DataType::Boolean, other) | (other, DataType::Boolean) => Some(other.clone()),
        (float, other) | (other, float) if float.is_floating() => Some(with_float(float, other)),
        _ => wider_integer(a, b),
    }
}

fn with_float(float: &DataType, other: &DataType) -> DataType {
    let is_narrow = other.primitive_width().is_some_and(|bytes| bytes <= if other.is_floating() { 4 } else { 2 });
    if *float == DataType::Float64 || !is_narrow { DataType::Float64 } else { DataType::Float32 }
}

fn wider_integer(a: &DataType, b: &DataType) -> Option<DataType> {
    let (width_a, width_b) = (a.primitive_width()?, b.primitive_width()?);
    let (signed_a, signed_b) = (a.is_signed_integer(), b.is_signed_integer());
    if signed_a == signed_b {
        return Some(if width_a >= width_b { a.clone() } else { b.clone() });
    }
    let (signed, unsigned) = if signed_a { (width_a, width_b) } else { (width_b, width_a) };
    match signed.max(unsigned * 2) {
        2 => Some(DataType::Int16),
        4 => Some(DataType::Int32),
        8 => Some(DataType::Int64),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::{col, lit};
    use DataType::{Boolean, Float32, Float64, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64};

    #[test]
    fn columns_meet_in_the_narrowest_type_that_holds_both() {
        for (a, b, expected) in [
            (Int8, UInt8, Some(Int16)),
            (UInt16, Int8, Some(Int32)),
            (UInt32, Int64, Some(Int64)),
            (UInt8, UInt64, Some(UInt64)),
            (UInt64, Int8, None),
            (Float32, Int16, Some(Float32)),
            (Float32, Int32, Some(Float64)),
            (Boolean, UInt8, Some(UInt8)),
        ] {
            let (x, y) = (col("x"), col("y"));
            assert_eq!(common_number(&[(&x, &a), (&y, &b)]), expected, "{a} {b}");
        }
    }

    #[test]
    fn decimals_meet_floats_in_floats_and_nothing_else() {
        let decimal = DataType::Decimal128(12, 2);
        let x = col("x");
        let common = |types: &[&DataType]| common_number(&types.iter().map(|own| (&x, *own)).collect::<Vec<_>>());
        for types in [[&decimal, &Float32], [&Float64, &decimal]] {
            assert_eq!((common(&types), widest_number(types.into_iter())), (Some(Float64), Some(Float64)));
        }
        assert_eq!(common(&[&decimal, &Int64, &Float32]), Some(Float64));
        assert_eq!((common(&[&decimal, &Int64]), common(&[&decimal, &DataType::Utf8, &Float64])), (None, None));
    }

    #[test]
    fn constants_take_the_columns_type_if_they_fit() {
        for (own, constant, expected) in [
            (UInt8, lit(1_i64), UInt8),
            (UInt8, lit(300_i64), UInt16),
            (UInt8, lit(-1_i64), Int16),
            (UInt64, lit(-1_i64), Int64),
            (Int8, lit(300_i64), Int16),
            (Int32, lit(1.5), Float64),
            (Float32, lit(1.5), Float32),
            (Float32, lit(7_i64), Float32),
        ] {
            let (x, own_constant) = (col("x"), if constant == lit(1.5) { Float64 } else { Int64 });
            assert_eq!(common_number(&[(&x, &own), (&constant, &own_constant)]), Some(expected), "{own} {constant}");
        }
    }
}
