//! Intervals are compared by how long they are, and parts of durations are those that they are written in.
//!
//! A difference of timestamps is a duration. Beside an interval, DataFusion 55 makes an interval of it that has nanoseconds alone, and Arrow compares months
//! first, then days, then nanoseconds: `now() - ts < INTERVAL '30 days'` kept every row, and 24 hours were not a day. Here both sides are lengths, in which
//! a day is of 24 hours and a month of 30 days, as in PostgreSQL and DuckDB. `extract(hour FROM a - b)` gave all of it in hours.
//!
//! It can go when DataFusion compares a duration with an interval so, and extracts fields of durations.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::logical_expr::expr::{Between, BinaryExpr, Case, Cast, InList, InSubquery, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Sort, when};
use datafusion::optimizer::AnalyzerRule;
use datafusion::scalar::ScalarValue;

use crate::functions::column::{duration_part, per_row};

/// See the module. Comes after types were coerced.
#[derive(Debug)]
pub struct IntervalComparisons;

impl AnalyzerRule for IntervalComparisons {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let of_node = |node: LogicalPlan| {
            let (schema, names) = (merge_schema(&node.inputs()), NamePreserver::new(&node));
            let node = node.map_expressions(|expr| {
                if !expr.exists(|part| Ok(is_concerned(part, &schema)))? {
                    return Ok(Transformed::no(expr));
                }
                let name = names.save(&expr);
                Ok(expr.transform_up(|part| by_length(part, &schema))?.update_data(|expr| name.restore(expr)))
            })?;
            Ok(node.update_data(sorted_by_length))
        };
        Ok(plan.transform_up_with_subqueries(of_node)?.data)
    }

    fn name(&self) -> &str {
        "interval_comparisons"
    }
}

fn is_interval(expr: &Expr, schema: &DFSchema) -> bool {
    expr.get_type(schema).is_ok_and(|own| matches!(own, DataType::Interval(_)))
}

fn is_concerned(part: &Expr, schema: &DFSchema) -> bool {
    match part {
        Expr::BinaryExpr(binary) => binary.op.supports_propagation() && is_interval(&binary.left, schema),
        Expr::Between(between) => is_interval(&between.expr, schema),
        Expr::InList(list) => is_interval(&list.expr, schema),
        Expr::ScalarFunction(call) => part_of_duration(call, schema).is_some() || is_choice(call, schema),
        Expr::Case(Case { expr: Some(expr), .. }) => is_interval(expr, schema),
        Expr::InSubquery(InSubquery { expr, .. }) => is_interval(expr, schema),
        _ => false,
    }
}

fn by_length(part: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    if !is_concerned(&part, schema) {
        return Ok(Transformed::no(part));
    }
    Ok(Transformed::yes(match part {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            Expr::BinaryExpr(BinaryExpr { left: Box::new(length(*left, schema)), op, right: Box::new(length(*right, schema)) })
        }
        Expr::Between(Between { expr, negated, low, high }) => {
            let [expr, low, high] = [expr, low, high].map(|expr| Box::new(length(*expr, schema)));
            Expr::Between(Between { expr, negated, low, high })
        }
        Expr::InList(InList { expr, list, negated }) => {
            let list = list.into_iter().map(|item| length(item, schema)).collect();
            Expr::InList(InList { expr: Box::new(length(*expr, schema)), list, negated })
        }
        Expr::ScalarFunction(call) => match part_of_duration(&call, schema) {
            Some(part) => per_row("duration_part", call.args.into_iter().skip(1).collect(), vec![ScalarValue::from(part)]),
            None => choice(call, schema)?,
        },
        Expr::Case(Case { expr: Some(expr), when_then_expr, else_expr }) => {
            let of = |(when, then): (Box<Expr>, Box<Expr>)| (Box::new(length(*when, schema)), then);
            let when_then_expr = when_then_expr.into_iter().map(of).collect();
            Expr::Case(Case { expr: Some(Box::new(length(*expr, schema))), when_then_expr, else_expr })
        }
        Expr::InSubquery(InSubquery { expr, mut subquery, negated }) => {
            let column = Expr::Column(Column::from(subquery.subquery.schema().qualified_field(0)));
            let lengths = length(column, subquery.subquery.schema());
            let plan = LogicalPlanBuilder::from(subquery.subquery.as_ref().clone()).project([lengths])?.build()?;
            subquery.subquery = Arc::new(plan);
            Expr::InSubquery(InSubquery { expr: Box::new(length(*expr, schema)), subquery, negated })
        }
        other => other,
    }))
}

/// Whether it gives one of its arguments, by comparing them, and they are intervals.
fn is_choice(call: &ScalarFunction, schema: &DFSchema) -> bool {
    let chooses = matches!(call.func.name(), "greatest" | "least" | "nullif");
    chooses && call.args.len() > 1 && call.args.iter().all(|arg| is_interval(arg, schema))
}

fn choice(call: ScalarFunction, schema: &DFSchema) -> Result<Expr> {
    Ok(match (call.func.name(), call.args.as_slice()) {
        ("greatest", _) => per_row("longest", call.args, vec![true.into()]),
        ("least", _) => per_row("longest", call.args, vec![false.into()]),
        (_, [value, other]) => {
            let is_other = length(value.clone(), schema).eq(length(other.clone(), schema));
            when(is_other.is_not_true(), value.clone()).end()?
        }
        _ => Expr::ScalarFunction(call),
    })
}

/// A duration that was cast to an interval has its length by itself.
fn length(expr: Expr, schema: &DFSchema) -> Expr {
    let expr = match expr {
        Expr::Cast(Cast { expr, .. }) if expr.get_type(schema).is_ok_and(|own| matches!(own, DataType::Duration(_))) => *expr,
        other => other,
    };
    per_row("interval_length", vec![expr], vec![])
}

fn sorted_by_length(node: LogicalPlan) -> LogicalPlan {
    let LogicalPlan::Sort(Sort { mut expr, input, fetch }) = node else { return node };
    for key in expr.iter_mut().filter(|key| is_interval(&key.expr, input.schema())) {
        key.expr = length(key.expr.clone(), input.schema());
    }
    LogicalPlan::Sort(Sort { expr, input, fetch })
}

/// The part that is extracted, if it is one of a duration.
fn part_of_duration(call: &ScalarFunction, schema: &DFSchema) -> Option<&'static str> {
    let [Expr::Literal(part, _), duration] = call.args.as_slice() else { return None };
    let is_duration = || duration.get_type(schema).is_ok_and(|own| matches!(own, DataType::Duration(_)));
    let part = part.try_as_str().flatten().filter(|_| call.func.name() == "date_part" && is_duration())?;
    duration_part(part)
}
