//! Enums are before and after each other as their categories are.

use datafusion::common::DFSchema;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator};
use gradframe_plan::functions::{categories, enum_place};
use gradframe_plan::names::suggest;

use super::super::names::shown;
use crate::{Error, Result};

/// The comparison of the sides' places among the categories; None where neither side is an enum, and for equality, which is that of
/// the texts. Errors: `DType` for enums of different categories, `Plan` for a constant that is none of them.
pub(super) fn compared(binary: &BinaryExpr, schema: &DFSchema) -> Result<Option<Expr>> {
    if !matches!(binary.op, Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq) {
        return Ok(None);
    }
    let of = |side: &Expr| side.to_field(schema).ok().and_then(|(_, field)| categories(&field));
    let known = match (of(&binary.left), of(&binary.right)) {
        (None, None) => return Ok(None),
        (Some(left), Some(right)) if left != right => {
            let what = format!("`{}` and `{}` are Enums of different categories", shown(&binary.left), shown(&binary.right));
            return Err(Error::dtype("comparison", what).hint("cast both to text, or to one Enum"));
        }
        (Some(known), _) | (_, Some(known)) => known,
    };
    let place = |side: &Expr| {
        require_category(side, &known)?;
        Ok(Box::new(enum_place(side.clone(), known.clone())))
    };
    Ok(Some(Expr::BinaryExpr(BinaryExpr::new(place(&binary.left)?, binary.op, place(&binary.right)?))))
}

fn require_category(side: &Expr, known: &[String]) -> Result<()> {
    match side {
        Expr::Literal(value, _) => match value.try_as_str().flatten().filter(|text| !known.iter().any(|name| name == text)) {
            None => Ok(()),
            Some(text) => {
                let hint = suggest(text, known.iter().map(String::as_str));
                Err(Error::plan("comparison", format!("'{text}' is none of the Enum's categories")).hint(hint))
            }
        },
        _ => Ok(()),
    }
}
