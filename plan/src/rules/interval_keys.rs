//! Intervals are told apart by how long they are, also as keys: of groups, DISTINCT, joins, windows; and the longest of them is the greatest.
//!
//! DataFusion 55 tells them apart by months, days and nanoseconds: 24 hours and a day were two groups, and a month more than 40 days. The key is the length
//! here ([`super::IntervalComparisons`]), and what is shown of a group is one of its intervals, the same one each time: the one that Arrow puts first.

use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::functions::core::expr_ext::FieldAccessor;
use datafusion::functions::core::expr_fn::named_struct;
use datafusion::functions_aggregate::min_max::min;
use datafusion::logical_expr::expr::{AggregateFunction, WindowFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Aggregate, Distinct, DistinctOn, Expr, ExprSchemable, Join, LogicalPlan, LogicalPlanBuilder, SortExpr, lit, when,
};
use datafusion::optimizer::AnalyzerRule;

use crate::functions::column::per_row;

/// See the module. Comes after types were coerced.
#[derive(Debug)]
pub struct IntervalKeys;

impl AnalyzerRule for IntervalKeys {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(by_length)?.data)
    }

    fn name(&self) -> &str {
        "interval_keys"
    }
}

fn by_length(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    match node {
        LogicalPlan::Aggregate(aggregate) => grouped(aggregate),
        LogicalPlan::Distinct(Distinct::All(input)) if has_interval(input.schema()) => {
            let columns = input.schema().iter().map(|column| Expr::Column(Column::from(column))).collect();
            grouped(Aggregate::try_new(input, columns, vec![])?)
        }
        LogicalPlan::Distinct(Distinct::On(distinct)) => Ok(distinct_on(distinct)),
        LogicalPlan::Join(join) => Ok(joined(join)),
        LogicalPlan::Window(_) => {
            let (schema, names) = (merge_schema(&node.inputs()), NamePreserver::new(&node));
            node.map_expressions(|expr| {
                let name = names.save(&expr);
                Ok(expr.transform_up(|part| Ok(in_window(part, &schema)))?.update_data(|expr| name.restore(expr)))
            })
        }
        other => Ok(Transformed::no(other)),
    }
}

fn has_interval(schema: &DFSchema) -> bool {
    schema.fields().iter().any(|field| matches!(field.data_type(), DataType::Interval(_)))
}

fn is_interval(expr: &Expr, schema: &DFSchema) -> bool {
    expr.get_type(schema).is_ok_and(|own| matches!(own, DataType::Interval(_)))
}

fn length(expr: Expr) -> Expr {
    per_row("interval_length", vec![expr], vec![])
}

/// Whether the key was an interval.
fn in_key(key: &mut Expr, schema: &DFSchema) -> bool {
    let concerned = is_interval(key, schema);
    if concerned {
        *key = length(key.clone());
    }
    concerned
}

fn in_order(keys: &mut [SortExpr], schema: &DFSchema) -> bool {
    keys.iter_mut().fold(false, |changed, key| in_key(&mut key.expr, schema) | changed)
}

fn in_keys(keys: &mut [Expr], schema: &DFSchema) -> bool {
    keys.iter_mut().fold(false, |changed, key| in_key(key, schema) | changed)
}

fn distinct_on(mut distinct: DistinctOn) -> Transformed<LogicalPlan> {
    let schema = distinct.input.schema().clone();
    let changed = in_keys(&mut distinct.on_expr, &schema);
    let changed = distinct.sort_expr.as_mut().is_some_and(|keys| in_order(keys, &schema)) | changed;
    Transformed::new_transformed(LogicalPlan::Distinct(Distinct::On(distinct)), changed)
}

fn joined(mut join: Join) -> Transformed<LogicalPlan> {
    let (left, right) = (join.left.schema().clone(), join.right.schema().clone());
    let mut changed = false;
    for (ours, theirs) in &mut join.on {
        if is_interval(ours, &left) && is_interval(theirs, &right) {
            changed = in_key(ours, &left) | in_key(theirs, &right);
        }
    }
    Transformed::new_transformed(LogicalPlan::Join(join), changed)
}

