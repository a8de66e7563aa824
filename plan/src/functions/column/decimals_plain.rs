//! Decimal arithmetic by DataFusion's operators, where they mean the same.
//!
//! Their result has room for what two decimals of so many digits can give, up to 38. Where fewer do, nothing is rounded and nothing
//! overflows, and the optimizer knows the operators: a frame is then the plan that its SQL is.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, cast};

use super::decimals::{DIGITS, DecimalOperation};
use crate::element_types::digits_of_integer;

/// A side of an operation: the expression, how many digits it has, and how many of them behind the point.
struct Side {
    expr: Expr,
    precision: u8,
    scale: i8,
}

/// The sum, difference or product of two decimals as an operator, cast to the 38 digits of every result; None where it would have more.
pub(super) fn plain(operation: DecimalOperation, args: &[Expr], info: &SimplifyContext) -> Option<Expr> {
    let operator = match operation {
        DecimalOperation::Add => Operator::Plus,
        DecimalOperation::Subtract => Operator::Minus,
        DecimalOperation::Multiply => Operator::Multiply,
        _ => return None,
    };
    let [left, right] = args else { return None };
    let (left, right) = (narrowest(left, info)?, narrowest(right, info)?);
    let (precision, scale) = match operator {
        Operator::Multiply => (left.precision + right.precision + 1, left.scale + right.scale),
        _ => {
            let before_point = (left.precision - left.scale as u8).max(right.precision - right.scale as u8);
            let scale = left.scale.max(right.scale);
            (before_point + scale as u8 + 1, scale)
        }
    };
    // Of just as many the cast would go, and then `x * 1` become an `x` of fewer.
    if precision >= DIGITS {
        return None;
    }
    let computed = Expr::BinaryExpr(BinaryExpr::new(Box::new(left.expr), operator, Box::new(right.expr)));
    Some(cast(computed, DataType::Decimal128(DIGITS, scale)))
}

/// The side with as few digits as are known to hold it: a constant's own, an integer's, those before a cast that only made them more.
fn narrowest(side: &Expr, info: &SimplifyContext) -> Option<Side> {
    let side = match side {
        Expr::Cast(Cast { expr, field }) => before_cast(expr, field.data_type(), info),
        Expr::Literal(ScalarValue::Decimal128(Some(value), _, scale), metadata) => {
            let precision = digits(*value).max(u8::try_from(*scale).ok()?);
            let expr = Expr::Literal(ScalarValue::Decimal128(Some(*value), precision, *scale), metadata.clone());
            Some(Side { expr, precision, scale: *scale })
        }
        _ => None,
    }
    .or_else(|| of_type(side, info))?;
    // What has digits before the point only by its type has none here.
    (0..=side.precision as i8).contains(&side.scale).then_some(side)
}

fn before_cast(expr: &Expr, to: &DataType, info: &SimplifyContext) -> Option<Side> {
    let DataType::Decimal128(DIGITS, to_scale) = to else { return None };
    match info.get_data_type(expr).ok()? {
        DataType::Decimal128(precision, scale) if scale == *to_scale => Some(Side { expr: expr.clone(), precision, scale }),
        own if *to_scale == 0 => {
            let precision = digits_of_integer(&own)?;
            Some(Side { expr: cast(expr.clone(), DataType::Decimal128(precision, 0)), precision, scale: 0 })
        }
        _ => None,
    }
}

fn of_type(expr: &Expr, info: &SimplifyContext) -> Option<Side> {
    match info.get_data_type(expr).ok()? {
        DataType::Decimal128(precision, scale) => Some(Side { expr: expr.clone(), precision, scale }),
        _ => None,
    }
}

fn digits(value: i128) -> u8 {
    value.unsigned_abs().checked_ilog10().map_or(1, |below| below as u8 + 1)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::{Field, Schema};
    use datafusion::common::ToDFSchema;
    use datafusion::logical_expr::{col, lit};

    use super::super::decimals::decimal_arithmetic;
    use super::*;

    /// The expression as the optimizer leaves it.
    fn simplified(expr: Expr) -> String {
        let columns = [
            ("price", DataType::Decimal128(15, 2)),
            ("wide", DataType::Decimal128(30, 4)),
            ("whole", DataType::Decimal128(20, -2)),
            ("n", DataType::Int64),
        ];
        let schema = Schema::new(columns.map(|(name, own)| Field::new(name, own, false)).to_vec());
        let info = SimplifyContext::builder().with_schema(Arc::new(schema.to_dfschema().unwrap())).build();
        datafusion::optimizer::simplify_expressions::ExprSimplifier::new(info).simplify(expr).unwrap().to_string()
    }

    fn of(left: Expr, operation: DecimalOperation, right: Expr) -> Expr {
        decimal_arithmetic(left, operation, right, "words")
    }

    fn one() -> Expr {
        lit(ScalarValue::Decimal128(Some(1), 38, 0))
    }

    #[test]
    fn what_has_fewer_than_38_digits_is_an_operator() {
        use DecimalOperation::{Divide, Multiply, Subtract};
        let discounted = of(col("price"), Multiply, of(one(), Subtract, col("price")));
        let cases = [
            (of(col("price"), Multiply, col("price")), "CAST(price * price AS Decimal128(38, 4))"),
            (discounted.clone(), "CAST(price * (Decimal128(1,1,0) - price) AS Decimal128(38, 4))"),
            (
                of(col("price"), Subtract, cast(col("n"), DataType::Decimal128(38, 0))),
                "CAST(price - CAST(n AS Decimal128(19, 0)) AS Decimal128(38, 2))",
            ),
            (of(col("price"), Multiply, one()), "CAST(CAST(price AS Decimal128(17, 2)) AS Decimal128(38, 2))"),
        ];
        for (expr, expected) in cases {
            assert_eq!(simplified(expr), expected);
        }
        for other in [
            of(discounted, Multiply, col("price")),
            of(col("wide"), Multiply, col("price")),
            of(col("whole"), Multiply, col("price")),
            of(col("price"), Divide, col("price")),
        ] {
            assert!(simplified(other.clone()).starts_with("decimal_arithmetic"), "{other}");
        }
    }
}
