//! The expressions of projections, filters, aggregates, sorts and conditions of joins of a plan, each changed by a rule.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::physical_expr::{LexOrdering, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, PhysicalGroupBy};
use datafusion::physical_plan::filter::{FilterExec, FilterExecBuilder};
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, NestedLoopJoinExecBuilder};
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use datafusion::physical_plan::sorts::sort::SortExec;

type Expr = Arc<dyn PhysicalExpr>;
type Plan = Arc<dyn ExecutionPlan>;

/// What is done with an expression over an input of this schema.
pub(super) type Rule<'a> = &'a dyn Fn(Expr, &Schema) -> Result<Transformed<Expr>>;

/// The plan with its expressions changed.
pub(super) fn with_expressions(plan: Plan, rule: Rule) -> Result<Plan> {
    plan.transform_up(|node| changed(&node, rule).map(|changed| changed.map_or(Transformed::no(node), Transformed::yes))).data()
}

/// The operator with its expressions changed; None if none was.
fn changed(node: &Plan, rule: Rule) -> Result<Option<Plan>> {
    if let Some(projection) = node.downcast_ref::<ProjectionExec>() {
        projection_changed(projection, rule)
    } else if let Some(filter) = node.downcast_ref::<FilterExec>() {
        filter_changed(filter, rule)
    } else if let Some(aggregate) = node.downcast_ref::<AggregateExec>() {
        aggregate_changed(aggregate, rule)
    } else if let Some(sort) = node.downcast_ref::<SortExec>() {
        sort_changed(sort, rule)
    } else if let Some(join) = node.downcast_ref::<HashJoinExec>() {
        hash_join_changed(join, rule)
    } else if let Some(join) = node.downcast_ref::<NestedLoopJoinExec>() {
        nested_loop_join_changed(join, rule)
    } else {
        Ok(None)
    }
}

fn projection_changed(projection: &ProjectionExec, rule: Rule) -> Result<Option<Plan>> {
    let mut change = Change::over(rule, &projection.input().schema());
    let rewritten = |column: &ProjectionExpr| -> Result<ProjectionExpr> {
        Ok(ProjectionExpr { expr: change.expr(&column.expr)?, alias: column.alias.clone() })
    };
    let columns = projection.expr().iter().map(rewritten).collect::<Result<Vec<_>>>()?;
    if !change.changed {
        return Ok(None);
    }
    Ok(Some(Arc::new(ProjectionExec::try_new(columns, Arc::clone(projection.input()))?)))
}

fn filter_changed(filter: &FilterExec, rule: Rule) -> Result<Option<Plan>> {
    let mut change = Change::over(rule, &filter.input().schema());
    let predicate = change.expr(filter.predicate())?;
    if !change.changed {
        return Ok(None);
    }
    Ok(Some(Arc::new(FilterExecBuilder::from(filter).with_predicate(predicate).build()?)))
}

fn aggregate_changed(aggregate: &AggregateExec, rule: Rule) -> Result<Option<Plan>> {
    let mut change = Change::over(rule, &aggregate.input().schema());
    let groups = groups_changed(aggregate.group_expr(), &mut change)?;
    // The second half of an aggregate names its arguments as its first half had them.
    change.input = aggregate.input_schema();
    let mut functions = Vec::with_capacity(aggregate.aggr_expr().len());
    for function in aggregate.aggr_expr() {
        let all = function.all_expressions();
        let arguments = change.all(&all.args)?;
        let order = change.all(&all.order_by_exprs)?;
        functions.push(function.with_new_expressions(arguments, order).map_or_else(|| Arc::clone(function), Arc::new));
    }
    let filters = aggregate.filter_expr().iter();
    let filters = filters.map(|filter| filter.as_ref().map(|filter| change.expr(filter)).transpose());
    let filters = filters.collect::<Result<Vec<_>>>()?;
    if !change.changed {
        return Ok(None);
    }
    let (mode, input) = (*aggregate.mode(), Arc::clone(aggregate.input()));
    Ok(Some(Arc::new(AggregateExec::try_new(mode, groups, functions, filters, input, aggregate.input_schema())?)))
}

fn groups_changed(groups: &PhysicalGroupBy, change: &mut Change) -> Result<PhysicalGroupBy> {
    let keys = groups.expr().iter().map(|(key, name)| Ok((change.expr(key)?, name.clone())));
    let keys = keys.collect::<Result<Vec<_>>>()?;
    Ok(PhysicalGroupBy::new(keys, groups.null_expr().to_vec(), groups.groups().to_vec(), groups.has_grouping_set()))
}

fn sort_changed(sort: &SortExec, rule: Rule) -> Result<Option<Plan>> {
    let mut change = Change::over(rule, &sort.input().schema());
    let key = |key: &PhysicalSortExpr| -> Result<PhysicalSortExpr> {
        Ok(PhysicalSortExpr { expr: change.expr(&key.expr)?, options: key.options })
    };
    let keys = sort.expr().iter().map(key).collect::<Result<Vec<_>>>()?;
    let Some(order) = LexOrdering::new(keys).filter(|_| change.changed) else { return Ok(None) };
    let sorted = SortExec::new(order, Arc::clone(sort.input()));
    Ok(Some(Arc::new(sorted.with_preserve_partitioning(sort.preserve_partitioning()).with_fetch(sort.fetch()))))
}

fn hash_join_changed(join: &HashJoinExec, rule: Rule) -> Result<Option<Plan>> {
    let Some(filter) = join_filter_changed(join.filter(), rule)? else { return Ok(None) };
    Ok(Some(Arc::new(join.builder().with_filter(Some(filter)).build()?)))
}

fn nested_loop_join_changed(join: &NestedLoopJoinExec, rule: Rule) -> Result<Option<Plan>> {
    let Some(filter) = join_filter_changed(join.filter(), rule)? else { return Ok(None) };
    Ok(Some(Arc::new(NestedLoopJoinExecBuilder::from(join).with_filter(Some(filter)).build()?)))
}

/// The condition besides equal keys, over the columns of both sides that it reads.
fn join_filter_changed(filter: Option<&JoinFilter>, rule: Rule) -> Result<Option<JoinFilter>> {
    let Some(filter) = filter else { return Ok(None) };
    let mut change = Change::over(rule, filter.schema());
    let expression = change.expr(filter.expression())?;
    let (columns, schema) = (filter.column_indices().to_vec(), Arc::clone(filter.schema()));
    Ok(change.changed.then(|| JoinFilter::new(expression, columns, schema)))
}

/// Changes the expressions of an operator.
struct Change<'a> {
    rule: Rule<'a>,
    /// What they are over.
    input: SchemaRef,
    /// Whether one of them was changed.
    changed: bool,
}

impl<'a> Change<'a> {
    fn over(rule: Rule<'a>, input: &SchemaRef) -> Self {
        Change { rule, input: Arc::clone(input), changed: false }
    }

    fn all(&mut self, exprs: &[Expr]) -> Result<Vec<Expr>> {
        exprs.iter().map(|expr| self.expr(expr)).collect()
    }

    fn expr(&mut self, expr: &Expr) -> Result<Expr> {
        let result = (self.rule)(Arc::clone(expr), &self.input)?;
        self.changed |= result.transformed;
        Ok(result.data)
    }
}