fn in_window(mut expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let Expr::WindowFunction(window) = &mut expr else { return Transformed::no(expr) };
    let WindowFunction { params, .. } = window.as_mut();
    let changed = in_order(&mut params.order_by, schema) | in_keys(&mut params.partition_by, schema);
    Transformed::new_transformed(expr, changed)
}

/// The aggregate over lengths, and a projection above that gives the columns that it had.
fn grouped(aggregate: Aggregate) -> Result<Transformed<LogicalPlan>> {
    let schema = aggregate.input.schema().clone();
    let is_set = matches!(aggregate.group_expr.as_slice(), [Expr::GroupingSet(_)]);
    if is_set || !aggregate.group_expr.iter().chain(&aggregate.aggr_expr).any(|expr| is_concerned(expr, &schema)) {
        return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
    }
    let (mut keys, mut answers, mut shown) = (aggregate.group_expr, aggregate.aggr_expr, vec![]);
    let many = keys.len();
    for (at, key) in keys.iter_mut().enumerate().filter(|(_, key)| is_interval(key, &schema)) {
        shown.push((at, min(key.clone())));
        *key = length(key.clone()).alias(format!("__length_{at}"));
    }
    let mut extremes = vec![];
    for (at, answer) in answers.iter_mut().enumerate() {
        let (name, mut is_extreme) = (answer.schema_name().to_string(), false);
        let by_length = answer.clone().transform_up(|part| in_aggregate(part, &schema, &mut is_extreme))?;
        if by_length.transformed {
            *answer = by_length.data.alias(name);
        }
        if is_extreme {
            extremes.push(many + at);
        }
    }
    let whole = many + answers.len();
    answers.extend(shown.iter().enumerate().map(|(number, (_, value))| value.clone().alias(format!("__shown_{number}"))));
    let columns: Vec<_> = aggregate.schema.iter().map(|(qualifier, field)| (qualifier.cloned(), field.name().clone())).collect();
    let made = LogicalPlan::Aggregate(Aggregate::try_new(aggregate.input, keys, answers)?);
    let column = |at: usize| Expr::Column(Column::from(made.schema().qualified_field(at)));
    let as_before = columns.into_iter().enumerate().map(|(at, (qualifier, name))| {
        let value = match shown.iter().position(|(key, _)| *key == at) {
            Some(number) => column(whole + number),
            None if extremes.contains(&at) => column(at).field("value"),
            None => column(at),
        };
        value.alias_qualified(qualifier, name)
    });
    let as_before = as_before.collect::<Vec<_>>();
    LogicalPlanBuilder::from(made.clone()).project(as_before)?.build().map(Transformed::yes)
}

/// What is distinct by its length, and ordered by it; of an extreme, that of lengths with their intervals.
fn in_aggregate(mut part: Expr, schema: &DFSchema, is_extreme: &mut bool) -> Result<Transformed<Expr>> {
    let Expr::AggregateFunction(AggregateFunction { func, params }) = &mut part else { return Ok(Transformed::no(part)) };
    let mut changed = in_order(&mut params.order_by, schema);
    match (func.name(), params.args.as_mut_slice()) {
        ("min" | "max", [value]) if is_interval(value, schema) => {
            let with_length = named_struct(vec![lit("length"), length(value.clone()), lit("value"), value.clone()]);
            *value = when(value.clone().is_not_null(), with_length).end()?;
            (changed, *is_extreme) = (true, true);
        }
        ("count", args) if params.distinct => changed |= in_keys(args, schema),
        _ => {}
    }
    Ok(Transformed::new_transformed(part, changed))
}

fn is_concerned(expr: &Expr, schema: &DFSchema) -> bool {
    let of_aggregate = |part: &Expr| match part {
        Expr::AggregateFunction(AggregateFunction { params, .. }) => {
            params.args.iter().any(|arg| is_interval(arg, schema))
                || params.order_by.iter().any(|key| is_interval(&key.expr, schema))
        }
        _ => false,
    };
    is_interval(expr, schema) || expr.exists(|part| Ok(of_aggregate(part))).unwrap_or(false)
}
