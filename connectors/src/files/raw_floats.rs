//! Floats as a file has them, before NaNs with a sign have become those without.
//!
//! A scan gives its floats without such signs; a projection within the scan sees them before. So one that computes with floats stays above.

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::physical_expr::ScalarFunctionExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_plan::PhysicalExpr;
use gradframe_plan::functions::has_floats;

/// The function that picks a field of a struct: of its floats nothing is computed.
const FIELD: &str = "get_field";

/// Whether one of the columns is computed of floats of a scan with these columns.
pub(super) fn are_computed_with(projection: &ProjectionExprs, scanned: &Schema) -> Result<bool> {
    for column in projection.iter() {
        if !is_picked(&column.expr) && reads_floats(&column.expr, scanned)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_picked(expr: &Arc<dyn PhysicalExpr>) -> bool {
    let field = expr.downcast_ref::<ScalarFunctionExpr>().filter(|function| function.name() == FIELD);
    expr.is::<Column>() || field.is_some_and(|field| field.args().first().is_some_and(is_picked))
}

fn reads_floats(expr: &Arc<dyn PhysicalExpr>, scanned: &Schema) -> Result<bool> {
    let mut found = false;
    expr.apply(|part| {
        let column = part.downcast_ref::<Column>().and_then(|column| scanned.fields().get(column.index()));
        found = column.is_some_and(|column| may_hold_floats(column.data_type()));
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

fn may_hold_floats(data_type: &DataType) -> bool {
    has_floats(data_type) || data_type.is_nested() && !matches!(data_type, DataType::Struct(_) | DataType::List(_))
}
