//! Of NaN there is one: what arithmetic makes of `0 / 0` or of infinities has the sign bit of other machines' NaN, not its own.
//!
//! Comparisons and sorts go by the bits of a float, in which a NaN with a sign lies below all numbers and one without above
//! them; x86 makes the former. This rule takes the sign from what is computed, once an expression, so that NaN is above all numbers
//! and equal to NaN wherever it comes from. Columns are left alone: their files hold NaNs without a sign.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::Transformed;
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::expressions::{BinaryExpr, CastExpr, NegativeExpr};
use gradframe_plan::functions::one_nan;
use gradframe_plan::lower;

use super::expressions::with_expressions;

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
fn without_signs(expr: Expr, input: &Schema, within: bool) -> Result<Transformed<Expr>> {
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
    if computes && !within && !expr.is::<Unsigned>() {
        return Ok(Transformed::yes(Arc::new(Unsigned(expr))));
    }
    Ok(Transformed::new_transformed(expr, changed))
}

fn computes_float(expr: &Expr, input: &Schema) -> bool {
    let is_computation = if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
        lower::operator(binary.op()).is_some()
    } else if let Some(function) = expr.downcast_ref::<ScalarFunctionExpr>() {
        let name = function.fun().name();
        OF_A_DOMAIN.contains(&name) || lower::function(name, function.args().len()).is_some()
    } else {
        expr.is::<NegativeExpr>() || expr.is::<Unsigned>()
    };
    is_computation && expr.data_type(input).is_ok_and(|data_type| matches!(data_type, DataType::Float32 | DataType::Float64))
}

/// The same floats, no NaN with a sign among them. EXPLAIN does not show it.
#[derive(Debug)]
struct Unsigned(Expr);

impl PartialEq for Unsigned {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_ref() == other.0.as_ref()
    }
}

impl Eq for Unsigned {}

impl Hash for Unsigned {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Display for Unsigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PhysicalExpr for Unsigned {
    fn data_type(&self, input: &Schema) -> Result<DataType> {
        self.0.data_type(input)
    }

    fn nullable(&self, input: &Schema) -> Result<bool> {
        self.0.nullable(input)
    }

    fn return_field(&self, input: &Schema) -> Result<FieldRef> {
        self.0.return_field(input)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        Ok(match self.0.evaluate(batch)? {
            ColumnarValue::Array(array) => ColumnarValue::Array(one_nan(array)),
            scalar => scalar,
        })
    }

    fn children(&self) -> Vec<&Expr> {
        vec![&self.0]
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Expr>) -> Result<Expr> {
        Ok(Arc::new(Unsigned(children.swap_remove(0))))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt_sql(f)
    }
}
