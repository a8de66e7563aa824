//! `array_has([a, b], x)` is false where x is no element, whether or not an element is null, as `array_has` of a column is.
//!
//! DataFusion 55 makes `x IN (a, b)` of it when it optimizes, which is null then.

use datafusion::common::ScalarValue;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, and, lit, or};
use datafusion::optimizer::AnalyzerRule;

use super::each_expression::rewritten;

/// See the module. Comes after types were coerced.
#[derive(Debug)]
pub struct ElementsOfLists;

impl AnalyzerRule for ElementsOfLists {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewritten(plan, looks_in_a_list_with_nulls, known)
    }

    fn name(&self) -> &str {
        "elements_of_lists"
    }
}

/// Whether the list is written there, and an element may be null.
fn looks_in_a_list_with_nulls(expr: &Expr) -> bool {
    let Expr::ScalarFunction(call) = expr else { return false };
    let ("array_has", [list, value]) = (call.name(), call.args.as_slice()) else { return false };
    !value.is_volatile() && may_hold_nulls(list)
}

fn may_hold_nulls(list: &Expr) -> bool {
    match list {
        Expr::Cast(cast) => may_hold_nulls(&cast.expr),
        Expr::ScalarFunction(call) if call.name() == "make_array" => {
            call.args.iter().any(|element| !matches!(element, Expr::Literal(value, _) if !value.is_null()))
        }
        _ => false,
    }
}

/// True, or false, or null where the value is.
fn known(expr: Expr) -> Result<Transformed<Expr>> {
    let Expr::ScalarFunction(call) = &expr else { return Ok(Transformed::no(expr)) };
    let unknown = call.args.last().map(|value| and(value.clone().is_null(), lit(ScalarValue::Boolean(None))));
    Ok(match unknown {
        Some(unknown) => Transformed::yes(or(expr.is_true(), unknown)),
        None => Transformed::no(expr),
    })
}
