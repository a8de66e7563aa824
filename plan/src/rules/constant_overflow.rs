//! Arithmetic of constants that overflows is an error in the query.
//!
//! The optimizer computes constants while it plans, and there its operators wrap around: `9223372036854775807 + 1` would be
//! a negative number before any operator could check it. Arithmetic of columns is checked where it runs.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{BinaryExpr, ScalarFunction};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, LogicalPlan, Operator, Volatility};
use datafusion::optimizer::AnalyzerRule;
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use gradframe_ml_core::Error;

use crate::error::to_datafusion;

/// What helps.
const CAST: &str = "cast a side to a wider type, to a decimal or to a float";

/// See the module. Changes nothing.
#[derive(Debug)]
pub struct ConstantOverflow;

impl AnalyzerRule for ConstantOverflow {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.apply_with_subqueries(|node| node.apply_expressions(check))?;
        Ok(plan)
    }

    fn name(&self) -> &str {
        "constant_overflow"
    }
}

fn check(expr: &Expr) -> Result<TreeNodeRecursion> {
    expr.apply(|node| match node {
        // The whole of it, its constant parts included; what is no constant is searched for those that are.
        Expr::BinaryExpr(_) | Expr::Negative(_) => {
            Ok(if constant(node)?.is_some() { TreeNodeRecursion::Jump } else { TreeNodeRecursion::Continue })
        }
        _ => Ok(TreeNodeRecursion::Continue),
    })
}

/// The value of an expression of literals, casts and arithmetic; None for any other. Errors: `Plan` if it overflows.
fn constant(expr: &Expr) -> Result<Option<ScalarValue>> {
    match expr {
        Expr::Literal(value, _) => Ok(Some(value.clone())),
        Expr::Alias(alias) => constant(&alias.expr),
        // A cast that fails says so itself, later.
        Expr::Cast(cast) => Ok(constant(&cast.expr)?.and_then(|value| value.cast_to(cast.field.data_type()).ok())),
        Expr::BinaryExpr(binary) => arithmetic(binary),
        Expr::Negative(value) => constant(value)?.map_or(Ok(None), |value| negated(&value)),
        Expr::ScalarFunction(call) => called(call),
        _ => Ok(None),
    }
}

/// What a function gives of constants, such as `array_length([1, 2])` and `arrow_cast(1, 'Int8')`.
fn called(call: &ScalarFunction) -> Result<Option<ScalarValue>> {
    if call.func.signature().volatility != Volatility::Immutable {
        return Ok(None);
    }
    let args = call.args.iter().map(constant).collect::<Result<Option<Vec<_>>>>()?;
    let Some(args) = args else { return Ok(None) };
    let args = args.into_iter().map(|value| Expr::Literal(value, None)).collect();
    let call = Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(&call.func), args));
    // A call that fails says so itself, later.
    match ExprSimplifier::new(SimplifyContext::default()).simplify(call) {
        Ok(Expr::Literal(value, _)) => Ok(Some(value)),
        _ => Ok(None),
    }
}

fn negated(value: &ScalarValue) -> Result<Option<ScalarValue>> {
    if !value.data_type().is_signed_integer() {
        return Ok(None);
    }
    let zero = ScalarValue::new_zero(&value.data_type())?;
    zero.sub_checked(value).map(Some).map_err(|_| {
        let what = format!("-({value}) does not fit in {}", value.data_type());
        to_datafusion(Error::plan("arithmetic", what).hint(CAST))
    })
}

fn arithmetic(binary: &BinaryExpr) -> Result<Option<ScalarValue>> {
    let (Some(left), Some(right)) = (constant(&binary.left)?, constant(&binary.right)?) else { return Ok(None) };
    if left.data_type() != right.data_type() || !left.data_type().is_integer() {
        return Ok(None);
    }
    let value = match binary.op {
        Operator::Plus => left.add_checked(&right),
        Operator::Minus => left.sub_checked(&right),
        Operator::Multiply => left.mul_checked(&right),
        _ => return Ok(None),
    };
    value.map(Some).map_err(|_| {
        let what = format!("{left} {} {right} does not fit in {}", binary.op, left.data_type());
        to_datafusion(Error::plan("arithmetic", what).hint(CAST))
    })
}
