//! `x = ANY (list)` and its like over lists: unknown where an element is and no other decides.
//!
//! DataFusion 55 writes them of `array_has`, `array_min` and `array_max`, which pass over nulls: `3 = ANY (l)` was false of `[1, NULL]`, and so its denial
//! true. Elements that are written one by one are a list of IN, by which files are pruned.

use std::mem;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Value, VisitMut, VisitorMut};
use gradframe_plan::dialect::function_call;
use gradframe_plan::functions::column::quantifier;
use gradframe_plan::functions::words::word;

/// Writes those that ask no subquery as calls.
pub(crate) fn written_out(tree: &mut impl VisitMut) {
    let _: ControlFlow<()> = tree.visit(&mut Quantified);
}

struct Quantified;

impl VisitorMut for Quantified {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let (op, all) = match expr {
            Expr::AnyOp { compare_op, right, .. } if !is_subquery(right) => (compare_op.clone(), false),
            Expr::AllOp { compare_op, right, .. } if !is_subquery(right) => (compare_op.clone(), true),
            _ => return ControlFlow::Continue(()),
        };
        let Some(sign) = sign(&op) else { return ControlFlow::Continue(()) };
        let taken = mem::replace(expr, Expr::Value(Value::Null.into()));
        if let Expr::AnyOp { left, right, .. } | Expr::AllOp { left, right, .. } = taken {
            *expr = match listed(&right) {
                Some(list) if op == BinaryOperator::Eq && !all => Expr::InList { expr: left, list, negated: false },
                Some(list) if op == BinaryOperator::NotEq && all => Expr::InList { expr: left, list, negated: true },
                _ => function_call(&word("quantified", &quantifier(sign, all)), vec![*left, *right]),
            };
        }
        ControlFlow::Continue(())
    }
}

fn is_subquery(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_subquery(inner),
        other => matches!(other, Expr::Subquery(_)),
    }
}

/// The operator, if it compares.
fn sign(op: &BinaryOperator) -> Option<&'static str> {
    Some(match op {
        BinaryOperator::Eq => "=",
        BinaryOperator::NotEq => "<>",
        BinaryOperator::Lt => "<",
        BinaryOperator::LtEq => "<=",
        BinaryOperator::Gt => ">",
        BinaryOperator::GtEq => ">=",
        _ => return None,
    })
}

/// Elements that are written one by one.
fn listed(list: &Expr) -> Option<Vec<Expr>> {
    match list {
        Expr::Nested(inner) => listed(inner),
        Expr::Array(array) => Some(array.elem.clone()).filter(|elements| !elements.is_empty()),
        _ => None,
    }
}
