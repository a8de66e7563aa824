//! `first_value` and `last_value` of many groups.
//!
//! DataFusion 55 keeps what rows are ordered by as a `ScalarValue` a group, and goes through all groups at each batch. Here the order of a row
//! is a few whole numbers, values lie in one array, and where rows come in their order those of known groups are passed over.

mod groups;
mod kept;
mod order;

use std::sync::{Arc, LazyLock};

use datafusion::common::Result;
use datafusion::functions_aggregate::first_last::{first_value_udaf, last_value_udaf};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{AggregateUDF, Expr, GroupsAccumulator, SortExpr};

use self::groups::Groups;
use self::order::Order;
use super::own_part::{OwnPart, Part};

/// Which row of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum End {
    First,
    Last,
}

static FIRST: LazyLock<Arc<AggregateUDF>> = LazyLock::new(|| OwnPart::instead_of(first_value_udaf(), Part::End(End::First)));
static LAST: LazyLock<Arc<AggregateUDF>> = LazyLock::new(|| OwnPart::instead_of(last_value_udaf(), Part::End(End::Last)));

impl End {
    /// The aggregate of the same rows in the opposite order.
    pub(super) fn reversed(self) -> Arc<AggregateUDF> {
        Arc::clone(if self == End::First { &LAST } else { &FIRST })
    }
}

/// The aggregates `first_value` and `last_value`, in the place of DataFusion's.
pub fn end_aggregates() -> [Arc<AggregateUDF>; 2] {
    [Arc::clone(&FIRST), Arc::clone(&LAST)]
}

/// The value of the first row in this order; null of no row.
pub fn first_value(expr: Expr, order: Vec<SortExpr>) -> Expr {
    let mut call = FIRST.call(vec![expr]);
    if let Expr::AggregateFunction(function) = &mut call {
        function.params.order_by = order;
    }
    call
}

/// The aggregate that gives the value of the last row.
pub fn last_value() -> Arc<AggregateUDF> {
    Arc::clone(&LAST)
}

/// The accumulator of many groups; None for rows in an order that is no few numbers.
pub(super) fn of_groups(end: End, args: &AccumulatorArgs) -> Result<Option<Box<dyn GroupsAccumulator>>> {
    let Some(order) = Order::of(args, end)? else { return Ok(None) };
    macro_rules! of_words {
        ($($words:literal),*) => {
            match order.words() {
                $($words => Some(Box::new(Groups::<$words>::new(order, args)) as Box<dyn GroupsAccumulator>),)*
                _ => None,
            }
        };
    }
    Ok(of_words!(1, 2, 3, 4, 5, 6))
}
