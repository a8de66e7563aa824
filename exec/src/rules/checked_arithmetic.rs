//! Sums, differences, products and negations of integers, decimals and times that do not fit are an error, not a wrong
//! number.
//!
//! DataFusion's operators wrap around unless they are told otherwise, one expression at a time. This rule tells those of
//! projections, filters, aggregates and sorts; it comes first, while all expressions are still where the query put them.
//! Later rules move them, but keep them as they are. Floats are not touched: theirs is infinity.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::{LexOrdering, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, PhysicalGroupBy};
use datafusion::physical_plan::expressions::{BinaryExpr, Literal, NegativeExpr};
use datafusion::physical_plan::filter::{FilterExec, FilterExecBuilder};
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use datafusion::physical_plan::sorts::sort::SortExec;

type Expr = Arc<dyn PhysicalExpr>;
type Plan = Arc<dyn ExecutionPlan>;

/// See the module.
#[derive(Debug)]
pub struct CheckedArithmetic;

impl PhysicalOptimizerRule for CheckedArithmetic {
    fn optimize(&self, plan: Plan, _config: &ConfigOptions) -> Result<Plan> {
        plan.transform_up(|node| node_checked(&node).map(|checked| checked.map_or(Transformed::no(node), Transformed::yes)))
            .data()
    }

    fn name(&self) -> &str {
        "checked_arithmetic"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The operator with its arithmetic checked; None if it has none.
fn node_checked(node: &Plan) -> Result<Option<Plan>> {
    if let Some(projection) = node.downcast_ref::<ProjectionExec>() {
        projection_checked(projection)
    } else if let Some(filter) = node.downcast_ref::<FilterExec>() {
        filter_checked(filter)
    } else if let Some(aggregate) = node.downcast_ref::<AggregateExec>() {
        aggregate_checked(aggregate)
    } else if let Some(sort) = node.downcast_ref::<SortExec>() {
        sort_checked(sort)
    } else {
        Ok(None)
    }
}

fn projection_checked(projection: &ProjectionExec) -> Result<Option<Plan>> {
    let mut check = Check::over(&projection.input().schema());
    let checked = |column: &ProjectionExpr| -> Result<ProjectionExpr> {
        Ok(ProjectionExpr { expr: check.expr(&column.expr)?, alias: column.alias.clone() })
    };
    let columns = projection.expr().iter().map(checked).collect::<Result<Vec<_>>>()?;
    if !check.changed {
        return Ok(None);
    }
    Ok(Some(Arc::new(ProjectionExec::try_new(columns, Arc::clone(projection.input()))?)))
}

fn filter_checked(filter: &FilterExec) -> Result<Option<Plan>> {
    let mut check = Check::over(&filter.input().schema());
    let predicate = check.expr(filter.predicate())?;
    if !check.changed {
        return Ok(None);
    }
    Ok(Some(Arc::new(FilterExecBuilder::from(filter).with_predicate(predicate).build()?)))
}

fn aggregate_checked(aggregate: &AggregateExec) -> Result<Option<Plan>> {
    let mut check = Check::over(&aggregate.input().schema());
    let groups = groups_checked(aggregate.group_expr(), &mut check)?;
    let mut functions = Vec::with_capacity(aggregate.aggr_expr().len());
    for function in aggregate.aggr_expr() {
        let all = function.all_expressions();
        let arguments = check.all(&all.args)?;
        let order = check.all(&all.order_by_exprs)?;
        functions.push(function.with_new_expressions(arguments, order).map_or_else(|| Arc::clone(function), Arc::new));
    }
    let filters = aggregate.filter_expr().iter();
    let filters = filters.map(|filter| filter.as_ref().map(|filter| check.expr(filter)).transpose());
    let filters = filters.collect::<Result<Vec<_>>>()?;
    if !check.changed {
        return Ok(None);
    }
    let (mode, input) = (*aggregate.mode(), Arc::clone(aggregate.input()));
    Ok(Some(Arc::new(AggregateExec::try_new(mode, groups, functions, filters, input, aggregate.input_schema())?)))
}

fn groups_checked(groups: &PhysicalGroupBy, check: &mut Check) -> Result<PhysicalGroupBy> {
    let keys = groups.expr().iter().map(|(key, name)| Ok((check.expr(key)?, name.clone())));
    let keys = keys.collect::<Result<Vec<_>>>()?;
    Ok(PhysicalGroupBy::new(keys, groups.null_expr().to_vec(), groups.groups().to_vec(), groups.has_grouping_set()))
}

fn sort_checked(sort: &SortExec) -> Result<Option<Plan>> {
    let mut check = Check::over(&sort.input().schema());
    let key = |key: &PhysicalSortExpr| -> Result<PhysicalSortExpr> {
        Ok(PhysicalSortExpr { expr: check.expr(&key.expr)?, options: key.options })
    };
    let keys = sort.expr().iter().map(key).collect::<Result<Vec<_>>>()?;
    let Some(order) = LexOrdering::new(keys).filter(|_| check.changed) else { return Ok(None) };
    let checked = SortExec::new(order, Arc::clone(sort.input()));
    Ok(Some(Arc::new(checked.with_preserve_partitioning(sort.preserve_partitioning()).with_fetch(sort.fetch()))))
}

/// Checks the expressions of an operator.
struct Check {
    /// What they are over.
    input: SchemaRef,
    /// Whether one of them had arithmetic to check.
    changed: bool,
}

impl Check {
    fn over(input: &SchemaRef) -> Self {
        Check { input: Arc::clone(input), changed: false }
    }

    fn all(&mut self, exprs: &[Expr]) -> Result<Vec<Expr>> {
        exprs.iter().map(|expr| self.expr(expr)).collect()
    }

    /// The expression with its arithmetic checked.
    fn expr(&mut self, expr: &Expr) -> Result<Expr> {
        let result =
            Arc::clone(expr).transform_up(|node| Ok(self.node(&node).map_or_else(|| Transformed::no(node), Transformed::yes)))?;
        self.changed |= result.transformed;
        Ok(result.data)
    }

    fn node(&self, node: &Expr) -> Option<Expr> {
        if let Some(binary) = node.downcast_ref::<BinaryExpr>().filter(|binary| may_wrap(binary.op())) {
            return Some(checked(binary.left(), *binary.op(), binary.right()));
        }
        let negative = node.downcast_ref::<NegativeExpr>()?;
        let data_type = negative.arg().data_type(&self.input).ok().filter(|data_type| data_type.is_signed_integer())?;
        // A negation has no flag; a difference has.
        let zero: Expr = Arc::new(Literal::new(ScalarValue::new_zero(&data_type).ok()?));
        Some(checked(&zero, Operator::Minus, negative.arg()))
    }
}

fn checked(left: &Expr, operator: Operator, right: &Expr) -> Expr {
    Arc::new(BinaryExpr::new(Arc::clone(left), operator, Arc::clone(right)).with_fail_on_overflow(true))
}

fn may_wrap(operator: &Operator) -> bool {
    matches!(operator, Operator::Plus | Operator::Minus | Operator::Multiply)
}
