//! Tests of subqueries whose nulls matter, by tests that know true and false alone.
//!
//! `x IN S` is true if a row of S equals x, else null if a row of S is null, or x is and S has rows, else false. DataFusion's
//! joins tell the first from the rest; where more is asked, each of the three is asked for itself.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, DFSchema, ExprSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::functions_aggregate::count::count;
use datafusion::logical_expr::expr::{Exists, InSubquery, SetComparison, SetQuantifier};
use datafusion::logical_expr::utils::disjunction;
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Operator, Subquery, ident, lit, not, when,
};
use gradframe_ml_core::Error;

use super::one_row::{OneRow, has_a_total};
use super::{is_correlated, subquery_of};
use crate::error::to_datafusion;
use crate::rules::subquery_tests::{is_constant, not_empty, scalar};

/// The column of a subquery that is compared. Without a table it is no outer one.
const TESTED: &str = "__tested";

/// Which of the three answers is to be told from the other two.
#[derive(Clone, Copy, PartialEq)]
enum Asked {
    /// True, by all of a filter.
    Kept,
    /// True, by a part of a filter.
    True,
    False,
    Each,
}

impl Asked {
    fn of_a_part(self) -> Self {
        if self == Asked::Kept { Asked::True } else { self }
    }

    fn of_the_opposite(self) -> Self {
        match self {
            Asked::Kept | Asked::True => Asked::False,
            Asked::False => Asked::True,
            Asked::Each => Asked::Each,
        }
    }
}

/// The tests of a node.
#[derive(Clone, Copy)]
pub(super) struct Tests<'a> {
    /// Whether it keeps what is true: DataFusion makes joins of tests in filters alone, and filters of conditions of joins.
    pub filters: bool,
    /// The columns that it sees.
    pub input: &'a DFSchema,
}

