//! Lists that stand for as many rows as they have items: functions, aggregates and filters of them are computed over the items.

use datafusion::logical_expr::expr::{AggregateFunction, Sort, WindowFunction};
use datafusion::logical_expr::{Cast, Expr};
use gradframe_exec::rules::as_in_plans;
use gradframe_plan::functions::column::{Answer, aggregate, as_list};
use gradframe_plan::functions::{ItemArg, OfItems, item_column, list_arguments, over_items};

use super::super::super::structure::by_row;
use super::super::names::shown;
use super::one::is_of_order;
use super::windows::is_row_order;
use super::{Group, Lowered, Lowering, Shape, with_children};
use crate::Result;

/// The lists and scalars that an expression over items takes, each once.
#[derive(Default)]
pub(super) struct Items(Vec<ItemArg>);

/// Whether the items are made of scalars alone. A list of a frame's rows, which may be long, is none that each of them could have.
pub(super) fn is_of_scalars(list: &Expr) -> bool {
    let Expr::ScalarFunction(function) = list else { return matches!(list, Expr::Literal(..)) };
    match list_arguments(function) {
        Some(lists) => function.args.iter().zip(lists).all(|(arg, is_list)| !is_list || is_of_scalars(arg)),
        None => function.args.iter().all(is_of_scalars),
    }
}

impl Items {
    /// The part in the expression over items. Constants and the order of the items need no argument.
    fn column(&mut self, part: Lowered) -> Expr {
        if part.shape != Shape::Items && (is_of_order(&part.expr) || matches!(part.expr, Expr::Literal(..))) {
            return part.expr;
        }
        self.argument(part)
    }

    fn argument(&mut self, part: Lowered) -> Expr {
        let arg = ItemArg { value: part.expr, is_list: part.shape == Shape::Items };
        let at = self.0.iter().position(|known| *known == arg).unwrap_or_else(|| {
            self.0.push(arg);
            self.0.len() - 1
        });
        item_column(at)
    }

    pub(super) fn columns(&mut self, parts: Vec<Lowered>) -> Vec<Expr> {
        parts.into_iter().map(|part| self.column(part)).collect()
    }

    pub(super) fn over(self, what: OfItems, computed: Expr) -> Lowered {
        let shape = if what == OfItems::All { Shape::Scalar } else { Shape::Items };
        Lowered { expr: over_items(what, computed, self.0, as_in_plans), shape }
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
        self.rest_of_items(&mut items, (&mut params.filter, &mut params.order_by), group)?;
        Ok(items.over(OfItems::All, Expr::AggregateFunction(aggregate)))
    }

    /// A window over the items, in their order.
    pub(super) fn window_of_items(
        &mut self,
        mut window: WindowFunction,
        args: Vec<Lowered>,
        parts: Vec<Lowered>,
        group: &Group,
    ) -> Result<Lowered> {
        let mut items = Items::default();
        let columns = items.columns(args);
        if let Some(list) = as_list(&window, columns.clone(), by_row().expr) {
            return Ok(Lowered { shape: Shape::Items, ..items.over(OfItems::All, list) });
        }
        let params = &mut window.params;
        (params.args, params.partition_by) = (columns, items.columns(parts));
        self.rest_of_items(&mut items, (&mut params.filter, &mut params.order_by), group)?;
        Ok(items.over(OfItems::Window, Expr::WindowFunction(Box::new(window))))
    }

    /// The filter and the order of a function over items, of columns of theirs.
    fn rest_of_items(
        &mut self,
        items: &mut Items,
        (filter, order): (&mut Option<Box<Expr>>, &mut [Sort]),
        group: &Group,
    ) -> Result<()> {
        if let Some(condition) = filter.take() {
            let condition = self.beside_items(*condition, group)?;
            *filter = Some(Box::new(items.column(condition)));
        }
        for key in order.iter_mut().filter(|key| !is_row_order(key)) {
            let lowered = self.beside_items(std::mem::take(&mut key.expr), group)?;
            key.expr = items.column(lowered);
        }
        Ok(())
    }

    /// The numbers of the items, from 0.
    pub(super) fn places_of_items(&mut self, value: Vec<Lowered>) -> Lowered {
        let mut items = Items::default();
        items.columns(value);
        let place = Cast::new(Box::new(by_row().expr), arrow::datatypes::DataType::Int64);
        items.over(OfItems::Each, Expr::Cast(place))
    }

    /// How many items there are.
    pub(super) fn length_of_items(&mut self, value: Vec<Lowered>, count: Expr) -> Lowered {
        let mut items = Items::default();
        items.columns(value);
        items.over(OfItems::All, count)
    }

    /// The items of the first part, or its only value, for which the second is true.
    pub(super) fn kept_items(&mut self, parts: Vec<Lowered>) -> Option<Lowered> {
        let [value, predicate] = <[Lowered; 2]>::try_from(parts).ok()?;
        let mut items = Items::default();
        items.argument(value);
        let predicate = items.column(predicate);
        Some(items.over(OfItems::Kept, predicate))
    }

    /// The only one of the items. Errors, when run: `Shape` for another number of them.
    pub(super) fn only_item(&mut self, list: Lowered) -> Lowered {
        let mut items = Items::default();
        let item = items.column(list);
        let words = shown(&self.written);
        let only = aggregate("only_value", vec![item], by_row().expr, vec![words.as_str().into()], Answer::Value);
        items.over(OfItems::All, only)
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
