//! Enums are before and after each other as their categories are.

use datafusion::common::DFSchema;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use gradframe_plan::functions::{enum_categories, enum_place, to_enum};

use super::super::super::enums::{Together, field_of, together};
use super::super::names::output_name;
use crate::Result;

const OP: &str = "comparison";

/// The comparison of the sides' places among the categories; None where neither side is an enum, and for equality, which is that of
/// the texts. Errors: `DType` for enums of different categories and for what is no text, `Plan` for a constant that is none of
/// them; when run, `Execution` for a text in a column that is none.
pub(super) fn compared(binary: &BinaryExpr, schema: &DFSchema) -> Result<Option<Expr>> {
    if !matches!(binary.op, Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq) {
        return Ok(None);
    }
    let sides = [binary.left.as_ref(), binary.right.as_ref()].map(|side| (side.clone(), field_of(side, schema)));
    let own = sides.each_ref().map(|(_, field)| field.as_deref().and_then(enum_categories));
    let Some(known) = own.iter().flatten().next().cloned() else { return Ok(None) };
    let places = match together(OP, sides.to_vec(), false)? {
        Together::Places { exprs, .. } => exprs,
        Together::Texts(_) => {
            let place = |((side, _), own): ((Expr, _), Option<Vec<String>>)| {
                let name = output_name(&side);
                let side = if own.is_some() { side } else { to_enum(side, &name, known.clone(), true)? };
                Ok(enum_place(side, known.clone()))
            };
            sides.into_iter().zip(own).map(place).collect::<Result<_>>()?
        }
    };
    let mut places = places.into_iter().map(Box::new);
    Ok(places.next().zip(places.next()).map(|(left, right)| Expr::BinaryExpr(BinaryExpr::new(left, binary.op, right))))
}
