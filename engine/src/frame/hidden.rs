//! Hidden columns below expressions: the order of the rows, and what is computed of whole columns, layer by layer.

use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, SortExpr};
use gradframe_plan::error::from_datafusion;
use gradframe_plan::ops::row_order::with_row_order;

use super::DataFrame;
use super::naming::all_columns;
use crate::Result;
use crate::expr::resolve::{Layer, Lowering};
use crate::expr::structure::by_row;

impl DataFrame {
    /// The frame with the hidden columns that expressions need; `in_order` if its rows must keep their order.
    pub(super) fn beneath(&self, lowering: Lowering, in_order: bool) -> Result<DataFrame> {
        if !lowering.needs_order && lowering.layers.is_empty() {
            return Ok(self.clone());
        }
        let windows = lowering.layers.iter().any(|layer| !layer.windows.is_empty());
        let sorts = in_order && windows;
        let mut plan = match windows || lowering.needs_order {
            true => with_row_order(&self.plan).map_err(from_datafusion)?,
            false => self.plan.clone(),
        };
        for layer in lowering.layers {
            plan = with_layer(plan, layer).map_err(from_datafusion)?;
        }
        let frame = self.with_plan(plan);
        if sorts { frame.step(|plan| plan.sort([by_row()])) } else { Ok(frame) }
    }

    /// The frame without the hidden columns of `resolved`, which has this frame's columns first.
    pub(super) fn without_hidden(&self, resolved: DataFrame) -> Result<DataFrame> {
        if resolved.plan.schema().fields().len() == self.plan.schema().fields().len() {
            return Ok(resolved);
        }
        resolved.project(all_columns(self.plan.schema()).map(|(_, column)| column).collect())
    }
}

/// The plan with the hidden columns of a layer after its own.
fn with_layer(plan: LogicalPlan, layer: Layer) -> datafusion::error::Result<LogicalPlan> {
    let mut builder = LogicalPlanBuilder::from(plan);
    if !layer.values.is_empty() {
        let own: Vec<Expr> = all_columns(builder.schema()).map(|(_, column)| column).collect();
        builder = builder.project(own.into_iter().chain(layer.values))?;
    }
    for windows in by_sort_keys(layer.windows) {
        builder = builder.window(windows)?;
    }
    builder.build()
}

/// Windows of one layer, those together that see the same partitions in the same order.
fn by_sort_keys(layer: Vec<Expr>) -> Vec<Vec<Expr>> {
    let mut groups: Vec<(WindowKeys, Vec<Expr>)> = vec![];
    for window in layer {
        let keys = window_keys(&window);
        match groups.iter_mut().find(|(known, _)| *known == keys) {
            Some((_, together)) => together.push(window),
            None => groups.push((keys, vec![window])),
        }
    }
    groups.into_iter().map(|(_, together)| together).collect()
}

type WindowKeys = (Vec<Expr>, Vec<SortExpr>);

fn window_keys(window: &Expr) -> WindowKeys {
    match window {
        Expr::Alias(alias) => window_keys(&alias.expr),
        Expr::WindowFunction(window) => (window.params.partition_by.clone(), window.params.order_by.clone()),
        _ => (vec![], vec![]),
    }
}
