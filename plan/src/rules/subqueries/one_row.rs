//! Subqueries of one row: what stands over an aggregate of all rows, which has a row of nothing too.

use std::sync::Arc;

use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::expr::GroupingSet;
use datafusion::logical_expr::logical_plan::Projection;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{BinaryExpr, Distinct, Expr, FetchType, LogicalPlan, Operator, SkipType, lit, when};

use super::subquery_of;
use crate::rules::subquery_tests::scalar;

/// The only row, unless a condition does not hold. Values and conditions are of the columns of the aggregate.
pub(super) struct OneRow {
    aggregate: Arc<LogicalPlan>,
    values: Vec<Expr>,
    conditions: Vec<Expr>,
}

impl OneRow {
    /// The row of a plan that has one.
    pub fn of(plan: &LogicalPlan) -> Result<Option<Self>> {
        match plan {
            LogicalPlan::Aggregate(aggregate) if aggregate.group_expr.is_empty() => {
                let values = plan.schema().columns().into_iter().map(Expr::Column).collect();
                Ok(Some(OneRow { aggregate: Arc::new(plan.clone()), values, conditions: vec![] }))
            }
            LogicalPlan::Projection(projection) => {
                let Some(row) = Self::of(&projection.input)? else { return Ok(None) };
                row.projected(&projection.expr, projection.input.schema())
            }
            LogicalPlan::Filter(filter) => {
                let Some(mut row) = Self::of(&filter.input)? else { return Ok(None) };
                let Some(condition) = row.seen(&filter.predicate, filter.input.schema())? else { return Ok(None) };
                row.conditions.push(condition);
                Ok(Some(row))
            }
            LogicalPlan::SubqueryAlias(alias) => Self::of(&alias.input),
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => Self::of(&sort.input),
            LogicalPlan::Distinct(Distinct::All(input)) => Self::of(input),
            LogicalPlan::Limit(limit) => {
                let Some(mut row) = Self::of(&limit.input)? else { return Ok(None) };
                match (limit.get_skip_type()?, limit.get_fetch_type()?) {
                    (SkipType::Literal(0), FetchType::Literal(fetch)) if fetch != Some(0) => {}
                    (SkipType::Literal(_), FetchType::Literal(_)) => row.conditions.push(lit(false)),
                    _ => return Ok(None),
                }
                Ok(Some(row))
            }
            _ => Ok(None),
        }
    }

    fn projected(mut self, exprs: &[Expr], schema: &DFSchema) -> Result<Option<Self>> {
        let mut values = vec![];
        for expr in exprs {
            let Some(value) = self.seen(expr, schema)? else { return Ok(None) };
            values.push(value);
        }
        self.values = values;
        Ok(Some(self))
    }

    /// An expression over the row, over the aggregate; of one with a subquery of its own there is none.
    fn seen(&self, expr: &Expr, schema: &DFSchema) -> Result<Option<Expr>> {
        if expr.exists(|part| Ok(subquery_of(part).is_some()))? || expr.is_volatile() {
            return Ok(None);
        }
        let over_the_aggregate = expr.clone().transform_up(|part| match part {
            Expr::Column(column) => Ok(Transformed::yes(self.values[schema.index_of_column(&column)?].clone())),
            other => Ok(Transformed::no(other)),
        });
        Ok(Some(over_the_aggregate.data()?.unalias()))
    }

    /// Whether the row is there in any case.
    pub fn is_sure(&self) -> bool {
        self.conditions.is_empty()
    }

    /// Whether the row is there, asked by a row of `outer`.
    pub fn exists(&self, outer: &DFSchema) -> Result<Expr> {
        let conditions = self.conditions.iter().map(|condition| Ok(self.asked(condition, outer)?.is_true()));
        Ok(conjunction(conditions.collect::<Result<Vec<_>>>()?).unwrap_or_else(|| lit(true)))
    }

    /// The comparison of `value` with the row; false if it is not there.
    pub fn compared(&self, value: Expr, op: Operator, outer: &DFSchema) -> Result<Expr> {
        let row = self.asked(&self.values[0], outer)?;
        let comparison = Expr::BinaryExpr(BinaryExpr::new(Box::new(value), op, Box::new(row)));
        if self.is_sure() {
            return Ok(comparison);
        }
        when(self.exists(outer)?, comparison).otherwise(lit(false))
    }

    /// An expression over the aggregate as a row of `outer` asks for it: each column is a scalar subquery.
    fn asked(&self, expr: &Expr, outer: &DFSchema) -> Result<Expr> {
        let outer_ref_columns = self.aggregate.all_out_ref_exprs();
        expr.clone()
            .transform_up(|part| match part {
                Expr::Column(column) => {
                    let plan = Projection::try_new(vec![Expr::Column(column)], Arc::clone(&self.aggregate))?;
                    Ok(Transformed::yes(scalar(LogicalPlan::Projection(plan), outer_ref_columns.clone())))
                }
                Expr::OuterReferenceColumn(_, column) if outer.has_column(&column) => Ok(Transformed::yes(Expr::Column(column))),
                other => Ok(Transformed::no(other)),
            })
            .data()
    }
}

/// Whether a row is there in any case: the total of ROLLUP and CUBE.
pub(super) fn has_a_total(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(aggregate) => match aggregate.group_expr.as_slice() {
            [Expr::GroupingSet(GroupingSet::Rollup(_) | GroupingSet::Cube(_))] => true,
            [Expr::GroupingSet(GroupingSet::GroupingSets(sets))] => sets.iter().any(Vec::is_empty),
            _ => false,
        },
        LogicalPlan::Projection(projection) => has_a_total(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => has_a_total(&alias.input),
        _ => false,
    }
}
