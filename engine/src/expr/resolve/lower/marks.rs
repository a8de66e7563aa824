//! Marks of an expression: which rows a part sees, how many it has, and groups within the frame or group.

use datafusion::functions_aggregate::expr_fn as aggregate_fn;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Cast, Expr, SortExpr};

use super::super::super::structure::{Mapping, Mark, by_row, tuple_items};
use super::super::super::{lit, when};
use super::super::names::shown;
use super::one::is_one_value;
use super::windows::ordered_window;
use super::{Group, Lowered, Lowering, Shape, all_of};
use crate::{Error, Result};

impl Lowering {
    pub(super) fn marked(&mut self, mark: Mark, mut function: ScalarFunction, group: &Group) -> Result<Lowered> {
        let rest = function.args.split_off(function.args.len().min(1));
        let value = match (&mark, function.args.pop()) {
            (Mark::Position, value) => return self.position(value, group),
            (Mark::Length, value) => return self.length(value, group),
            (Mark::Named { number, .. }, _) => return self.named(*number),
            (_, value) => value.ok_or_else(|| Error::internal("expression", "a mark without a value"))?,
        };
        match mark {
            Mark::Over { descending, nulls_last, mapping } => {
                let inner = self.inner_group(rest, descending, nulls_last, group)?;
                match mapping {
                    Mapping::Explode => self.exploded(value, &inner, group),
                    _ => self.over(value, mapping, &inner),
                }
            }
            Mark::Keep => self.keep(value, rest, group),
            Mark::Items => {
                let list = self.lower(value, group)?;
                if list.shape != Shape::Scalar {
                    return Err(Error::not_implemented("explode", format!("`{}` is a list on each row", shown(&self.written)))
                        .hint("use the frame's explode"));
                }
                Ok(Lowered { expr: list.expr, shape: Shape::Items })
            }
            Mark::WhereThereIsOne => self.where_there_is_one(value, group),
            Mark::Once(number) => self.once(number, value, rest, group),
            Mark::Tuple | Mark::Position | Mark::Length | Mark::Named { .. } => {
                Err(Error::internal("expression", "a tuple outside the function that takes it"))
            }
        }
    }

    /// A window's value, null where its first argument is, which is lowered once for both.
    fn where_there_is_one(&mut self, window: Expr, group: &Group) -> Result<Lowered> {
        let mut window = ordered_window(window)?;
        let args = self.all(std::mem::take(&mut window.params.args), group)?;
        let value = args.first().cloned();
        let computed = self.window_over(window, args, group)?;
        match value {
            // Of one null value there is none.
            Some(value) if computed.shape != Shape::Scalar => {
                let is_there = match value.shape {
                    Shape::Items => self.of_parts(Expr::default().is_not_null(), vec![value], group)?,
                    Shape::Rows | Shape::Kept(_) => {
                        let seen = self.seen_by(&computed.expr, value.expr);
                        Lowered { expr: seen.is_not_null(), shape: value.shape }
                    }
                    // A scalar is yet to be repeated.
                    Shape::Scalar => Lowered { expr: value.expr.is_not_null(), shape: Shape::Scalar },
                };
                self.of_parts(when(lit(true)).then(lit(true)).end(), vec![is_there, computed], group)
            }
            _ => Ok(computed),
        }
    }

    /// The number of the row among the value's rows, or the frame's, from 0.
    fn position(&mut self, value: Option<Expr>, group: &Group) -> Result<Lowered> {
        let value = self.all(value.into_iter().collect(), group)?;
        if is_one_value(&value) {
            return Ok(Lowered { expr: lit(0_i64), shape: Shape::Scalar });
        }
        if self.common_shape(&value)? == Shape::Items {
            return Ok(self.places_of_items(value));
        }
        let (_, kept) = self.on_rows(value, group)?;
        let mut window = ordered_window(row_number())?;
        window.params.partition_by = group.keys.iter().cloned().chain(kept.clone()).collect();
        window.params.order_by = self.order(vec![by_row()], group)?;
        let expr = place_of(self.hoist(window));
        Ok(Lowered { expr, shape: kept.map_or(Shape::Rows, Shape::Kept) })
    }

