//! `INTERSECT ALL` and `EXCEPT ALL` count copies of a row: of three copies less one, two are left.
//!
//! DataFusion 55 plans them as joins that keep or drop all copies of a row that the other side has. Here copies are numbered on both sides, and a
//! copy meets that of its number. A frame's join of all columns has the same form, so SQL says which it means: it names the rows on the
//! left [`WITH_COPIES`].

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::common::{Column, JoinType, NullEquality};
use datafusion::error::Result;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{Expr, ExprFunctionExt, Join, LogicalPlan, LogicalPlanBuilder};
use datafusion::optimizer::AnalyzerRule;

/// The alias of rows whose copies count.
pub const WITH_COPIES: &str = "__with_copies";

/// The columns with the numbers of copies.
const NUMBERS: [&str; 2] = ["__left_copy", "__right_copy"];

/// See the module. Comes first: joins are as the parser made them.
#[derive(Debug)]
pub struct Copies;

impl AnalyzerRule for Copies {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|node| match node {
            LogicalPlan::Join(join) if counts(&join) => numbered(join).map(Transformed::yes),
            other => Ok(Transformed::no(other)),
        })
        .data()
    }

    fn name(&self) -> &str {
        "copies"
    }
}

fn counts(join: &Join) -> bool {
    matches!(join.join_type, JoinType::LeftSemi | JoinType::LeftAnti)
        && join.null_equality == NullEquality::NullEqualsNull
        && has_copies(&join.left)
}

/// Whether rows have the alias, perhaps below `SELECT *` and an alias that keeps the sides apart.
fn has_copies(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Projection(all) => all.expr.iter().all(|expr| matches!(expr, Expr::Column(_))) && has_copies(&all.input),
        LogicalPlan::SubqueryAlias(alias) => alias.alias.table() == WITH_COPIES || has_copies(&alias.input),
        _ => false,
    }
}

/// The join by the number of the copy too, of the same columns.
fn numbered(join: Join) -> Result<LogicalPlan> {
    let [left_number, right_number] = NUMBERS;
    let left = with_numbers(&join.left, left_number)?;
    let right = with_numbers(&join.right, right_number)?;
    let number = |name: &str| Expr::Column(Column::from_name(name));
    let mut on = join.on;
    on.push((number(left_number), number(right_number)));
    let columns = join.left.schema().columns().into_iter().map(Expr::Column);
    let met = Join { left, right, on, schema: Arc::clone(&join.schema), ..join };
    LogicalPlanBuilder::from(LogicalPlan::Join(met).recompute_schema()?).project(columns)?.build()
}

/// The rows with a column that numbers those that are equal.
fn with_numbers(rows: &Arc<LogicalPlan>, name: &str) -> Result<Arc<LogicalPlan>> {
    let columns: Vec<Expr> = rows.schema().columns().into_iter().map(Expr::Column).collect();
    let number = row_number().partition_by(columns.clone()).build()?;
    let called = Expr::Column(Column::from_name(number.schema_name().to_string())).alias(name);
    let numbered = LogicalPlanBuilder::from(Arc::clone(rows)).window([number])?;
    Ok(Arc::new(numbered.project(columns.into_iter().chain([called]))?.build()?))
}
