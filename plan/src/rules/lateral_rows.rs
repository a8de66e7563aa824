//! What is made of each row alone stands beside it without a join: `FROM t, unnest(t.l) AS u(x)`, `LATERAL (SELECT t.a * 2 AS x)`.
//!
//! DataFusion 55 plans these as joins whose right side reads the left one's row, and has no operator for such a side. One that begins with a single row of
//! nothing, and computes, unnests and filters from there, can begin with the left side's rows instead and take their columns along.
//!
//! It can go when DataFusion plans LATERAL of rows that are unnested.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, JoinType, NullHandling, Result};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, Join, LogicalPlan, LogicalPlanBuilder, Projection, SubqueryAlias, Unnest, lit};
use datafusion::optimizer::AnalyzerRule;

/// See the module.
#[derive(Debug)]
pub struct LateralRows;

impl AnalyzerRule for LateralRows {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let of_node = |node: LogicalPlan| match &node {
            LogicalPlan::Join(join) => Ok(beside(join)?.map_or_else(|| Transformed::no(node), Transformed::yes)),
            _ => Ok(Transformed::no(node)),
        };
        Ok(plan.transform_up_with_subqueries(of_node)?.data)
    }

    fn name(&self) -> &str {
        "lateral_rows"
    }
}

/// The rows of a join whose right side is made of each left row; None for any other.
fn beside(join: &Join) -> Result<Option<LogicalPlan>> {
    let always = join.on.is_empty() && join.filter.as_ref().is_none_or(|filter| *filter == lit(true));
    let keeps_left = match join.join_type {
        JoinType::Inner => false,
        JoinType::Left if always && is_unnested(&join.right) => true,
        _ => return Ok(None),
    };
    if !reads_left(&join.right, join.left.schema())? {
        return Ok(None);
    }
    let left = Left { plan: &join.left, keeps: keeps_left };
    let Some(rows) = left.rows_of(&join.right)? else { return Ok(None) };
    let kept = left
        .columns()
        .zip(join.left.schema().iter())
        .map(|(column, (qualifier, field))| column.alias_qualified(qualifier.cloned(), field.name()));
    let own = join.right.schema().iter().map(|own| Expr::Column(Column::from(own)));
    let whole = LogicalPlanBuilder::from(rows).project(kept.chain(own).collect::<Vec<_>>())?;
    let equal = join.on.iter().map(|(left, right)| left.clone().eq(right.clone()));
    let condition = equal.chain(join.filter.clone()).reduce(Expr::and);
    Ok(Some(match condition {
        Some(condition) => whole.filter(condition)?.build()?,
        None => whole.build()?,
    }))
}

