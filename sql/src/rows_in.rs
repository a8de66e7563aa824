//! Rows IN lists and subqueries: `(a, b) IN ((1, 2), (3, 4))`, `(a, b) NOT IN (SELECT x, y FROM t)`.
//!
//! DataFusion 55 takes a row for a struct, of which a null field is equal to a null field, and refuses the subquery. In SQL a row is equal where all of its values
//! are, and nobody knows where one of two is null and no other differs. So a list becomes equalities, and a subquery in a filter EXISTS: what is asked there
//! is whether the test is true, or below a NOT whether it is false. A test of a subquery whose null would be seen, in a SELECT list, stays refused.

use std::mem;
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as SqlStatement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Ident, Join, JoinConstraint, JoinOperator, Query, Select, SetExpr, TableFactor, UnaryOperator,
    VisitorMut,
};
use datafusion::sql::sqlparser::parser::Parser;
use gradframe_ml_core::{Error, Result};
use gradframe_plan::dialect::OwnDialect;

use crate::visit::visit_mut;

/// What the columns of such a subquery begin with, before their number.
const COLUMN: &str = "__of_row_";

/// Longer lists are asked for the first values of their rows before.
const LONG: usize = 8;

/// Writes out the tests of rows that are asked for truth alone, and lists of rows everywhere.
pub(crate) fn write_out(statement: &mut SqlStatement) -> Result<()> {
    visit_mut(statement, &mut Rows)
}

struct Rows;

impl VisitorMut for Rows {
    type Break = Error;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        let filters = [&mut select.selection, &mut select.having, &mut select.qualify];
        filters.into_iter().flatten().for_each(|filter| in_filter(filter, true));
        select.from.iter_mut().flat_map(|table| &mut table.joins).filter_map(condition).for_each(|on| in_filter(on, true));
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        if let Expr::InList { expr: row, list, negated } = expr
            && let Expr::Tuple(row) = row.as_ref()
            && let Some(test) = in_list(row, list)
        {
            *expr = if *negated { not(test) } else { nested(test) };
        }
        ControlFlow::Continue(())
    }
}

fn condition(join: &mut Join) -> Option<&mut Expr> {
    use JoinOperator::{FullOuter, Inner, Join as Plain, Left, LeftOuter, Right, RightOuter};
    match &mut join.join_operator {
        Plain(JoinConstraint::On(on)) | Inner(JoinConstraint::On(on)) => Some(on),
        Left(JoinConstraint::On(on)) | LeftOuter(JoinConstraint::On(on)) => Some(on),
        Right(JoinConstraint::On(on)) | RightOuter(JoinConstraint::On(on)) | FullOuter(JoinConstraint::On(on)) => Some(on),
        _ => None,
    }
}

/// What stands here is asked whether it is true, or `is_true` false: whether it is false.
fn in_filter(expr: &mut Expr, is_true: bool) {
    match expr {
        Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
            in_filter(left, is_true);
            in_filter(right, is_true);
        }
        Expr::Nested(inner) => in_filter(inner, is_true),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => in_filter(expr, !is_true),
        Expr::InSubquery { expr: row, subquery, negated } => {
            if let Expr::Tuple(row) = row.as_mut() {
                // NOT IN is true where no row may be equal, and false where one is.
                let may_be = *negated == is_true;
                if let Some(test) = exists(mem::take(row), subquery, may_be, *negated) {
                    *expr = test;
                }
            }
        }
        _ => {}
    }
}

/// Whether there is a row that is equal, or of which nobody knows.
fn exists(row: Vec<Expr>, subquery: &Query, may_be: bool, negated: bool) -> Option<Expr> {
    let names: Vec<String> = (0..row.len()).map(|at| format!("{COLUMN}{at}")).collect();
    let tests = row.into_iter().zip(&names).map(|(value, name)| {
        let column = Expr::Identifier(Ident::new(name));
        let equal = equals(value.clone(), column.clone());
        match may_be {
            true => nested(or(or(equal, Expr::IsNull(Box::new(nested(value)))), Expr::IsNull(Box::new(column)))),
            false => equal,
        }
    });
    let test = tests.reduce(and)?;
    let sql = format!("SELECT 1 FROM (SELECT 1) AS __of_rows({})", names.join(", "));
    let mut tested = Parser::new(&OwnDialect).try_with_sql(&sql).ok()?.parse_query().ok()?;
    let SetExpr::Select(select) = tested.body.as_mut() else { return None };
    let TableFactor::Derived { subquery: rows, .. } = &mut select.from.first_mut()?.relation else { return None };
    **rows = subquery.clone();
    select.selection = Some(test);
    Some(Expr::Exists { subquery: tested, negated })
}

/// Whether the row is one of the list's; None if what is listed is no row of as many values.
fn in_list(row: &[Expr], list: &[Expr]) -> Option<Expr> {
    let rows = list.iter().map(|item| match item {
        Expr::Tuple(values) if values.len() == row.len() => Some(values),
        _ => None,
    });
    let rows = rows.collect::<Option<Vec<_>>>()?;
    let tests = rows
        .iter()
        .map(|values| row.iter().zip(values.iter()).map(|(own, other)| equals(own.clone(), other.clone())).reduce(and));
    let any = any(tests.collect::<Option<Vec<_>>>()?)?;
    if rows.len() <= LONG {
        return Some(any);
    }
    let firsts = rows.iter().filter_map(|values| values.first().cloned()).collect();
    let first = Expr::InList { expr: Box::new(nested(row.first()?.clone())), list: firsts, negated: false };
    Some(and(first, nested(any)))
}

/// One of the tests, in a tree that is not deep.
fn any(mut tests: Vec<Expr>) -> Option<Expr> {
    if tests.len() < 2 {
        return tests.pop();
    }
    let second = tests.split_off(tests.len() / 2);
    Some(or(nested(any(tests)?), nested(any(second)?)))
}

fn equals(left: Expr, right: Expr) -> Expr {
    binary(nested(left), BinaryOperator::Eq, nested(right))
}

fn and(left: Expr, right: Expr) -> Expr {
    binary(left, BinaryOperator::And, right)
}

fn or(left: Expr, right: Expr) -> Expr {
    binary(left, BinaryOperator::Or, right)
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

fn not(test: Expr) -> Expr {
    Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(nested(test)) }
}

fn nested(expr: Expr) -> Expr {
    match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_) | Expr::Nested(_) => expr,
        other => Expr::Nested(Box::new(other)),
    }
}
