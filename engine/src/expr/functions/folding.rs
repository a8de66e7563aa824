//! Functions of two that are given, over several columns: folds, and each of their steps.

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::functions::core::expr_fn as core_fn;
use datafusion::logical_expr::{Expr, lit as literal};

use super::super::call::Call;
use super::super::resolve::output_name;
use super::super::table::FunctionRow;
use crate::Result;
use gradframe_plan::error::from_datafusion;

pub(super) const TABLE: &[FunctionRow] = &[
    FunctionRow::new("fold", folded_by).spread(1),
    FunctionRow::new("reduce", folded_by).spread(0),
    FunctionRow::new("cum_fold", |call| {
        let include_init = call.flag("include_init", false)?;
        steps(call, include_init)
    })
    .spread(1),
    FunctionRow::new("cum_reduce", |call| steps(call, true)).spread(0),
];

/// The columns that stand in a function of two for what was computed so far, and for the next column.
const SO_FAR: &str = "__so_far";
const NEXT: &str = "__next";

/// What a function of two makes of the first expression and the others, one after the other.
fn folded_by(call: &mut Call) -> Result<Expr> {
    let (first, others, function) = to_fold(call)?;
    others.into_iter().try_fold(first.unalias(), |so_far, next| applied(call, &function, so_far, next.unalias()))
}

/// The same after each of them, as fields of a struct that are named as they are; the first by itself too, if it is one of them.
fn steps(call: &mut Call, with_first: bool) -> Result<Expr> {
    let (first, others, function) = to_fold(call)?;
    let name_of = |expr: &Expr| literal(output_name(expr));
    let mut fields = if with_first { vec![name_of(&first), first.clone().unalias()] } else { vec![] };
    let mut so_far = first.unalias();
    for next in others {
        let name = name_of(&next);
        so_far = applied(call, &function, so_far, next.unalias())?;
        fields.extend([name, so_far.clone()]);
    }
    Ok(core_fn::named_struct(fields))
}

fn to_fold(call: &mut Call) -> Result<(Expr, Vec<Expr>, Expr)> {
    let function = call.inner("function")?;
    let mut parts = call.rest().into_iter();
    let first = parts.next().ok_or_else(|| call.wrong("got no column, expected at least one"))?;
    Ok((first, parts.collect(), function))
}

/// What the function makes of the two: what was computed so far is named once, however often the function names it.
fn applied(call: &Call, function: &Expr, so_far: Expr, next: Expr) -> Result<Expr> {
    let filled = function.clone().transform_down(|node| {
        let argument = match &node {
            Expr::Column(column) if column.name == SO_FAR => &so_far,
            Expr::Column(column) if column.name == NEXT => &next,
            _ => return Ok(Transformed::no(node)),
        };
        Ok(Transformed::new(argument.clone(), true, TreeNodeRecursion::Jump))
    });
    let filled = filled.map_err(from_datafusion)?.data;
    // What is named once needs no name of its own, and is gone through once, when all of it is there.
    if uses(function, SO_FAR) <= 1 { Ok(filled) } else { call.resolved_around(filled, &[so_far, next]) }
}

fn uses(function: &Expr, name: &str) -> usize {
    let mut uses = 0;
    let visited = function.apply(|node| {
        uses += usize::from(matches!(node, Expr::Column(column) if column.name == name));
        Ok(TreeNodeRecursion::Continue)
    });
    visited.map_or(0, |_| uses)
}