/// Whether an expression of the side reads the left row, and all that read an outer row do.
fn reads_left(side: &LogicalPlan, left: &DFSchema) -> Result<bool> {
    let (mut reads, mut others) = (false, false);
    side.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|part| {
                if let Expr::OuterReferenceColumn(_, column) = part {
                    let of_left = left.has_column(column);
                    (reads, others) = (reads || of_left, others || !of_left);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(reads && !others)
}

/// Whether all its rows come of one list: without a filter, and with one unnesting.
fn is_unnested(side: &LogicalPlan) -> bool {
    match side {
        LogicalPlan::Projection(Projection { input, .. }) | LogicalPlan::SubqueryAlias(SubqueryAlias { input, .. }) => {
            is_unnested(input)
        }
        LogicalPlan::Subquery(subquery) => is_unnested(&subquery.subquery),
        LogicalPlan::Unnest(unnest) => {
            let is_one = unnest.list_type_columns.len() == 1 && unnest.struct_type_columns.is_empty();
            is_one
                && matches!(unnest.input.as_ref(), LogicalPlan::Projection(below) if matches!(below.input.as_ref(), LogicalPlan::EmptyRelation(_)))
        }
        _ => false,
    }
}

/// The left side of a join.
struct Left<'a> {
    plan: &'a Arc<LogicalPlan>,
    /// Whether a row with no list, or with an empty one, stays.
    keeps: bool,
}

impl Left<'_> {
    /// Its columns, under names of ours: those of the right side may be the same.
    fn columns(&self) -> impl Iterator<Item = Expr> {
        (0..self.many()).map(|at| Expr::Column(Column::from_name(name(at))))
    }

    fn many(&self) -> usize {
        self.plan.schema().fields().len()
    }

    /// The left side's rows with what the other side makes of each; None for what is no such side.
    fn rows_of(&self, side: &LogicalPlan) -> Result<Option<LogicalPlan>> {
        match side {
            LogicalPlan::EmptyRelation(empty) if empty.produce_one_row => self.renamed().map(Some),
            LogicalPlan::Subquery(subquery) => self.rows_of(&subquery.subquery),
            LogicalPlan::Projection(projection) => {
                let Some(rows) = self.rows_of(&projection.input)? else { return Ok(None) };
                let own = projection.expr.iter().map(|expr| self.of_row(expr.clone(), side));
                let own = own.collect::<Result<Vec<_>>>()?;
                LogicalPlanBuilder::from(rows).project(self.columns().chain(own).collect::<Vec<_>>())?.build().map(Some)
            }
            LogicalPlan::Filter(filter) => {
                let Some(rows) = self.rows_of(&filter.input)? else { return Ok(None) };
                let predicate = self.of_row(filter.predicate.clone(), side)?;
                LogicalPlanBuilder::from(rows).filter(predicate)?.build().map(Some)
            }
            LogicalPlan::SubqueryAlias(alias) => {
                let Some(rows) = self.rows_of(&alias.input)? else { return Ok(None) };
                let own = alias.input.schema().iter().map(|(qualifier, field)| {
                    let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
                    column.alias_qualified(Some(alias.alias.clone()), field.name())
                });
                LogicalPlanBuilder::from(rows).project(self.columns().chain(own).collect::<Vec<_>>())?.build().map(Some)
            }
            LogicalPlan::Unnest(unnest) => {
                let Some(rows) = self.rows_of(&unnest.input)? else { return Ok(None) };
                self.unnested(unnest, rows).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn renamed(&self) -> Result<LogicalPlan> {
        let columns = self.plan.schema().iter().enumerate();
        let columns = columns.map(|(at, column)| Expr::Column(Column::from(column)).alias(name(at)));
        LogicalPlanBuilder::from(self.plan.as_ref().clone()).project(columns.collect::<Vec<_>>())?.build()
    }

    /// The expression over the row's columns.
    fn of_row(&self, expr: Expr, node: &LogicalPlan) -> Result<Expr> {
        let name = NamePreserver::new(node).save(&expr);
        let read = |part: Expr| {
            Ok(match &part {
                Expr::OuterReferenceColumn(_, column) => {
                    let at = self.plan.schema().index_of_column(column)?;
                    Transformed::yes(Expr::Column(Column::from_name(self::name(at))))
                }
                _ => Transformed::no(part),
            })
        };
        Ok(name.restore(expr.transform_up(read)?.data))
    }

    fn unnested(&self, unnest: &Unnest, rows: LogicalPlan) -> Result<LogicalPlan> {
        let many = self.many();
        let kept = rows.schema().iter().take(many).map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field)));
        let own = unnest.schema.iter().map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field)));
        let schema = DFSchema::new_with_metadata(kept.chain(own).collect(), rows.schema().metadata().clone())?;
        let options = match self.keeps {
            true => unnest.options.clone().with_null_handling(NullHandling::PreserveAndExpandEmpty),
            false => unnest.options.clone(),
        };
        Ok(LogicalPlan::Unnest(Unnest {
            input: Arc::new(rows),
            exec_columns: unnest.exec_columns.clone(),
            list_type_columns: unnest.list_type_columns.iter().map(|(at, list)| (at + many, list.clone())).collect(),
            struct_type_columns: unnest.struct_type_columns.iter().map(|at| at + many).collect(),
            dependency_indices: (0..many).chain(unnest.dependency_indices.iter().map(|at| at + many)).collect(),
            schema: Arc::new(schema),
            options,
        }))
    }
}

fn name(at: usize) -> String {
    format!("__left_{at}")
}
