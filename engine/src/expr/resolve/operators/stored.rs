//! Columns that are stored otherwise than by their values, as operators and functions take them.

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ExprSchema};
use datafusion::logical_expr::{BinaryExpr, Expr};

use super::cast_to;

/// A column of run ends, or of a dictionary of anything but texts, as its values: how they are stored is no concern of functions, and beside
/// a whole number DataFusion would take a dictionary of floats for whole numbers.
pub(crate) fn as_values(expr: Expr, schema: &DFSchema) -> Expr {
    match values_of(&expr, schema) {
        Some((own, values)) => cast_to(expr, &own, &values),
        None => expr,
    }
}

/// An operation on such columns over their values; None if neither side is one.
pub(super) fn over_values(binary: &BinaryExpr, schema: &DFSchema) -> Option<BinaryExpr> {
    let is_stored = |side: &Expr| values_of(side, schema).is_some();
    let side = |side: &Expr| Box::new(as_values(side.clone(), schema));
    (is_stored(&binary.left) || is_stored(&binary.right))
        .then(|| BinaryExpr::new(side(&binary.left), binary.op, side(&binary.right)))
}

/// The type of such a column, and that of its values.
fn values_of(expr: &Expr, schema: &DFSchema) -> Option<(DataType, DataType)> {
    let Expr::Column(column) = expr else { return None };
    let own = schema.field_from_column(column).ok()?.data_type();
    let values = match own {
        DataType::RunEndEncoded(_, values) => values.data_type(),
        DataType::Dictionary(_, values) if values.is_primitive() || **values == DataType::Boolean => values.as_ref(),
        _ => return None,
    };
    Some((own.clone(), values.clone()))
}
