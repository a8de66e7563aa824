//! Structs beside structs: equal field by field, by name.

use arrow::datatypes::{DataType, Fields};
use datafusion::common::ScalarValue;
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, when};
use gradframe_plan::error::from_datafusion;

use super::not_comparable;
use crate::Result;

/// Structs of other fields, by name, where one that is missing is a null; None for structs of the same fields, which DataFusion
/// compares, and for anything else. Null where a struct is, unless nulls are compared.
/// Errors: `DType` where structs are to have an order.
pub(super) fn compared(binary: &BinaryExpr, left: &DataType, right: &DataType) -> Result<Option<Expr>> {
    let (DataType::Struct(own), DataType::Struct(theirs)) = (left, right) else { return Ok(None) };
    let differs = match binary.op {
        Operator::Eq | Operator::IsNotDistinctFrom => false,
        Operator::NotEq | Operator::IsDistinctFrom => true,
        _ => return Err(not_comparable(&binary.left, left, &binary.right, right).hint("only == and != take structs")),
    };
    if same_names(own, theirs) {
        return Ok(None);
    }
    let alike = fields_alike(binary, own, theirs);
    let answer = if differs { alike.is_not_true() } else { alike };
    // The sides stay in the expression, for it has as many rows as they.
    let (left, right) = (binary.left.clone().is_null(), binary.right.clone().is_null());
    let constant = |truth: Option<bool>| Expr::Literal(ScalarValue::from(truth), None);
    let made = match binary.op {
        Operator::Eq | Operator::NotEq => when(left.or(right), constant(None)).otherwise(answer),
        _ => when(left.clone().and(right.clone()), constant(Some(!differs)))
            .when(left.or(right), constant(Some(differs)))
            .otherwise(answer),
    };
    made.map(Some).map_err(from_datafusion)
}

fn fields_alike(binary: &BinaryExpr, own: &Fields, theirs: &Fields) -> Expr {
    let of = |side: &Expr, name: &str| get_field(side.clone(), name.to_owned());
    let mine = own.iter().map(|field| match theirs.find(field.name()) {
        Some(_) => Expr::BinaryExpr(BinaryExpr::new(
            Box::new(of(&binary.left, field.name())),
            Operator::IsNotDistinctFrom,
            Box::new(of(&binary.right, field.name())),
        )),
        None => of(&binary.left, field.name()).is_null(),
    });
    let others = theirs.iter().filter(|field| own.find(field.name()).is_none());
    let others = others.map(|field| of(&binary.right, field.name()).is_null());
    mine.chain(others).reduce(Expr::and).unwrap_or_else(|| Expr::Literal(ScalarValue::from(true), None))
}

/// Whether the fields have the same names, in whatever order.
fn same_names(one: &Fields, other: &Fields) -> bool {
    one.len() == other.len() && one.iter().all(|field| other.find(field.name()).is_some())
}
