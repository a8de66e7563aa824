//! Float expressions worth it are computed by the numeric core.
//!
//! In projections, filters and the first half of aggregates, the largest parts of expressions that the graph has
//! ([`gradframe_plan::lower`]) and that save at least [`COST_MIN`] passes become columns of a [`NumericStageExec`] below, in whose
//! place stand references to them. A part may be cut out only where DataFusion would compute it for every row: never from
//! under CASE, AND, OR or coalesce, which look at some rows only.
//!
//! What is chosen depends on the expression alone, never on the number of rows, so that the same expression has the same
//! bits in training and in prediction.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateInputMode, PhysicalGroupBy};
use datafusion::physical_plan::expressions::{BinaryExpr, CaseExpr, Column};
use datafusion::physical_plan::filter::{FilterExec, FilterExecBuilder};
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use gradframe_plan::options::GradframeOptions;

use super::needed::Needed;
use crate::ops::numeric_stage::{NumericStageExec, cost};

type Expr = Arc<dyn PhysicalExpr>;
type Plan = Arc<dyn ExecutionPlan>;

/// How many passes over a batch a part must save: fewer are lost among what a stage costs itself.
const COST_MIN: u32 = 4;

/// See the module. It comes twice: among projections before they are pushed down, where a stage keeps their expressions from
/// going into the scan, and among all operators at the end.
#[derive(Debug)]
pub struct NumericStages {
    /// Only projections.
    pub projections: bool,
}

impl PhysicalOptimizerRule for NumericStages {
    fn optimize(&self, plan: Plan, config: &ConfigOptions) -> Result<Plan> {
        if config.extensions.get::<GradframeOptions>().is_some_and(|options| !options.numeric_stages) {
            return Ok(plan);
        }
        let staged = |node: Plan| {
            let stage = if self.projections { projection_of(&node, config)? } else { staged(&node, config)? };
            Ok(stage.map_or(Transformed::no(node), Transformed::yes))
        };
        plan.transform_up(staged).data()
    }

