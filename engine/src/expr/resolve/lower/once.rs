//! Values that an expression names several times, lowered once: on rows they stand in a hidden column.

use arrow::datatypes::FieldRef;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::find_aggregate_exprs;
use gradframe_exec::rules::as_in_plans;
use gradframe_plan::error::from_datafusion;
use gradframe_plan::functions::{item_column, of_row};

use super::super::super::structure::{Mark, mark_of};
use super::{Group, Lowered, Lowering, Shape};
use crate::{Error, Result};

impl Lowering {
    /// The expression, in which a mark of this number is the value.
    pub(super) fn once(&mut self, number: usize, expr: Expr, value: Vec<Expr>, group: &Group) -> Result<Lowered> {
        let value = self.all(value, group)?.pop().ok_or_else(|| Error::internal("expression", "nothing is named once"))?;
        let stands_for = match value.shape {
            Shape::Rows | Shape::Kept(_) => Lowered { expr: self.held(&value.expr), ..value },
            Shape::Scalar if let Some(one) = self.of_one(number, &expr, &value)? => return Ok(one),
            // Lists, and scalars beside rows, are written wherever they are named.
            _ => value,
        };
        self.named.insert(number, stands_for);
        let lowered = self.lower(expr, group);
        self.named.remove(&number);
        lowered
    }

    /// What stands for the value of this number.
    pub(super) fn named(&self, number: usize) -> Result<Lowered> {
        self.named.get(&number).cloned().ok_or_else(|| Error::internal("expression", "a name without its value"))
    }

    /// An expression of one value and constants, as a function of it; None if it sees anything else.
    fn of_one(&self, number: usize, expr: &Expr, value: &Lowered) -> Result<Option<Lowered>> {
        let Some(field) = field_of(number, expr) else { return Ok(None) };
        let argument = Lowered { expr: item_column(0), shape: Shape::Scalar };
        let mut alone = Lowering { named: [(number, argument)].into(), written: self.written.clone(), ..Lowering::default() };
        let Ok(Lowered { expr, shape }) = alone.lower(expr.clone(), &Group::default()) else { return Ok(None) };
        let is_alone = expr.column_refs().into_iter().all(|column| Expr::Column(column.clone()) == item_column(0));
        if !is_alone || !alone.layers.is_empty() || !find_aggregate_exprs([&expr]).is_empty() {
            return Ok(None);
        }
        let expr = of_row(expr, vec![(value.expr.clone(), field)], as_in_plans).map_err(from_datafusion)?;
        Ok(matches!(shape, Shape::Scalar | Shape::Items).then_some(Lowered { expr, shape }))
    }
}

/// The field of what the marks of this number stand for.
fn field_of(number: usize, expr: &Expr) -> Option<FieldRef> {
    let mut found = None;
    let visited = expr.apply(|node| {
        if let Expr::ScalarFunction(function) = node
            && let Some(Mark::Named { number: own, field, .. }) = mark_of(function)
            && *own == number
        {
            found = Some(field.clone());
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    });
    visited.ok().and(found)
}