    /// How many rows the value has, or the frame.
    fn length(&mut self, value: Option<Expr>, group: &Group) -> Result<Lowered> {
        let value = self.all(value.into_iter().collect(), group)?;
        if is_one_value(&value) {
            return Ok(Lowered { expr: lit(1_i64), shape: Shape::Scalar });
        }
        let mut count = aggregate_fn::count(lit(1_i64));
        if self.common_shape(&value)? == Shape::Items {
            return Ok(self.length_of_items(value, count));
        }
        let (_, kept) = self.on_rows(value, group)?;
        if let Expr::AggregateFunction(count) = &mut count {
            count.params.filter = kept.map(Box::new);
        }
        Ok(Lowered { expr: count, shape: Shape::Scalar })
    }

    fn keep(&mut self, value: Expr, rest: Vec<Expr>, group: &Group) -> Result<Lowered> {
        let wrong = || Error::internal("filter", "takes a value and a predicate");
        let parts = self.all([vec![value], rest].concat(), group)?;
        // Of one value there is one or none: a list of them.
        if is_one_value(&parts) || parts.first().is_some_and(|value| value.shape == Shape::Items) {
            self.common_shape(&parts)?;
            return self.kept_items(parts).ok_or_else(wrong);
        }
        let (parts, kept) = self.on_rows(parts, group)?;
        let [expr, predicate] = <[Expr; 2]>::try_from(parts).map_err(|_| wrong())?;
        let kept = all_of([kept, Some(predicate)]).unwrap_or_else(|| lit(true));
        Ok(Lowered { expr, shape: Shape::Kept(kept) })
    }

    fn inner_group(&mut self, rest: Vec<Expr>, descending: bool, nulls_last: bool, outer: &Group) -> Result<Group> {
        let mut rest = rest.into_iter().map(tuple_items);
        let (parts, order) = (rest.next().unwrap_or_default(), rest.next().unwrap_or_default());
        let mut group = Group { keys: outer.keys.clone(), order: vec![] };
        for part in parts {
            let lowered = self.lower(part, outer)?;
            group.keys.push(self.rows(lowered, outer)?);
        }
        for key in order {
            let lowered = self.lower(key, outer)?;
            group.order.push(SortExpr::new(self.rows(lowered, outer)?, !descending, !nulls_last));
        }
        Ok(group)
    }

    fn over(&mut self, value: Expr, mapping: Mapping, group: &Group) -> Result<Lowered> {
        let lowered = self.lower(value, group)?;
        let expr = match (mapping, &lowered.shape) {
            (Mapping::Rows, Shape::Kept(_) | Shape::Items) => {
                let what = format!("`{}` has not one value for each row of the group", shown(&self.written));
                return Err(Error::plan("over", what).hint("take an aggregate of it, or use mapping_strategy='join' for lists"));
            }
            (Mapping::Rows, _) | (_, Shape::Scalar) => self.rows(lowered, group)?,
            (Mapping::Join | Mapping::Explode, _) => {
                let list = self.imploded(lowered, group)?;
                self.repeated(list, group)?
            }
        };
        Ok(Lowered { expr, shape: Shape::Rows })
    }

    /// The list of an expression's values, in the order of the rows.
    pub(crate) fn imploded(&mut self, lowered: Lowered, group: &Group) -> Result<Expr> {
        if let Some(list) = self.first_sorted(&lowered, group) {
            return Ok(list);
        }
        let kept = match lowered.shape {
            Shape::Items => return Ok(lowered.expr),
            Shape::Kept(kept) => Some(kept),
            Shape::Rows | Shape::Scalar => None,
        };
        let mut list = aggregate_fn::array_agg(lowered.expr);
        if let Expr::AggregateFunction(list) = &mut list {
            list.params.filter = kept.map(Box::new);
            list.params.order_by = self.order(vec![by_row()], group)?;
        }
        Ok(list)
    }
}

/// The place from 0 of a row with this number from 1.
pub(super) fn place_of(number: Expr) -> Expr {
    Expr::Cast(Cast::new(Box::new(number), arrow::datatypes::DataType::Int64)) - lit(1_i64)
}
