//! Aggregates whose value no order changes lose the ORDER BY in their call: `min(v ORDER BY w)` is `min(v)`.
//!
//! DataFusion 55 hands the keys of the order to an aggregate of groups as further arguments, which those that need no order do not
//! expect: some fail, others panic.

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;

use super::each_expression::rewritten;

/// The aggregates, by DataFusion's names of them. Of those that are not here the order may mean something.
const ORDERLESS: [&str; 34] = [
    "approx_distinct",
    "approx_median",
    "avg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bool_and",
    "bool_or",
    "corr",
    "count",
    "covar",
    "covar_pop",
    "covar_samp",
    "grouping",
    "max",
    "mean",
    "median",
    "min",
    "regr_avgx",
    "regr_avgy",
    "regr_count",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "regr_sxx",
    "regr_sxy",
    "regr_syy",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "sum",
    "var",
    "var_pop",
    "var_samp",
];

/// See the module.
#[derive(Debug)]
pub struct Orderless;

impl AnalyzerRule for Orderless {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewritten(plan, is_ordered_for_nothing, without_order)
    }

    fn name(&self) -> &str {
        "orderless"
    }
}

fn is_ordered_for_nothing(expr: &Expr) -> bool {
    let Expr::AggregateFunction(call) = expr else { return false };
    !call.params.order_by.is_empty() && ORDERLESS.contains(&call.func.name())
}

fn without_order(mut expr: Expr) -> Result<Transformed<Expr>> {
    if let Expr::AggregateFunction(call) = &mut expr {
        call.params.order_by.clear();
    }
    Ok(Transformed::yes(expr))
}
