//! What is computed of decimals of 32 and 64 bits is computed of decimals of 128.
//!
//! SQL makes such decimals by `arrow_cast` (columns come in as decimals of 128 bits). DataFusion 55 brings them beside a number of 64 bits to
//! that number's type, so that `1.50 * 2` is 2 and `1.50 > 1` is false, and has no room in their sums for more than one of them.
//! What only passes them on, or casts them, leaves them as they are.

use arrow::datatypes::{DataType, Field};
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, cast};
use datafusion::optimizer::AnalyzerRule;

/// See the module. Comes before types are coerced.
#[derive(Debug)]
pub struct NarrowDecimals;

impl AnalyzerRule for NarrowDecimals {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(widened)?.data)
    }

    fn name(&self) -> &str {
        "narrow_decimals"
    }
}

fn widened(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let (names, schema) = (NamePreserver::new(&node), merge_schema(&node.inputs()));
    let has_narrow = schema.fields().iter().any(|field| wide(field.data_type()).is_some());
    let are_compared = matches!(node, LogicalPlan::Join(_));
    let changed = node.map_expressions(|expr| {
        if !has_narrow && !expr.exists(|part| Ok(makes_narrow(part)))? {
            return Ok(Transformed::no(expr));
        }
        let name = names.save(&expr);
        let changed =
            expr.transform_up(|part| if computes(&part) { of_wide(part, &schema) } else { Ok(Transformed::no(part)) })?;
        // The two sides of a join's keys stand apart.
        let changed = if are_compared { changed.transform_data(|expr| as_wide(expr, &schema))? } else { changed };
        Ok(changed.update_data(|expr| name.restore(expr)))
    })?;
    if changed.transformed { changed.map_data(LogicalPlan::recompute_schema) } else { Ok(changed) }
}

/// Whether a part may be such a decimal where no column is one.
fn makes_narrow(expr: &Expr) -> bool {
    match expr {
        Expr::ScalarFunction(call) => call.func.name().starts_with("arrow_"),
        Expr::Cast(cast) => wide(cast.field.data_type()).is_some(),
        Expr::TryCast(cast) => wide(cast.field.data_type()).is_some(),
        Expr::Literal(value, _) => wide(&value.data_type()).is_some(),
        _ => false,
    }
}

/// Whether an expression's value is made of its parts' values. Functions that are about types see them as they are.
fn computes(expr: &Expr) -> bool {
    match expr {
        Expr::ScalarFunction(call) => !call.func.name().starts_with("arrow_"),
        Expr::BinaryExpr(_)
        | Expr::Between(_)
        | Expr::InList(_)
        | Expr::Case(_)
        | Expr::Negative(_)
        | Expr::AggregateFunction(_)
        | Expr::WindowFunction(_) => true,
        _ => false,
    }
}

fn of_wide(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    expr.map_children(|part| as_wide(part, schema))
}

fn as_wide(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    // What cannot be typed is somebody else's error.
    match expr.get_type(schema).ok().as_ref().and_then(wide) {
        Some(wide) => Ok(Transformed::yes(cast(expr, wide))),
        None => Ok(Transformed::no(expr)),
    }
}

/// The decimal of 128 bits for one of fewer, or for a dictionary or run ends of one; None of other types.
fn wide(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            Some(DataType::Decimal128(*precision, *scale))
        }
        DataType::Dictionary(_, values) => wide(values),
        DataType::RunEndEncoded(_, values) => wide(Field::data_type(values)),
        _ => None,
    }
}
