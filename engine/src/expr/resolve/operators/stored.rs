//! Columns that are stored otherwise than by their values in their own types, as operators and functions take them.

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ExprSchema};
use datafusion::logical_expr::{BinaryExpr, Expr};
use gradframe_plan::functions::column::own_values;
use gradframe_plan::own_types::own_type;

use super::cast_to;

/// A column of run ends, or of a dictionary of anything but texts, as its values: how they are stored is no concern of functions, and beside
/// a whole number DataFusion would take a dictionary of floats for whole numbers. Decimals, times and so on that SQL has made otherwise than
/// as columns come in (`arrow_cast`) come in here.
pub(crate) fn as_values(expr: Expr, schema: &DFSchema) -> Expr {
    let Some(own) = stored_type(&expr, schema) else { return expr };
    let values = values_of(&own);
    let plain = cast_to(expr, &own, values);
    if own_type(values) == *values { plain } else { own_values(plain) }
}

/// An operation on such columns over their values; None if neither side is one.
pub(super) fn over_values(binary: &BinaryExpr, schema: &DFSchema) -> Option<BinaryExpr> {
    let is_stored = |side: &Expr| stored_type(side, schema).is_some();
    let side = |side: &Expr| Box::new(as_values(side.clone(), schema));
    (is_stored(&binary.left) || is_stored(&binary.right))
        .then(|| BinaryExpr::new(side(&binary.left), binary.op, side(&binary.right)))
}

/// The type of such a column. What fields of an extension type mean is not for us to say.
fn stored_type(expr: &Expr, schema: &DFSchema) -> Option<DataType> {
    let Expr::Column(column) = expr else { return None };
    let field = schema.field_from_column(column).ok()?;
    let own = field.data_type();
    let is_stored = values_of(own) != own || own_type(own) != *own && field.extension_type_name().is_none();
    is_stored.then(|| own.clone())
}

/// The type of the values that a column of this type stores.
fn values_of(own: &DataType) -> &DataType {
    match own {
        DataType::RunEndEncoded(_, values) => values.data_type(),
        DataType::Dictionary(_, values) if values.is_primitive() || **values == DataType::Boolean => values,
        own => own,
    }
}
