//! Sums, differences, products and negations of integers, decimals and times that do not fit are an error, not a wrong
//! number.
//!
//! DataFusion's operators wrap around unless they are told otherwise, one expression at a time. This rule tells those of
//! projections, filters, aggregates, sorts and conditions of joins; it comes first, while all expressions are still where the query put them.
//! Later rules move them, but keep them as they are. Floats are not touched: theirs is infinity.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::expressions::{BinaryExpr, CastExpr, Literal, NegativeExpr};

use super::expressions::with_expressions;
use crate::named::Named;

type Expr = Arc<dyn PhysicalExpr>;

/// See the module.
#[derive(Debug)]
pub struct CheckedArithmetic;

impl PhysicalOptimizerRule for CheckedArithmetic {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        with_expressions(plan, &checked_within)
    }

    fn name(&self) -> &str {
        "checked_arithmetic"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The expression over rows of this schema with its arithmetic checked, the largest parts of it named in their errors.
pub fn checked_within(expr: Expr, input: &Schema) -> Result<Transformed<Expr>> {
    let checked =
        expr.transform_up(|node| Ok(node_checked(&node, input).map_or_else(|| Transformed::no(node), Transformed::yes)))?;
    if !checked.transformed {
        return Ok(checked);
    }
    Ok(Transformed::yes(named_within(checked.data, input, false)?))
}

/// The expression with its arithmetic that can overflow named, unless it is part of such arithmetic.
fn named_within(expr: Expr, input: &Schema, within: bool) -> Result<Expr> {
    let overflows = expr.downcast_ref::<BinaryExpr>().is_some_and(|binary| is_named(binary.op()))
        && expr.data_type(input).is_ok_and(|data_type| !data_type.is_floating());
    // What is cast is as much a part of the whole as the cast is.
    let within_below = overflows || within && expr.is::<CastExpr>();
    let children: Vec<Expr> = expr.children().into_iter().map(Arc::clone).collect();
    let named = children.iter().map(|child| named_within(Arc::clone(child), input, within_below)).collect::<Result<Vec<_>>>()?;
    let is_same = named.iter().zip(&children).all(|(named, child)| Arc::ptr_eq(named, child));
    let expr = if is_same { expr } else { expr.with_new_children(named)? };
    Ok(if overflows && !within { Arc::new(Named::of(expr)) } else { expr })
}

/// Whether an operation is named as a whole: also one that cannot overflow itself, whose text has parentheses around its sides only
/// where it sees that they are operations too.
fn is_named(operator: &Operator) -> bool {
    use Operator::{BitwiseAnd, BitwiseOr, BitwiseShiftLeft, BitwiseShiftRight, BitwiseXor, Divide, Modulo};
    let around = [Divide, Modulo, BitwiseAnd, BitwiseOr, BitwiseXor, BitwiseShiftLeft, BitwiseShiftRight];
    may_wrap(operator) || around.contains(operator)
}

fn node_checked(node: &Expr, input: &Schema) -> Option<Expr> {
    if let Some(binary) = node.downcast_ref::<BinaryExpr>().filter(|binary| may_wrap(binary.op())) {
        return Some(checked(binary.left(), *binary.op(), binary.right()));
    }
    let negative = node.downcast_ref::<NegativeExpr>()?;
    let data_type = negative.arg().data_type(input).ok().filter(|data_type| data_type.is_signed_integer())?;
    // A negation has no flag; a difference has.
    let zero: Expr = Arc::new(Literal::new(ScalarValue::new_zero(&data_type).ok()?));
    Some(checked(&zero, Operator::Minus, negative.arg()))
}

fn checked(left: &Expr, operator: Operator, right: &Expr) -> Expr {
    Arc::new(BinaryExpr::new(Arc::clone(left), operator, Arc::clone(right)).with_fail_on_overflow(true))
}

fn may_wrap(operator: &Operator) -> bool {
    matches!(operator, Operator::Plus | Operator::Minus | Operator::Multiply)
}
