//! Lists that stand for as many rows as they have items: functions, aggregates and filters of them are computed over the items.

use datafusion::logical_expr::expr::{AggregateFunction, WindowFunction};
use datafusion::logical_expr::{Cast, Expr};
use gradframe_plan::functions::column::as_list;
use gradframe_plan::functions::{ItemArg, OfItems, item_column, over_items};

use super::super::super::structure::{ROW_ORDER, by_row};
use super::windows::is_row_order;
use super::{Group, Lowered, Lowering, Shape, with_children};
use crate::Result;

/// The lists and scalars that an expression over items takes, each once.
#[derive(Default)]
struct Items(Vec<ItemArg>);

impl Items {
    /// The part in the expression over items. Constants and the order of the items need no argument.
    fn column(&mut self, part: Lowered) -> Expr {
        let is_order = matches!(&part.expr, Expr::Column(column) if column.name == ROW_ORDER);
        if is_order || matches!(part.expr, Expr::Literal(..)) {
            return part.expr;
        }
        let arg = ItemArg { value: part.expr, is_list: part.shape == Shape::Items };
        let at = self.0.iter().position(|known| *known == arg).unwrap_or_else(|| {
            self.0.push(arg);
            self.0.len() - 1
        });
        item_column(at)
    }

    fn columns(&mut self, parts: Vec<Lowered>) -> Vec<Expr> {
        parts.into_iter().map(|part| self.column(part)).collect()
    }

    fn over(self, what: OfItems, computed: Expr) -> Lowered {
        let shape = if what == OfItems::All { Shape::Scalar } else { Shape::Items };
        Lowered { expr: over_items(what, computed, self.0), shape }
    }
}

impl Lowering {
    /// A function of single values over each item.
    pub(super) fn each_item(&mut self, expr: Expr, parts: Vec<Lowered>) -> Result<Lowered> {
        let mut items = Items::default();
        let columns = items.columns(parts).into_iter().map(|expr| Lowered { expr, shape: Shape::Items }).collect();
        let computed = with_children(expr, columns)?;
        Ok(items.over(OfItems::Each, computed))
    }

    /// An aggregate of the items, one value.
    pub(super) fn of_items(&mut self, mut aggregate: AggregateFunction, args: Vec<Lowered>, group: &Group) -> Result<Lowered> {
        let mut items = Items::default();
        let params = &mut aggregate.params;
        params.args = items.columns(args);
        if let Some(filter) = params.filter.take() {
            let filter = self.beside_items(*filter, group)?;
            params.filter = Some(Box::new(items.column(filter)));
        }
        for key in params.order_by.iter_mut().filter(|key| !is_row_order(key)) {
            let lowered = self.beside_items(std::mem::take(&mut key.expr), group)?;
            key.expr = items.column(lowered);
        }
        Ok(items.over(OfItems::All, Expr::AggregateFunction(aggregate)))
    }

    /// A window of ours over the items, in their order. Errors: `NotImplemented` for DataFusion's.
    pub(super) fn window_of_items(&mut self, window: &WindowFunction, args: Vec<Lowered>) -> Result<Lowered> {
        let mut items = Items::default();
        let columns = items.columns(args);
        match as_list(window, columns, by_row().expr) {
            Some(list) => Ok(Lowered { shape: Shape::Items, ..items.over(OfItems::All, list) }),
            None => Err(self.no_items()),
        }
    }

    /// The numbers of the items, from 0.
    pub(super) fn places_of_items(&mut self, value: Lowered) -> Lowered {
        let mut items = Items::default();
        items.column(value);
        let place = Cast::new(Box::new(by_row().expr), arrow::datatypes::DataType::Int64);
        items.over(OfItems::Each, Expr::Cast(place))
    }

    /// How many items there are.
    pub(super) fn length_of_items(&mut self, value: Lowered, count: Expr) -> Lowered {
        let mut items = Items::default();
        items.column(value);
        items.over(OfItems::All, count)
    }

    /// The items of the first part for which the second is true.
    pub(super) fn kept_items(&mut self, parts: Vec<Lowered>) -> Option<Lowered> {
        let mut items = Items::default();
        let predicate = items.columns(parts).pop()?;
        Some(items.over(OfItems::Kept, predicate))
    }

    /// What stands beside items: items or a scalar.
    fn beside_items(&mut self, expr: Expr, group: &Group) -> Result<Lowered> {
        let lowered = self.lower(expr, group)?;
        match lowered.shape {
            Shape::Items | Shape::Scalar => Ok(lowered),
            Shape::Rows | Shape::Kept(_) => Err(self.mixed_lengths()),
        }
    }
}
