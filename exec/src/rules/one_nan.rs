//! Of NaN there is one: what arithmetic makes of `0 / 0` or of infinities has the sign bit of other machines' NaN, not its own.
//!
//! Comparisons and sorts go by the bits of a float, in which a NaN with a sign lies below all numbers and one without above
//! them; x86 makes the former. This rule takes the sign from what is computed, once an expression, so that NaN is above all numbers
//! and equal to NaN wherever it comes from. Columns are left alone: scans take the signs from what comes from outside.

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::Transformed;
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::expressions::{BinaryExpr, CastExpr, Literal, NegativeExpr, TryCastExpr};
use gradframe_plan::lower;

use super::expressions::with_expressions;
use crate::unsigned::Unsigned;

type Expr = Arc<dyn PhysicalExpr>;

/// Functions that give NaN outside their domain.
const OF_A_DOMAIN: [&str; 12] = ["sqrt", "ln", "log", "log2", "log10", "power", "acos", "asin", "acosh", "atanh", "tan", "cot"];

/// See the module.
#[derive(Debug)]
pub struct OneNan;

impl PhysicalOptimizerRule for OneNan {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        with_expressions(plan, &|expr, input| without_signs(expr, input, false))
    }

    fn name(&self) -> &str {
        "one_nan"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The expression with every float computation in it marked, unless it is part of another, to which the sign is nothing.
pub(super) fn without_signs(expr: Expr, input: &Schema, within: bool) -> Result<Transformed<Expr>> {
    if let Some(literal) = folded(&expr) {
        return Ok(Transformed::yes(literal));
    }
    let computes = computes_float(&expr, input);
    // What is cast is as much a part of the whole as the cast is.
    let within_below = computes || within && expr.is::<CastExpr>();
    let (mut children, mut changed) = (vec![], false);
    for child in expr.children() {
        let child = without_signs(Arc::clone(child), input, within_below)?;
        changed |= child.transformed;
        children.push(child.data);
    }
    let expr = if changed { expr.with_new_children(children)? } else { expr };
    if computes && !within && !Unsigned::is(&expr) {
        return Ok(Transformed::yes(Arc::new(Unsigned::of(expr))));
    }
    Ok(Transformed::new_transformed(expr, changed))
}

/// What stands for a constant computation that gave a NaN with a sign.
fn folded(expr: &Expr) -> Option<Expr> {
    let plain = match expr.downcast_ref::<Literal>()?.value() {
        ScalarValue::Float64(Some(number)) if number.is_nan() && number.is_sign_negative() => ScalarValue::from(f64::NAN),
        ScalarValue::Float32(Some(number)) if number.is_nan() && number.is_sign_negative() => ScalarValue::from(f32::NAN),
        _ => return None,
    };
    Some(Arc::new(Literal::new(plain)))
}

/// Whether a text is cast: `-nan` has a sign.
fn reads_text(expr: &Expr, input: &Schema) -> bool {
    let cast = expr.downcast_ref::<CastExpr>().map(CastExpr::expr);
    let cast = cast.or_else(|| expr.downcast_ref::<TryCastExpr>().map(TryCastExpr::expr));
    cast.is_some_and(|text| text.data_type(input).is_ok_and(|own| own.is_string()))
}

fn computes_float(expr: &Expr, input: &Schema) -> bool {
    let is_computation = if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
        lower::operator(binary.op()).is_some()
    } else if let Some(function) = expr.downcast_ref::<ScalarFunctionExpr>() {
        let name = function.fun().name();
        OF_A_DOMAIN.contains(&name) || lower::function(name, function.args().len()).is_some()
    } else {
        expr.is::<NegativeExpr>() || Unsigned::is(expr) || reads_text(expr, input)
    };
    is_computation && expr.data_type(input).is_ok_and(|data_type| matches!(data_type, DataType::Float32 | DataType::Float64))
}
