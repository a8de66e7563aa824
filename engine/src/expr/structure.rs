//! Marks in an expression that say how many rows it has and which rows a part of it sees. They have a type but no value:
//! [`super::resolve`] turns them into windows, filters and lists of the plan.

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, SortExpr,
    Volatility,
};

use super::deferred::{placeholder, unresolved};

/// The hidden column by which rows have an order; see `gradframe_plan::ops::row_order`.
pub use gradframe_plan::ops::row_order::ROW_ORDER;

/// What a mark says of its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Mark {
    /// `[value, tuple of parts, tuple of order]`: the value within each group of equal parts, on each row of the group.
    Over { descending: bool, nulls_last: bool, mapping: Mapping },
    /// Several expressions as one argument; a selector among them stands for all of its columns.
    Tuple,
    /// `[value, predicate]`: only the rows for which the predicate is true.
    Keep,
    /// `[value]`: the number of the row among the value's rows, from 0; without a value among the frame's.
    Position,
    /// `[value]`: how many rows the value has; without a value the frame.
    Length,
    /// `[list]`: a list for the frame or group, standing for as many rows as it has items.
    Items,
    /// `[window]`: null where what the window is over is null. That is named once, so that one of these around another is as large as two.
    WhereThereIsOne,
    /// `[expression, value]`: the expression, in which [`Mark::Named`] of this number is the value.
    Once(usize),
    /// What a value that is named once is within an expression: of this field, named as its first column is.
    Named { number: usize, field: FieldRef, root: String },
}

/// What `over` gives for a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Mapping {
    /// One value for each row of the group.
    Rows,
    /// The list of all of them, on each row of the group.
    Join,
    /// All of them, one group after the other, in the order of their first rows.
    Explode,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Marker {
    mark: Mark,
    signature: Signature,
}

/// A mark over its arguments.
pub(crate) fn marked(mark: Mark, args: Vec<Expr>) -> Expr {
    let signature =
        if args.is_empty() { Signature::nullary(Volatility::Volatile) } else { Signature::user_defined(Volatility::Volatile) };
    placeholder(Marker { mark, signature }, args)
}

/// The mark that a scalar function is, if it is one.
pub(crate) fn mark_of(function: &ScalarFunction) -> Option<&Mark> {
    function.func.inner().as_ref().downcast_ref::<Marker>().map(|marker| &marker.mark)
}

/// Several expressions as one argument.
pub(crate) fn tuple(exprs: Vec<Expr>) -> Expr {
    marked(Mark::Tuple, exprs)
}

/// The expressions of a tuple; another expression is one by itself.
pub(crate) fn tuple_items(expr: Expr) -> Vec<Expr> {
    match expr {
        Expr::ScalarFunction(function) if mark_of(&function) == Some(&Mark::Tuple) => function.args,
        one => vec![one],
    }
}

/// Only the rows for which the predicate is true.
pub(crate) fn keep(value: Expr, predicate: Expr) -> Expr {
    marked(Mark::Keep, vec![value, predicate])
}

/// The number of the row among the value's rows, from 0.
pub(crate) fn position(value: Expr) -> Expr {
    marked(Mark::Position, vec![value])
}

/// Whether a place is one of so many from a start.
pub(crate) fn is_within(place: Expr, start: Expr, length: i64) -> Expr {
    place.clone().gt_eq(start.clone()).and(place.lt(start + super::lit(length)))
}

/// How many rows the value has.
pub(crate) fn length(value: Expr) -> Expr {
    marked(Mark::Length, vec![value])
}

/// The number of the frame's row, or the group's, from 0.
pub(crate) fn row_position() -> Expr {
    marked(Mark::Position, vec![])
}

/// How many rows the frame or group has.
pub(crate) fn row_count() -> Expr {
    marked(Mark::Length, vec![])
}

/// The window's value, null where its first argument is null.
pub(crate) fn where_there_is_one(window: Expr) -> Expr {
    marked(Mark::WhereThereIsOne, vec![window])
}

/// The items of a list that an aggregate gives, as rows.
pub(crate) fn items(list: Expr) -> Expr {
    marked(Mark::Items, vec![list])
}

/// The order of the frame's rows from the last to the first, in a form that DataFusion does not turn around: its last value
/// does not take a batch without rows.
pub(crate) fn by_row_reversed() -> SortExpr {
    let turned = BinaryExpr::new(Box::new(by_row().expr), Operator::BitwiseXor, Box::new(super::lit(u64::MAX)));
    SortExpr::new(Expr::BinaryExpr(turned), true, false)
}

/// The aggregate over its rows in their order.
pub(crate) fn in_order(aggregate: Expr) -> Expr {
    match aggregate {
        Expr::AggregateFunction(mut aggregate) => {
            aggregate.params.order_by = vec![by_row()];
            Expr::AggregateFunction(aggregate)
        }
        other => other,
    }
}

/// A list that an aggregate gives, empty where the aggregate saw no row.
pub(crate) fn or_empty_list(list: Expr, item: &DataType) -> Expr {
    let empty = ScalarValue::List(ScalarValue::new_list_nullable(&[], item));
    datafusion::functions::core::expr_fn::coalesce(vec![list, Expr::Literal(empty, None)])
}

/// The order of the frame's rows, as a sort key. A window or aggregate that is sorted by it sees rows in that order.
pub(crate) fn by_row() -> SortExpr {
    SortExpr::new(super::col(ROW_ORDER), true, false)
}

impl ScalarUDFImpl for Marker {
    fn name(&self) -> &str {
        match &self.mark {
            Mark::Over { .. } => "over",
            Mark::Tuple => "tuple",
            Mark::Keep => "filter",
            Mark::Position => "row_index",
            Mark::Length => "len",
            Mark::Items => "explode",
            Mark::WhereThereIsOne => "where_there_is_one",
            Mark::Once(_) => "once",
            Mark::Named { root, .. } => root,
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let value = types.first().cloned().unwrap_or(DataType::Null);
        Ok(match (&self.mark, value) {
            (Mark::Position | Mark::Length, _) => DataType::Int64,
            // No value, and so no list of Enums either, whose places would stand for it.
            (Mark::Tuple, _) => DataType::Null,
            (Mark::Named { field, .. }, _) => field.data_type().clone(),
            (Mark::Items, DataType::List(item) | DataType::LargeList(item)) => item.data_type().clone(),
            (Mark::Over { mapping: Mapping::Join, .. }, value) => DataType::new_list(value, true),
            (_, value) => value,
        })
    }

    /// Values stay of the kind that their field's metadata say.
    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<DataType> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let plain = Field::new(self.name(), self.return_type(&types)?, true);
        if let Mark::Named { field, .. } = &self.mark {
            return Ok(plain.with_metadata(field.metadata().clone()).into());
        }
        let Some(value) = args.arg_fields.first() else { return Ok(plain.into()) };
        Ok(FieldRef::new(match (&self.mark, value.data_type()) {
            (Mark::Tuple | Mark::Position | Mark::Length, _) => plain,
            (Mark::Items, DataType::List(item) | DataType::LargeList(item)) => plain.with_metadata(item.metadata().clone()),
            (Mark::Over { mapping: Mapping::Join, .. }, own) => {
                let item = Field::new_list_field(own.clone(), true).with_metadata(value.metadata().clone());
                plain.with_data_type(DataType::List(item.into()))
            }
            _ => plain.with_metadata(value.metadata().clone()),
        }))
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        unresolved(self.name())
    }
}
