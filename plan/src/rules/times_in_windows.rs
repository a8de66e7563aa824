//! Windows in the order of times of day, durations and intervals: `rank() OVER (ORDER BY opens_at)`.
//!
//! DataFusion 55 wants a type for the bounds of a frame of ranges, and has none for these, though a frame from the first row to the peers of this one, which
//! windows have by themselves, has no bound to compute. There, such keys are numbers in the same order.
//!
//! It can go when DataFusion plans these windows.

use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, WindowFrame, WindowFrameBound, WindowFrameUnits, cast};
use datafusion::optimizer::AnalyzerRule;

use crate::functions::column::per_row;

/// See the module. Comes before types are coerced.
#[derive(Debug)]
pub struct TimesInWindows;

impl AnalyzerRule for TimesInWindows {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let of_node = |node: LogicalPlan| {
            if !matches!(node, LogicalPlan::Window(_)) {
                return Ok(Transformed::no(node));
            }
            let (schema, names) = (merge_schema(&node.inputs()), NamePreserver::new(&node));
            node.map_expressions(|expr| {
                let name = names.save(&expr);
                Ok(expr.transform_up(|part| Ok(by_numbers(part, &schema)))?.update_data(|expr| name.restore(expr)))
            })
        };
        Ok(plan.transform_up_with_subqueries(of_node)?.data)
    }

    fn name(&self) -> &str {
        "times_in_windows"
    }
}

fn by_numbers(mut part: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let Expr::WindowFunction(window) = &mut part else { return Transformed::no(part) };
    let params = &mut window.params;
    if !is_of_peers(&params.window_frame) {
        return Transformed::no(part);
    }
    let Some(key) = params.order_by.first_mut() else { return Transformed::no(part) };
    match key.expr.get_type(schema).ok().and_then(|own| number(&key.expr, &own)) {
        Some(number) => {
            key.expr = number;
            Transformed::yes(part)
        }
        None => Transformed::no(part),
    }
}

/// Whether no bound of the frame is at a distance from the row.
fn is_of_peers(frame: &WindowFrame) -> bool {
    let is_near = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::CurrentRow => true,
        WindowFrameBound::Preceding(distance) | WindowFrameBound::Following(distance) => distance.is_null(),
    };
    frame.units == WindowFrameUnits::Range && is_near(&frame.start_bound) && is_near(&frame.end_bound)
}

fn number(key: &Expr, own: &DataType) -> Option<Expr> {
    match own {
        DataType::Time32(_) => Some(cast(key.clone(), DataType::Int32)),
        DataType::Time64(_) | DataType::Duration(_) => Some(cast(key.clone(), DataType::Int64)),
        DataType::Interval(_) => Some(per_row("interval_length", vec![key.clone()], vec![])),
        _ => None,
    }
}
