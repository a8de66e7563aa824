//! `percentile_cont` interpolates with all digits.
//!
//! DataFusion 55 rounds what lies between two values down to six digits (apache/datafusion#25266): of 0 and a million, the percentile 0.123456789 was 123456. Where the
//! percentile is a constant, the quantile of frames stands in its place, which is the same otherwise.
//!
//! It can go when that is closed.

use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, lit};
use datafusion::optimizer::AnalyzerRule;
use datafusion::scalar::ScalarValue;

use crate::functions::column::{Answer, aggregate};

/// See the module. Comes after types were coerced.
#[derive(Debug)]
pub struct ExactPercentiles;

impl AnalyzerRule for ExactPercentiles {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let of_node = |node: LogicalPlan| {
            if !matches!(node, LogicalPlan::Aggregate(_)) {
                return Ok(Transformed::no(node));
            }
            let (schema, names) = (merge_schema(&node.inputs()), NamePreserver::new(&node));
            node.map_expressions(|expr| {
                let name = names.save(&expr);
                Ok(expr.transform_up(|part| Ok(exact(part, &schema)))?.update_data(|expr| name.restore(expr)))
            })
        };
        Ok(plan.transform_up_with_subqueries(of_node)?.data)
    }

    fn name(&self) -> &str {
        "exact_percentiles"
    }
}

fn exact(part: Expr, schema: &DFSchema) -> Transformed<Expr> {
    match quantile(&part, schema) {
        Some(quantile) => Transformed::yes(quantile),
        None => Transformed::no(part),
    }
}

fn quantile(part: &Expr, schema: &DFSchema) -> Option<Expr> {
    let Expr::AggregateFunction(AggregateFunction { func, params }) = part else { return None };
    if func.name() != "percentile_cont" || params.distinct || params.null_treatment.is_some() {
        return None;
    }
    let [value, Expr::Literal(percentile, _)] = params.args.as_slice() else { return None };
    let ScalarValue::Float64(Some(percentile)) = percentile.cast_to(&DataType::Float64).ok()? else { return None };
    if value.get_type(schema).ok()? != DataType::Float64 || part.get_type(schema).ok()? != DataType::Float64 {
        return None;
    }
    let descends = params.order_by.first().is_some_and(|order| !order.asc);
    let percentile = if descends { 1.0 - percentile } else { percentile };
    let constants = vec![percentile.into(), "linear".into()];
    let mut quantile = aggregate("quantile", vec![value.clone()], lit(true), constants, Answer::Value);
    if let Expr::AggregateFunction(call) = &mut quantile {
        call.params.filter.clone_from(&params.filter);
    }
    Some(quantile)
}
