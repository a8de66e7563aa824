//! Arithmetic of decimals: exact with other decimals and integers, in floats with floats. They are compared so, too.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, cast};
use gradframe_plan::functions::column::{DecimalOperation, decimal_arithmetic, is_decimal_arithmetic};

use super::super::names::shown;
use super::Typed;
use super::numbers::{cast_to, untyped};

/// Room for every product of integers.
const WHOLE: DataType = DataType::Decimal128(38, 0);
/// What is computed of a UInt64 and a signed integer, which have no common type but this one. A product is as wide as decimals are.
pub(crate) const WIDE_INTEGER: DataType = DataType::Decimal128(20, 0);

/// The operator over a UInt64 and a signed integer; None for what these are not.
pub(super) fn of_wide_integers(binary: &BinaryExpr, left: &DataType, right: &DataType) -> Option<Expr> {
    if !left.is_integer() || !right.is_integer() {
        return None;
    }
    let words = shown(&Expr::BinaryExpr(binary.clone()));
    let sides = ((*binary.left.clone(), left.clone()), (*binary.right.clone(), right.clone()));
    match binary.op {
        Operator::Plus | Operator::Minus => Some(cast(arithmetic(binary.op, sides.0, sides.1, &words)?, WIDE_INTEGER)),
        Operator::Multiply => arithmetic(binary.op, sides.0, sides.1, &words),
        _ => None,
    }
}

/// Whether a decimal is the sum, difference, product or quotient of integers, as which it is divided.
pub(crate) fn is_wide_integer(expr: &Expr) -> bool {
    match expr {
        Expr::Alias(alias) => is_wide_integer(&alias.expr),
        Expr::Negative(value) => is_wide_integer(value),
        Expr::Cast(cast) if *cast.field.data_type() == WIDE_INTEGER => is_wide_integer(&cast.expr),
        Expr::ScalarFunction(function) => {
            is_decimal_arithmetic(function)
                && function.args.iter().all(|side| is_wide_integer(side) || is_integer_made_wide(side))
        }
        _ => false,
    }
}

/// An integer beside a decimal is cast by [`exact`]; a cast that the user has written is no plain one.
fn is_integer_made_wide(side: &Expr) -> bool {
    match side {
        Expr::Cast(cast) => *cast.field.data_type() == WHOLE,
        Expr::Literal(value, _) => value.data_type() == WHOLE,
        _ => false,
    }
}

/// What the operator gives of two numbers of which one is a decimal; None if it means nothing.
pub(super) fn arithmetic(op: Operator, left: Typed, right: Typed, words: &str) -> Option<Expr> {
    let operation = match op {
        Operator::Plus => DecimalOperation::Add,
        Operator::Minus => DecimalOperation::Subtract,
        Operator::Multiply => DecimalOperation::Multiply,
        Operator::Divide => DecimalOperation::Divide,
        Operator::Modulo => DecimalOperation::Modulo,
        _ => return None,
    };
    if left.1.is_floating() || right.1.is_floating() {
        let float = |(expr, own): Typed| Box::new(cast_to(expr, &own, &DataType::Float64));
        return Some(Expr::BinaryExpr(BinaryExpr::new(float(left), op, float(right))));
    }
    computed(operation, left, right, words)
}

/// The operation over decimals and integers; None for anything else.
pub(crate) fn computed(operation: DecimalOperation, left: Typed, right: Typed, words: &str) -> Option<Expr> {
    Some(decimal_arithmetic(exact(left)?, operation, exact(right)?, words))
}

/// Decimal digits that a float of 64 bits tells apart for sure.
const FLOAT_DIGITS: usize = 15;

/// A comparison of a decimal with a float, as floats. A constant of few digits becomes the decimal that is written: beside a column
/// of few digits the answer is the same, and a file's least and greatest decimals go on telling which of its rows are read.
pub(super) fn compared_with_float(binary: BinaryExpr, left: &DataType, right: &DataType) -> Transformed<Expr> {
    let constant = |side: &Expr, other: &DataType| match other {
        DataType::Decimal128(precision, 0..) if usize::from(*precision) <= FLOAT_DIGITS => as_written(side),
        _ => None,
    };
    let float = |side: Box<Expr>, own: &DataType| cast_to(*side, own, &DataType::Float64);
    let (left, right) = match (constant(&binary.left, right), constant(&binary.right, left)) {
        (Some(decimal), _) => (decimal, *binary.right),
        (_, Some(decimal)) => (*binary.left, decimal),
        (None, None) => (float(binary.left, left), float(binary.right, right)),
    };
    Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), binary.op, Box::new(right))))
}

/// A constant float as the decimal of its shortest digits; None if those are many.
fn as_written(constant: &Expr) -> Option<Expr> {
    let Some(ScalarValue::Float64(Some(number))) = untyped(constant) else { return None };
    let text = number.is_finite().then(|| number.to_string())?;
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let digits = whole.trim_start_matches('-').len() + fraction.len();
    if digits > FLOAT_DIGITS {
        return None;
    }
    let value = format!("{whole}{fraction}").parse().ok()?;
    Some(Expr::Literal(ScalarValue::Decimal128(Some(value), digits as u8, fraction.len() as i8), None))
}

fn exact((expr, own): Typed) -> Option<Expr> {
    match own {
        DataType::Decimal128(..) => Some(expr),
        own if own.is_integer() => Some(cast_to(expr, &own, &WHOLE)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::lit;

    #[test]
    fn a_short_float_is_the_decimal_that_is_written() {
        let decimal = |value, digits, scale| Some(Expr::Literal(ScalarValue::Decimal128(Some(value), digits, scale), None));
        assert_eq!(as_written(&lit(0.05)), decimal(5, 3, 2));
        assert_eq!(as_written(&lit(-12.5)), decimal(-125, 3, 1));
        assert_eq!(as_written(&lit(3.0)), decimal(3, 1, 0));
        for long in [0.1 + 0.2, 1e30, f64::NAN, f64::INFINITY] {
            assert_eq!(as_written(&lit(long)), None, "{long}");
        }
    }
}
