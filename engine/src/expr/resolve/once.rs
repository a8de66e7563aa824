//! What a function names several times is named once where it is large.
//!
//! Trees share nothing: an argument that a lowering writes three times is there three times, and one such function around another
//! around another is a tree of 3^n parts, which takes as long to build, to type and to plan. While a call is built, a mark stands for each
//! large argument. An expression of single values that names one several times becomes a function of it
//! ([`gradframe_plan::functions::of_row`]); one of whole columns is lowered over a hidden column ([`Mark::Once`]).

use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, Volatility};
use gradframe_exec::rules::as_in_plans;
use gradframe_plan::error::from_datafusion;
use gradframe_plan::functions::{item_column, of_row};

use super::super::deferred::deferred_of;
use super::super::structure::{Mark, ROW_ORDER, mark_of, marked};
use super::{field_of, output_name};
use crate::Result;

/// An expression of fewer parts is written wherever it is named: DataFusion sees through it.
const LARGE_FROM: usize = 48;

/// Marks are told apart by their numbers, which none of what is planned shows.
static NEXT_NUMBER: AtomicUsize = AtomicUsize::new(0);

/// The large parts of an expression, and what stands for them.
pub(super) struct LargeParts(Vec<Large>);

#[derive(Clone)]
struct Large {
    number: usize,
    value: Expr,
    mark: Expr,
}

