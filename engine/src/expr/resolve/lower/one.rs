//! A scalar where a column is expected: a column of one value, whatever the number of the frame's rows.
//!
//! It is computed on the first row alone, which is told from the others by its number.

use datafusion::common::tree_node::TreeNode;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::Expr;
use gradframe_plan::functions::first_value;

use super::super::super::lit;
use super::super::super::structure::by_row;
use super::windows::ordered_window;
use super::{Group, Lowered, Lowering, Shape};
use crate::Result;

/// Whether all parts are scalars, and one of them is computed of rows. Constants alone go with any number of rows.
pub(super) fn is_one_value(parts: &[Lowered]) -> bool {
    let is_aggregate = |node: &Expr| Ok(matches!(node, Expr::AggregateFunction(_)));
    parts.iter().all(|part| part.shape == Shape::Scalar)
        && parts.iter().any(|part| part.expr.exists(is_aggregate).unwrap_or(false))
}

/// The value that a column has on the first row, as a scalar.
pub(super) fn of_first_row(column: Expr, is_first: Expr) -> Expr {
    let mut value = first_value(column, vec![]);
    if let Expr::AggregateFunction(first) = &mut value {
        first.params.filter = Some(Box::new(is_first));
    }
    value
}

impl Lowering {
    /// Whether a row is the first of the frame or group.
    pub(super) fn first_row(&mut self, group: &Group) -> Result<Expr> {
        let mut window = ordered_window(row_number())?;
        window.params.partition_by = group.keys.clone();
        window.params.order_by = self.order(vec![by_row()], group)?;
        Ok(self.hoist(window).eq(lit(1_u64)))
    }
}