    fn name(&self) -> &str {
        "numeric_stages"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn projection_of(node: &Plan, config: &ConfigOptions) -> Result<Option<Plan>> {
    node.downcast_ref::<ProjectionExec>().map_or(Ok(None), |projection| projection_staged(projection, config))
}

/// The operator over a stage; None if none of its expressions is worth one.
fn staged(node: &Plan, config: &ConfigOptions) -> Result<Option<Plan>> {
    if let Some(projection) = node.downcast_ref::<ProjectionExec>() {
        projection_staged(projection, config)
    } else if let Some(filter) = node.downcast_ref::<FilterExec>() {
        filter_staged(filter, config)
    } else if let Some(aggregate) = node.downcast_ref::<AggregateExec>() {
        aggregate_staged(aggregate, config)
    } else {
        Ok(None)
    }
}

/// Columns that only the filter below needs go no further than the filter.
fn projection_staged(projection: &ProjectionExec, config: &ConfigOptions) -> Result<Option<Plan>> {
    let mut cut = Cut::over(projection.input());
    let exprs = projection.expr().iter().map(|column| cut.expr(&column.expr)).collect::<Result<Vec<_>>>()?;
    if cut.parts.is_empty() {
        return Ok(None);
    }
    let needed = Needed::of(exprs.iter().chain(&cut.parts), projection.input());
    let input = if needed.is_part() { needed.alone(projection.input())? } else { Arc::clone(projection.input()) };
    let parts = cut.parts.iter().map(|part| needed.moved(part)).collect::<Result<Vec<_>>>()?;
    let stage = Arc::new(NumericStageExec::try_new(parts, input, config)?);
    let columns = projection.expr().iter().zip(&exprs).map(|(column, expr)| -> Result<ProjectionExpr> {
        Ok(ProjectionExpr { expr: needed.moved(expr)?, alias: column.alias.clone() })
    });
    Ok(Some(Arc::new(ProjectionExec::try_new(columns.collect::<Result<Vec<_>>>()?, stage)?)))
}

fn filter_staged(filter: &FilterExec, config: &ConfigOptions) -> Result<Option<Plan>> {
    let mut cut = Cut::over(filter.input());
    let predicate = cut.expr(filter.predicate())?;
    let Some(stage) = cut.stage(filter.input(), config)? else { return Ok(None) };
    let builder = FilterExecBuilder::from(filter).with_input(stage).with_predicate(predicate);
    let builder = match filter.projection() {
        Some(_) => builder,
        None => builder.apply_projection(Some((0..filter.input().schema().fields().len()).collect()))?,
    };
    Ok(Some(Arc::new(builder.build()?)))
}

fn aggregate_staged(aggregate: &AggregateExec, config: &ConfigOptions) -> Result<Option<Plan>> {
    let plain = aggregate.limit_options().is_none() && aggregate.dynamic_expressions_produced().is_empty();
    if aggregate.mode().input_mode() != AggregateInputMode::Raw || !plain {
        return Ok(None);
    }
    let mut cut = Cut::over(aggregate.input());
    let groups = groups(aggregate.group_expr(), &mut cut)?;
    let mut functions = Vec::with_capacity(aggregate.aggr_expr().len());
    for function in aggregate.aggr_expr() {
        let all = function.all_expressions();
        let arguments = cut.all(&all.args)?;
        // What a function is ordered by stays: it looks up the types of that among the columns that there were before.
        functions
            .push(function.with_new_expressions(arguments, all.order_by_exprs).map_or_else(|| Arc::clone(function), Arc::new));
    }
    // A filter of an aggregate says for which rows its arguments are computed, but they are for all of them anyway.
    let filters = aggregate.filter_expr().to_vec();
    let Some(stage) = cut.stage(aggregate.input(), config)? else { return Ok(None) };
    let schema = stage.schema();
    Ok(Some(Arc::new(AggregateExec::try_new(*aggregate.mode(), groups, functions, filters, stage, schema)?)))
}

fn groups(groups: &PhysicalGroupBy, cut: &mut Cut) -> Result<PhysicalGroupBy> {
    let keys = groups.expr().iter().map(|(key, name)| Ok((cut.expr(key)?, name.clone())));
    let keys = keys.collect::<Result<Vec<_>>>()?;
    Ok(PhysicalGroupBy::new(keys, groups.null_expr().to_vec(), groups.groups().to_vec(), groups.has_grouping_set()))
}

/// Cuts what is worth it out of the expressions of an operator.
struct Cut {
    input: SchemaRef,
    parts: Vec<Expr>,
}

impl Cut {
    fn over(input: &Plan) -> Self {
        Cut { input: input.schema(), parts: vec![] }
    }

    fn all(&mut self, exprs: &[Expr]) -> Result<Vec<Expr>> {
        exprs.iter().map(|expr| self.expr(expr)).collect()
    }

    /// The expression with references to what was cut out of it.
    fn expr(&mut self, expr: &Expr) -> Result<Expr> {
        Arc::clone(expr).transform_down(|part| Ok(self.part(part))).data()
    }

    fn part(&mut self, part: Expr) -> Transformed<Expr> {
        if is_worth_it(&part, &self.input) {
            let column: Expr = Arc::new(self.column(part));
            return Transformed::new(column, true, TreeNodeRecursion::Jump);
        }
        let below = if looks_at_some_rows(&part) { TreeNodeRecursion::Jump } else { TreeNodeRecursion::Continue };
        Transformed::new(part, false, below)
    }

    fn column(&mut self, part: Expr) -> Column {
        let at = self.parts.iter().position(|known| known.as_ref() == part.as_ref()).unwrap_or(self.parts.len());
        if at == self.parts.len() {
            self.parts.push(part);
        }
        Column::new(&NumericStageExec::column_name(at), self.input.fields().len() + at)
    }

    /// The stage of all parts; None if there is none.
    fn stage(self, input: &Plan, config: &ConfigOptions) -> Result<Option<Plan>> {
        if self.parts.is_empty() {
            return Ok(None);
        }
        Ok(Some(Arc::new(NumericStageExec::try_new(self.parts, Arc::clone(input), config)?)))
    }
}

fn is_worth_it(expr: &Expr, input: &Schema) -> bool {
    cost(expr, input).is_some_and(|cost| cost >= COST_MIN)
}

/// Whether the expression does not compute its operands for every row.
fn looks_at_some_rows(expr: &Expr) -> bool {
    let logical = |binary: &BinaryExpr| matches!(binary.op(), Operator::And | Operator::Or);
    expr.is::<CaseExpr>()
        || expr.downcast_ref::<BinaryExpr>().is_some_and(logical)
        || expr.downcast_ref::<ScalarFunctionExpr>().is_some_and(|call| call.fun().short_circuits())
}