impl LargeParts {
    /// Those of the parts, which are resolved, that are large.
    pub(super) fn of(parts: &[Expr], schema: &DFSchema) -> Result<Self> {
        let mut large = vec![];
        for value in parts.iter().filter(|part| is_large(part)) {
            let field = field_of(value, schema)?;
            let number = NEXT_NUMBER.fetch_add(1, Ordering::Relaxed);
            let mark = marked(Mark::Named { number, field, root: output_name(value) }, vec![]);
            large.push(Large { number, value: value.clone(), mark });
        }
        Ok(LargeParts(large))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The expression with marks in their places.
    pub(super) fn stood_for(&self, expr: Expr) -> Result<Expr> {
        replaced(expr, |node| self.0.iter().find(|large| large.value == *node).map(|large| large.mark.clone()))
    }

    /// The expression with each part where its mark stands, if that is once, and named once else.
    pub(super) fn named_once(self, expr: Expr, schema: &DFSchema) -> Result<Expr> {
        let (several, once): (Vec<Large>, Vec<Large>) = self.0.into_iter().partition(|large| uses(&expr, large.number) > 1);
        // What is computed within groups sees other rows than what stands beside it.
        if several.is_empty() || holds_groups(&expr) {
            return with_values(expr, &[several, once].concat());
        }
        if is_of_single_values(&expr) {
            return of_row_over(expr, &[several, once].concat(), schema);
        }
        let expr = with_values(expr, &once)?;
        Ok(several.into_iter().fold(expr, |expr, large| marked(Mark::Once(large.number), vec![expr, large.value])))
    }
}

fn is_large(expr: &Expr) -> bool {
    let mut parts = 0;
    let visited = expr.apply(|_| {
        parts += 1;
        Ok(if parts < LARGE_FROM { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    visited.is_ok() && parts >= LARGE_FROM
}

fn replaced(expr: Expr, by: impl Fn(&Expr) -> Option<Expr>) -> Result<Expr> {
    let replaced = expr.transform_down(|node| match by(&node) {
        Some(other) => Ok(Transformed::new(other, true, TreeNodeRecursion::Jump)),
        None => Ok(Transformed::no(node)),
    });
    Ok(replaced.map_err(from_datafusion)?.data)
}

/// Which mark a node is.
fn number_of(node: &Expr) -> Option<usize> {
    let Expr::ScalarFunction(function) = node else { return None };
    match mark_of(function) {
        Some(Mark::Named { number, .. }) => Some(*number),
        _ => None,
    }
}

fn uses(expr: &Expr, number: usize) -> usize {
    let mut uses = 0;
    let visited = expr.apply(|node| {
        uses += usize::from(number_of(node) == Some(number));
        Ok(TreeNodeRecursion::Continue)
    });
    visited.map_or(0, |_| uses)
}

fn with_values(expr: Expr, values: &[Large]) -> Result<Expr> {
    replaced(expr, |node| {
        let number = number_of(node)?;
        values.iter().find(|large| large.number == number).map(|large| large.value.clone())
    })
}

fn exists(expr: &Expr, is: impl Fn(&Expr) -> bool) -> bool {
    expr.exists(|node| Ok(is(node))).unwrap_or(true)
}

fn holds_groups(expr: &Expr) -> bool {
    exists(expr, |node| matches!(node, Expr::ScalarFunction(function) if matches!(mark_of(function), Some(Mark::Over { .. }))))
}

/// Whether an expression is computed row by row, from its row alone.
fn is_of_single_values(expr: &Expr) -> bool {
    let is_other = |node: &Expr| match node {
        Expr::Column(column) => column.name == ROW_ORDER,
        Expr::ScalarFunction(function) => match mark_of(function) {
            Some(mark) => !matches!(mark, Mark::Named { .. }),
            None => deferred_of(function).is_some() || function.func.signature().volatility != Volatility::Immutable,
        },
        Expr::Alias(_)
        | Expr::Literal(..)
        | Expr::BinaryExpr(_)
        | Expr::Like(_)
        | Expr::Not(_)
        | Expr::IsNotNull(_)
        | Expr::IsNull(_)
        | Expr::IsTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNotFalse(_)
        | Expr::IsNotUnknown(_)
        | Expr::Negative(_)
        | Expr::Between(_)
        | Expr::Case(_)
        | Expr::Cast(_)
        | Expr::TryCast(_)
        | Expr::InList(_) => false,
        _ => true,
    };
    !exists(expr, is_other)
}

/// The expression as a function of the values and columns that it names.
fn of_row_over(expr: Expr, values: &[Large], schema: &DFSchema) -> Result<Expr> {
    let mut arguments: Vec<Expr> = vec![];
    let computed = expr.transform_down(|node| {
        // What stands for a part of an expression around this one is an argument, too.
        if !matches!(node, Expr::Column(_)) && number_of(&node).is_none() {
            return Ok(Transformed::no(node));
        }
        let at = arguments.iter().position(|known| *known == node).unwrap_or_else(|| {
            arguments.push(node);
            arguments.len() - 1
        });
        Ok(Transformed::new(item_column(at), true, TreeNodeRecursion::Jump))
    });
    let computed = computed.map_err(from_datafusion)?.data;
    let mut parts = vec![];
    for argument in arguments {
        let field = field_of(&argument, schema)?;
        parts.push((with_values(argument, values)?, field));
    }
    of_row(computed, parts, as_in_plans).map_err(from_datafusion)
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field, Schema};

    use super::super::super::{Constants, call, col, lit};
    use super::super::{Group, Lowering, typed};
    use super::*;

    fn parts(expr: &Expr) -> usize {
        let mut parts = 0;
        expr.apply(|_| {
            parts += 1;
            Ok(TreeNodeRecursion::Continue)
        })
        .unwrap();
        parts
    }

    /// How many parts there are, hidden columns among them, of a function around another, so many times.
    fn planned(name: &str, others: &[Expr], constants: &Constants, times: usize) -> usize {
        let schema = DFSchema::try_from(Schema::new(vec![Field::new("p", DataType::Float64, true)])).unwrap();
        let around = |value: Expr| call(name, [&[value], others].concat(), constants.clone()).unwrap();
        let nested = (0..times).fold(col("p"), |value, _| around(value));
        let named = typed("select", vec![nested], &schema, &schema).unwrap().swap_remove(0);
        let mut lowering = Lowering::default();
        let lowered = lowering.lower_named(named, &Group::default()).unwrap();
        let hidden = lowering.layers.iter().flat_map(|layer| layer.values.iter().chain(&layer.windows));
        parts(&lowered.expr) + hidden.map(parts).sum::<usize>()
    }

    #[test]
    fn one_function_around_another_is_as_large_as_both() {
        let k = || Constants::from([("k".to_owned(), 2_i64.into())]);
        let cases = [
            ("diff", vec![], Constants::new()),
            ("pct_change", vec![], Constants::new()),
            ("cum_sum", vec![], Constants::new()),
            ("sum", vec![], Constants::new()),
            ("min", vec![], Constants::new()),
            ("max", vec![], Constants::new()),
            ("n_unique", vec![], Constants::new()),
            ("fill_nan", vec![lit(1.0)], Constants::new()),
            ("clip", vec![lit(1.0), lit(2.0)], Constants::new()),
            ("top_k", vec![], k()),
        ];
        for (name, others, constants) in cases {
            let (ten, twenty) = (planned(name, &others, &constants, 10), planned(name, &others, &constants, 20));
            // What is kept of what is kept is a condition of all of them: as the square, and of marks before the first large one.
            assert!(twenty < 5 * ten, "{name}: {ten} parts of ten, {twenty} of twenty");
        }
    }

    #[test]
    fn small_arguments_are_written_where_they_are_named() {
        let schema = DFSchema::try_from(Schema::new(vec![Field::new("p", DataType::Float64, true)])).unwrap();
        let clipped = call("clip", vec![col("p"), lit(1.0), lit(2.0)], Constants::new()).unwrap();
        let named = typed("select", vec![clipped], &schema, &schema).unwrap().swap_remove(0);
        assert!(matches!(named.expr, Expr::Case(_)), "{}", named.expr);
    }
}
