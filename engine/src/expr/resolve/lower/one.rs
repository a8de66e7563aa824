//! A scalar where a column is expected: a column of one value, whatever the number of the frame's rows. Constants are such, too.
//!
//! What is computed of it is computed as of the items of a list, which it is the only one of: a frame without rows has that value, too.

use datafusion::common::ScalarValue;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams, WindowFunction};
use datafusion::logical_expr::{Expr, WindowFrame, WindowFrameBound, WindowFunctionDefinition};
use gradframe_plan::functions::column::as_value;
use gradframe_plan::functions::{OfItems, first_value};

use super::super::super::structure::{ROW_ORDER, by_row};
use super::super::super::{lit, when};
use super::items::Items;
use super::windows::{is_row_order, ordered_window};
use super::{Group, Lowered, Lowering, Shape};
use crate::Result;

/// Whether all parts are scalars. The order of the rows goes with any number of them.
pub(super) fn is_one_value(parts: &[Lowered]) -> bool {
    let mut parts = parts.iter().filter(|part| !is_of_order(&part.expr)).peekable();
    parts.peek().is_some() && parts.all(|part| part.shape == Shape::Scalar)
}

/// The value that a column has on the first row, as a scalar.
pub(super) fn of_first_row(column: Expr, is_first: Expr) -> Expr {
    let mut value = first_value(column, vec![]);
    if let Expr::AggregateFunction(first) = &mut value {
        first.params.filter = Some(Box::new(is_first));
    }
    value
}

/// Whether an expression of single values reads the order of the rows and nothing else.
pub(super) fn is_of_order(expr: &Expr) -> bool {
    let columns = expr.column_refs();
    let is_order = !columns.is_empty() && columns.into_iter().all(|column| column.name == ROW_ORDER);
    is_order && datafusion::logical_expr::utils::find_aggregate_exprs([expr]).is_empty()
}

/// Whether a window's rows are the one that it stands on and others.
fn has_own_row(frame: &WindowFrame) -> bool {
    let number = |rows: &ScalarValue| match rows.cast_to(&arrow::datatypes::DataType::UInt64) {
        Ok(ScalarValue::UInt64(Some(rows))) => rows,
        _ => u64::MAX,
    };
    let begins = !matches!(&frame.start_bound, WindowFrameBound::Following(rows) if number(rows) > 0);
    let ends = !matches!(&frame.end_bound, WindowFrameBound::Preceding(rows) if number(rows) > 0);
    begins && ends
}

impl Lowering {
    /// Whether a row is the first of the frame or group.
    pub(super) fn first_row(&mut self, group: &Group) -> Result<Expr> {
        let mut window = ordered_window(row_number())?;
        window.params.partition_by = group.keys.clone();
        window.params.order_by = self.order(vec![by_row()], group)?;
        Ok(self.hoist(window).eq(lit(1_u64)))
    }

    /// Whether a window sees one value: its parts are scalars, and so is what stands beside them, which is lowered only then.
    pub(super) fn sees_one(&mut self, mut parts: Vec<Lowered>, beside: Vec<Expr>, group: &Group) -> Result<bool> {
        if parts.iter().any(|part| part.shape != Shape::Scalar && !is_of_order(&part.expr)) {
            return Ok(false);
        }
        parts.extend(self.all(beside, group)?);
        Ok(is_one_value(&parts))
    }

    /// Whether an aggregate sees one value: its arguments are scalars, and so is what these are filtered and ordered by.
    pub(super) fn sees_one_value(&mut self, args: &[Lowered], params: &AggregateFunctionParams, group: &Group) -> Result<bool> {
        if !is_one_value(args) {
            return Ok(false);
        }
        let keys = params.order_by.iter().filter(|key| !is_row_order(key)).map(|key| key.expr.clone());
        let beside = params.filter.iter().map(|filter| filter.as_ref().clone()).chain(keys).collect();
        Ok(self.all(beside, group)?.iter().all(|part| part.shape == Shape::Scalar))
    }

    /// A window over one value, a scalar again; None for windows that frames do not have.
    pub(super) fn window_of_one(
        &mut self,
        window: &WindowFunction,
        args: Vec<Lowered>,
        group: &Group,
    ) -> Result<Option<Lowered>> {
        let has_own_row = has_own_row(&window.params.window_frame);
        if let WindowFunctionDefinition::AggregateUDF(function) = &window.fun {
            let params = &window.params;
            let filter = if has_own_row { params.filter.clone() } else { Some(Box::new(lit(false))) };
            let aggregate =
                AggregateFunction::new_udf(function.clone(), vec![], params.distinct, filter, vec![], params.null_treatment);
            return self.of_items(aggregate, args, group).map(Some);
        }
        let WindowFunctionDefinition::WindowUDF(function) = &window.fun else { return Ok(None) };
        let expr = match (function.name(), args.first()) {
            ("row_number", _) => lit(1_u64),
            ("lag" | "lead", Some(value)) => beyond(value.expr.clone(), &args[1..]),
            ("first_value" | "last_value", Some(value)) if has_own_row => value.expr.clone(),
            ("first_value" | "last_value", Some(value)) => beyond(value.expr.clone(), &[]),
            _ => {
                let mut items = Items::default();
                let columns = items.columns(args);
                return Ok(as_value(window, columns, by_row().expr).map(|value| items.over(OfItems::All, value)));
            }
        };
        Ok(Some(Lowered { expr, shape: Shape::Scalar }))
    }
}

/// What stands so many rows from the only one: the value itself for none, else the last of these, or null.
fn beyond(value: Expr, rows_and_default: &[Lowered]) -> Expr {
    let constant = |at: usize| match rows_and_default.get(at).map(|part| &part.expr) {
        Some(Expr::Literal(constant, _)) if !constant.is_null() => Some(constant.clone()),
        _ => None,
    };
    if constant(0) == Some(ScalarValue::from(0_i64)) {
        return value;
    }
    let never = when(lit(false)).then(value);
    match constant(1) {
        Some(default) => never.otherwise(Expr::Literal(default, None)),
        None => never.end(),
    }
}
