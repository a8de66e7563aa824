//! Arithmetic of decimals: exact with other decimals and integers, in floats with floats.

use arrow::datatypes::DataType;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use gradframe_plan::functions::column::{DecimalOperation, decimal_arithmetic};

use super::Typed;
use super::numbers::cast_to;

/// Room for every integer.
const WHOLE: DataType = DataType::Decimal128(38, 0);

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

fn exact((expr, own): Typed) -> Option<Expr> {
    match own {
        DataType::Decimal128(..) => Some(expr),
        own if own.is_integer() => Some(cast_to(expr, &own, &WHOLE)),
        _ => None,
    }
}