impl Tests<'_> {
    /// The expression with its tests as DataFusion answers them.
    pub fn told(self, expr: Expr) -> Result<Expr> {
        self.answer(expr, if self.filters { Asked::Kept } else { Asked::Each })
    }

    fn answer(self, expr: Expr, asked: Asked) -> Result<Expr> {
        match expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if matches!(op, Operator::And | Operator::Or) => {
                let asked = if op == Operator::Or { asked.of_a_part() } else { asked };
                let (left, right) = (self.answer(*left, asked)?, self.answer(*right, asked)?);
                Ok(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right))))
            }
            Expr::Not(inner) => match *inner {
                Expr::InSubquery(test) => self.contained(InSubquery { negated: !test.negated, ..test }, asked),
                inner => Ok(not(self.answer(inner, asked.of_the_opposite())?)),
            },
            Expr::InSubquery(test) => self.contained(test, asked),
            Expr::Exists(test) => self.exists(test),
            Expr::SetComparison(test) => self.compared(test, asked),
            other => other.map_children(|part| self.answer(part, Asked::Each).map(Transformed::yes)).data(),
        }
    }

    fn exists(self, test: Exists) -> Result<Expr> {
        let found = match OneRow::of(&test.subquery.subquery)? {
            Some(row) => row.exists(self.input)?,
            None if has_a_total(&test.subquery.subquery) => lit(true),
            None if !self.filters && is_correlated(&test.subquery.subquery) => self.some(test.subquery.subquery)?,
            None => return Ok(Expr::Exists(test)),
        };
        Ok(if test.negated { not(found) } else { found })
    }

    fn compared(self, test: SetComparison, asked: Asked) -> Result<Expr> {
        let negated = match (test.op, test.quantifier) {
            (Operator::Eq, SetQuantifier::Any) => Some(false),
            (Operator::NotEq, SetQuantifier::All) => Some(true),
            _ => None,
        };
        if let Some(negated) = negated {
            return self.contained(InSubquery { expr: test.expr, subquery: test.subquery, negated }, asked);
        }
        if let Some(row) = OneRow::of(&test.subquery.subquery)?.filter(|row| row.is_sure()) {
            return row.compared(*test.expr, test.op, self.input);
        }
        let rows = Arc::new(tested(test.subquery.subquery.as_ref())?.build()?);
        Ok(Expr::SetComparison(SetComparison { subquery: test.subquery.with_plan(rows), ..test }))
    }

    fn contained(self, test: InSubquery, asked: Asked) -> Result<Expr> {
        let value = self.answer(*test.expr, Asked::Each)?;
        let rows = &test.subquery.subquery;
        if let Some(row) = OneRow::of(rows)? {
            let found = row.compared(value, Operator::Eq, self.input)?;
            return Ok(if test.negated { not(found) } else { found });
        }
        let test = InSubquery { expr: Box::new(value), ..test };
        if self.is_answered(&test, asked)? { Ok(Expr::InSubquery(test)) } else { self.told_apart(test, asked) }
    }

    /// Whether DataFusion, or the rule for constants, has the answer.
    fn is_answered(self, test: &InSubquery, asked: Asked) -> Result<bool> {
        let correlated = is_correlated(&test.subquery.subquery);
        if is_constant(&test.expr) {
            return Ok(!correlated);
        }
        let marks = match asked {
            Asked::Kept => !test.negated || !correlated,
            Asked::True => !test.negated,
            Asked::False => test.negated,
            Asked::Each => false,
        };
        Ok(self.filters && (marks || !self.may_be_null(test)?))
    }

    fn may_be_null(self, test: &InSubquery) -> Result<bool> {
        Ok(test.expr.nullable(self.input)? || test.subquery.subquery.schema().field(0).is_nullable())
    }

    /// The test by tests of its own for equal rows, for nulls among them, and for rows where the value is null.
    fn told_apart(self, test: InSubquery, asked: Asked) -> Result<Expr> {
        if test.expr.exists(|part| Ok(subquery_of(part).is_some()))? {
            return Err(a_subquery_in_a_subquery());
        }
        let rows = tested(test.subquery.subquery.as_ref())?;
        let equals = ident(TESTED).eq(self.as_outer(test.expr.as_ref().clone())?);
        let equal = self.some(Arc::new(rows.clone().filter(equals)?.build()?))?;
        let mut unknown = vec![];
        if test.subquery.subquery.schema().field(0).is_nullable() {
            unknown.push(self.some(Arc::new(rows.clone().filter(ident(TESTED).is_null())?.build()?))?);
        }
        if test.expr.nullable(self.input)? {
            unknown.push(test.expr.as_ref().clone().is_null().and(self.some(Arc::new(rows.build()?))?));
        }
        answer_of(equal, unknown, test.negated, asked)
    }

    /// Whether the plan has rows.
    fn some(self, rows: Arc<LogicalPlan>) -> Result<Expr> {
        let outer_ref_columns = rows.all_out_ref_exprs();
        if outer_ref_columns.is_empty() || self.filters {
            let correlated = !outer_ref_columns.is_empty();
            let subquery = Subquery { subquery: rows, outer_ref_columns, spans: Default::default() };
            let test = Exists { subquery, negated: false };
            return if correlated { Ok(Expr::Exists(test)) } else { not_empty(test) };
        }
        let counted = LogicalPlanBuilder::from(rows).aggregate(Vec::<Expr>::new(), [count(lit(1i64)).alias("rows")])?;
        Ok(scalar(counted.build()?, outer_ref_columns).gt(lit(0i64)))
    }

    fn as_outer(self, expr: Expr) -> Result<Expr> {
        expr.transform_up(|part| match part {
            Expr::Column(column) => {
                let field = Arc::clone(self.input.field_from_column(&column)?);
                Ok(Transformed::yes(Expr::OuterReferenceColumn(field, column)))
            }
            other => Ok(Transformed::no(other)),
        })
        .data()
    }
}

fn answer_of(equal: Expr, unknown: Vec<Expr>, negated: bool, asked: Asked) -> Result<Expr> {
    let Some(unknown) = disjunction(unknown) else {
        return Ok(if negated { not(equal) } else { equal });
    };
    match (asked, negated) {
        (Asked::Kept | Asked::True, false) => Ok(equal),
        (Asked::False, true) => Ok(not(equal)),
        // What is not true is false to one who asks for the true alone.
        (Asked::Kept | Asked::True, true) => Ok(none_of(equal).and(none_of(unknown))),
        (Asked::False, false) => Ok(equal.or(unknown)),
        (Asked::Each, _) => {
            let null = lit(ScalarValue::Boolean(None));
            when(equal, lit(!negated)).when(unknown, null).otherwise(lit(negated))
        }
    }
}

/// `NOT`, moved to the parts: a filter makes joins without marks of parts that it asks all of.
fn none_of(expr: Expr) -> Expr {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => none_of(*left).and(none_of(*right)),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => none_of(*left).or(none_of(*right)),
        Expr::IsNull(value) => Expr::IsNotNull(value),
        other => not(other),
    }
}

/// The rows with their column under our name.
fn tested(rows: &LogicalPlan) -> Result<LogicalPlanBuilder> {
    let column = Expr::Column(Column::from(rows.schema().qualified_field(0)));
    LogicalPlanBuilder::from(rows.clone()).project([column.alias(TESTED)])
}

fn a_subquery_in_a_subquery() -> datafusion::error::DataFusionError {
    let what = "a subquery on the left of IN or NOT IN, where nulls matter, cannot be planned";
    to_datafusion(Error::not_implemented("query", what).hint("compute the left side in a subquery of FROM"))
}
