//! Keys of sorts and windows that are floats have one zero and one NaN.
//!
//! DataFusion 55 sorts floats, and tells rows of windows apart, by their bits: -0.0 came before 0.0 whatever the next key said, and had a rank and a
//! partition of its own. `=`, groups and joins know one zero, and so do keys here: by a function that gives back the same array where there is nothing to
//! change. Of a sort's last key nothing else depends, so it stays what it is.
//!
//! It can go when DataFusion's sorts and windows compare floats as `=` does.

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::{AggregateFunction, Cast, ScalarFunction, WindowFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Distinct, DistinctOn, Expr, ExprSchemable, LogicalPlan, Sort, SortExpr};
use datafusion::optimizer::AnalyzerRule;

use crate::functions::{has_floats, identity, is_identity};

/// See the module. Comes after types were coerced.
#[derive(Debug)]
pub struct OneZeroInKeys;

impl AnalyzerRule for OneZeroInKeys {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(with_one_zero)?.data)
    }

    fn name(&self) -> &str {
        "one_zero_in_keys"
    }
}

fn with_one_zero(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    match node {
        LogicalPlan::Sort(Sort { mut expr, input, fetch }) => {
            let changed = but_last(&mut expr, input.schema());
            Ok(Transformed::new_transformed(LogicalPlan::Sort(Sort { expr, input, fetch }), changed))
        }
        LogicalPlan::Distinct(Distinct::On(distinct)) => distinct_on(distinct),
        LogicalPlan::Window(_) | LogicalPlan::Aggregate(_) => {
            let (schema, names) = (merge_schema(&node.inputs()), NamePreserver::new(&node));
            node.map_expressions(|expr| {
                let name = names.save(&expr);
                Ok(expr.transform_up(|part| Ok(in_call(part, &schema)))?.update_data(|expr| name.restore(expr)))
            })
        }
        other => Ok(Transformed::no(other)),
    }
}

/// What is distinct stands before the other keys of the sort, and is the same there.
fn distinct_on(
    DistinctOn { mut on_expr, select_expr, mut sort_expr, input, schema }: DistinctOn,
) -> Result<Transformed<LogicalPlan>> {
    let mut changed = sort_expr.iter_mut().flatten().fold(false, |changed, key| in_key(&mut key.expr, input.schema()) | changed);
    changed |= each(&mut on_expr, input.schema());
    let distinct = DistinctOn { on_expr, select_expr, sort_expr, input, schema };
    Ok(Transformed::new_transformed(LogicalPlan::Distinct(Distinct::On(distinct)), changed))
}

/// The keys within a call: all of a window's, since rows of equal keys are peers.
fn in_call(mut expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let changed = match &mut expr {
        Expr::WindowFunction(window) => {
            let WindowFunction { params, .. } = window.as_mut();
            let order = params.order_by.iter_mut().fold(false, |changed, key| in_key(&mut key.expr, schema) | changed);
            each(&mut params.partition_by, schema) | order
        }
        Expr::AggregateFunction(AggregateFunction { params, .. }) if !params.distinct => but_last(&mut params.order_by, schema),
        _ => false,
    };
    Transformed::new_transformed(expr, changed)
}

fn but_last(keys: &mut [SortExpr], schema: &DFSchema) -> bool {
    let Some((_, keys)) = keys.split_last_mut() else { return false };
    keys.iter_mut().fold(false, |changed, key| in_key(&mut key.expr, schema) | changed)
}

fn each(keys: &mut [Expr], schema: &DFSchema) -> bool {
    keys.iter_mut().fold(false, |changed, key| in_key(key, schema) | changed)
}

fn in_key(key: &mut Expr, schema: &DFSchema) -> bool {
    let Ok(own) = key.get_type(schema) else { return false };
    if !has_floats(&own) || has_one(key, schema) {
        return false;
    }
    *key = identity(key.clone(), &own);
    true
}

/// Whether an expression of floats has one zero by what it is: a whole number or a decimal has no second one.
fn has_one(expr: &Expr, schema: &DFSchema) -> bool {
    match expr {
        Expr::Literal(..) => true,
        Expr::Alias(alias) => has_one(&alias.expr, schema),
        Expr::Cast(Cast { expr, .. }) => {
            expr.get_type(schema).is_ok_and(|from| from.is_integer() || from.is_decimal()) || has_one(expr, schema)
        }
        Expr::ScalarFunction(ScalarFunction { func, .. }) => is_identity(func),
        _ => false,
    }
}
