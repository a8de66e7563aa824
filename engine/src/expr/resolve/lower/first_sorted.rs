//! The first values of a group that is sorted (`top_k`, `sort().head()`): as a list they are an aggregate, which holds no more than it
//! gives, where the windows that sort all rows and number them hold everything.

use datafusion::functions_window::row_number::row_number_udwf;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{BinaryExpr, Expr, WindowFunctionDefinition};
use datafusion::scalar::ScalarValue;
use gradframe_plan::functions::column;

use super::super::super::lit;
use super::super::super::structure::{by_row, is_within};
use super::marks::place_of;
use super::{Group, Lowered, Lowering, Shape};

impl Lowering {
    /// The list of the first values of the group in another order than its rows have; None of other values.
    pub(crate) fn first_sorted(&self, lowered: &Lowered, group: &Group) -> Option<Expr> {
        let (Shape::Kept(kept), Expr::Column(sorted)) = (&lowered.shape, &lowered.expr) else { return None };
        let first = length_within(kept)?;
        let is_head = |number: &str| *kept == is_within(place_of(super::windows::hidden_column(number)), lit(0_i64), first);
        self.windows(group).find(|(name, window)| is_row_number(window) && is_head(name))?;
        let (_, sort) = self.windows(group).find(|(name, _)| *name == sorted.name)?;
        column::first_sorted(sort, first, by_row().expr)
    }

    /// The windows over the rows of this group in the order of the frame, and their columns.
    fn windows(&self, group: &Group) -> impl Iterator<Item = (&str, &WindowFunction)> {
        self.names.iter().filter_map(|((_, expr), name)| match expr {
            Expr::WindowFunction(window) if is_over(window, group) => Some((name.as_str(), window.as_ref())),
            _ => None,
        })
    }
}

fn is_over(window: &WindowFunction, group: &Group) -> bool {
    let params = &window.params;
    group.order.is_empty() && params.filter.is_none() && params.partition_by == group.keys && params.order_by == [by_row()]
}

fn is_row_number(window: &WindowFunction) -> bool {
    matches!(&window.fun, WindowFunctionDefinition::WindowUDF(function) if *function == row_number_udwf())
}

/// How many places are kept, of a condition that may be [`is_within`].
fn length_within(kept: &Expr) -> Option<i64> {
    let right = |expr: &Expr| match expr {
        Expr::BinaryExpr(BinaryExpr { right, .. }) => Some(right.as_ref().clone()),
        _ => None,
    };
    match right(&right(&right(kept)?)?)? {
        Expr::Literal(ScalarValue::Int64(length), _) => length,
        _ => None,
    }
}
