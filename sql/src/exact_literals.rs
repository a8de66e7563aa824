//! Numbers under a cast to a decimal keep all their digits.
//!
//! DataFusion reads a number that is no 64-bit integer as a float: `1.005` is then a little less, and of a long number 15 digits
//! are sure. As a text it is cast exactly.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{DataType, Expr, UnaryOperator, Value, VisitMut, VisitorMut};

/// Integers of so many digits are read exactly.
const INTEGER_DIGITS: usize = 18;

/// Writes such numbers in `CAST(number AS DECIMAL(...))` as texts.
pub(crate) fn keep_digits(statement: &mut impl VisitMut) {
    let _: ControlFlow<()> = statement.visit(&mut KeepDigits);
}

struct KeepDigits;

impl VisitorMut for KeepDigits {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Cast { expr: number, data_type: DataType::Decimal(_) | DataType::Numeric(_) | DataType::Dec(_), .. } = expr
            && let Some(digits) = inexact(number)
        {
            **number = Expr::Value(Value::SingleQuotedString(digits).into());
        }
        ControlFlow::Continue(())
    }
}

fn inexact(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) if !digits.contains(['e', 'E']) => {
                (digits.contains('.') || digits.len() > INTEGER_DIGITS).then(|| digits.clone())
            }
            _ => None,
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => inexact(expr).map(|digits| format!("-{digits}")),
        Expr::Nested(inner) => inexact(inner),
        _ => None,
    }
}
