//! Tests of a subquery that do not depend on the row are made of its counts: one scalar subquery, evaluated once.
//!
//! DataFusion 55 makes joins of `IN (SELECT ...)` and `EXISTS (SELECT ...)` in filters, and nothing elsewhere. The join for a
//! constant, `1 NOT IN (SELECT y ...)`, has no key and loses what a null among the rows means: that nobody knows. The one for
//! a union fails.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, ScalarValue};
use datafusion::error::Result;
use datafusion::functions_aggregate::count::count;
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, Subquery, lit, not, when};
use datafusion::optimizer::AnalyzerRule;

/// How many rows the subquery has, how many equal the constant, how many are null.
const ROWS: &str = "rows";
const EQUAL: &str = "equal";
const NULLS: &str = "nulls";

/// See the module. Comes after types were coerced: both sides have one.
#[derive(Debug)]
pub struct SubqueryTests;

impl AnalyzerRule for SubqueryTests {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(tests_counted).data()
    }

    fn name(&self) -> &str {
        "subquery_tests"
    }
}

fn tests_counted(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let (names, filters) = (NamePreserver::new(&node), matches!(node, LogicalPlan::Filter(_)));
    node.map_expressions(|expr| {
        let name = names.save(&expr);
        let counted = expr.transform_up(|expr| counted(expr, filters))?;
        Ok(counted.update_data(|expr| name.restore(expr)))
    })?
    .map_data(LogicalPlan::recompute_schema)
}

fn counted(expr: Expr, filters: bool) -> Result<Transformed<Expr>> {
    match expr {
        Expr::InSubquery(test) if is_constant(&test.expr) => contained(test).map(Transformed::yes),
        Expr::InSubquery(test) if is_union(&test.subquery.subquery) => named(test).map(Transformed::yes),
        Expr::Exists(test) if !filters && test.subquery.outer_ref_columns.is_empty() => not_empty(test).map(Transformed::yes),
        other => Ok(Transformed::no(other)),
    }
}

pub(super) fn is_constant(expr: &Expr) -> bool {
    expr.column_refs().is_empty() && !expr.contains_outer() && !expr.is_volatile()
}

fn is_union(rows: &LogicalPlan) -> bool {
    match rows {
        LogicalPlan::Union(_) => true,
        LogicalPlan::Distinct(_) | LogicalPlan::Projection(_) => rows.inputs().into_iter().any(is_union),
        _ => false,
    }
}

/// The rows of a union under a name: DataFusion 55 else finds their column twice in the join that it makes for `x IN (...) OR ...`.
fn named(test: InSubquery) -> Result<Expr> {
    let rows = LogicalPlanBuilder::from(Arc::clone(&test.subquery.subquery)).alias("united")?;
    let column = Expr::Column(Column::from(rows.schema().qualified_field(0)));
    let rows = Arc::new(rows.project([column])?.build()?);
    Ok(Expr::InSubquery(InSubquery { subquery: test.subquery.with_plan(rows), ..test }))
}

/// Whether a constant is among the rows, by SQL's three values.
fn contained(test: InSubquery) -> Result<Expr> {
    let rows = test.subquery.subquery;
    let value = Expr::Column(Column::from(rows.schema().qualified_field(0)));
    let equal = value.clone().eq(test.expr.as_ref().clone());
    let counts = vec![
        count(lit(1i64)).alias(ROWS),
        count(lit(1i64)).filter(equal).build()?.alias(EQUAL),
        count(lit(1i64)).filter(value.is_null()).build()?.alias(NULLS),
    ];
    let some = |counted: &str| Expr::Column(Column::from_name(counted)).gt(lit(0i64));
    let unknown = lit(ScalarValue::Boolean(None));
    let answer = when(not(some(ROWS)), lit(false))
        .when(test.expr.as_ref().clone().is_null(), unknown.clone())
        .when(some(EQUAL), lit(true))
        .when(some(NULLS), unknown)
        .otherwise(lit(false))?;
    let answer = if test.negated { not(answer) } else { answer };
    let plan = LogicalPlanBuilder::from(rows).aggregate(Vec::<Expr>::new(), counts)?.project([answer.alias("contained")])?;
    Ok(scalar(plan.build()?, test.subquery.outer_ref_columns))
}

/// Whether there is a row.
pub(super) fn not_empty(test: Exists) -> Result<Expr> {
    let rows = LogicalPlanBuilder::from(test.subquery.subquery).limit(0, Some(1))?;
    let rows = rows.aggregate(Vec::<Expr>::new(), [count(lit(1i64)).alias(ROWS)])?;
    let any = Expr::Column(Column::from_name(ROWS)).gt(lit(0i64));
    let any = if test.negated { not(any) } else { any };
    Ok(scalar(rows.project([any.alias("exists")])?.build()?, vec![]))
}

pub(super) fn scalar(plan: LogicalPlan, outer_ref_columns: Vec<Expr>) -> Expr {
    Expr::ScalarSubquery(Subquery { subquery: Arc::new(plan), outer_ref_columns, spans: Default::default() })
}
