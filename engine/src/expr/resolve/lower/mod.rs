//! From expressions as Polars means them to windows, aggregates and columns of a plan.
//!
//! Every part of an expression has a shape: one value for the frame or group, one a row, one for some of the rows, or the
//! items of a list. What is computed of whole columns becomes a window of the plan, in layers: a window over a window
//! stands above it. An aggregate beside rows is a window, too, which repeats it on each row. Items of a list are computed of
//! inside the list.

mod exploded;
mod first_sorted;
mod items;
mod marks;
mod once;
mod one;
mod windows;

use std::collections::HashMap;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Expr, SortExpr};
use gradframe_plan::error::{from_datafusion, to_datafusion};
use gradframe_plan::functions::column;

use super::super::depth::reduced;
use super::super::structure::{ROW_ORDER, by_row, mark_of};
use super::Named;
use super::names::shown;
use crate::{Error, Result};

/// How many values an expression has.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    /// One for the frame or group.
    Scalar,
    /// One a row.
    Rows,
    /// One for each row for which this is true.
    Kept(Expr),
    /// As many as a list has items, which the expression gives for the frame or group.
    Items,
}

/// An expression over columns of the frame and hidden ones, and its shape.
#[derive(Debug, Clone)]
pub(crate) struct Lowered {
    pub(crate) expr: Expr,
    pub(crate) shape: Shape,
}

/// The rows that windows and aggregates see together, and in which order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Group {
    pub(crate) keys: Vec<Expr>,
    /// Before the order of the rows.
    pub(crate) order: Vec<SortExpr>,
}

/// Hidden columns, first those of values that windows take, then those of windows.
#[derive(Debug, Default)]
pub(crate) struct Layer {
    pub(crate) values: Vec<Expr>,
    pub(crate) windows: Vec<Expr>,
}

/// What the plan must compute below the expressions.
#[derive(Debug, Default)]
pub(crate) struct Lowering {
    /// What is computed of whole columns, by layer: each over columns of the frame and of the layers before.
    pub(crate) layers: Vec<Layer>,
    /// The layer of each hidden column, from 1. What is over a column stands in a layer above it.
    depths: HashMap<String, usize>,
    /// The hidden column of each window, and of each of their arguments in its layer: equal ones share one.
    names: HashMap<(usize, Expr), String>,
    /// Whether something depends on the order of the rows.
    pub(crate) needs_order: bool,
    /// What stands for the values that are named once, by their numbers.
    named: HashMap<usize, Lowered>,
    /// The expression as it was written, for errors.
    written: Expr,
}

impl Lowering {
    /// An expression that a user wrote, over the plan that [`Lowering::layers`] describes.
    /// Errors: `Plan` for parts of different lengths; `NotImplemented` for windows over items of lists.
    pub(crate) fn lower_named(&mut self, named: Named, group: &Group) -> Result<Lowered> {
        self.written = named.written;
        self.lower(named.expr, group)
    }

    fn lower(&mut self, expr: Expr, group: &Group) -> Result<Lowered> {
        match expr {
            Expr::Column(column) => {
                let is_order = column.name == ROW_ORDER;
                self.needs_order |= is_order;
                // The order goes with rows of any number.
                let shape = if is_order { Shape::Scalar } else { Shape::Rows };
                Ok(Lowered { expr: Expr::Column(column), shape })
            }
            Expr::Literal(..) => Ok(Lowered { expr, shape: Shape::Scalar }),
            Expr::AggregateFunction(aggregate) => self.aggregate(aggregate, group),
            Expr::WindowFunction(window) => self.window(*window, group),
            Expr::ScalarFunction(function) => match mark_of(&function).cloned() {
                Some(mark) => self.marked(mark, function, group),
                None => self.by_row(Expr::ScalarFunction(function), group),
            },
            other => self.by_row(other, group),
        }
    }

    /// One value a row; a scalar is repeated, and so is the only item of a list of scalars. Errors: `Plan` for another number of rows
    /// than the frame has; when run, `Shape` for another number of items than one.
    pub(crate) fn rows(&mut self, lowered: Lowered, group: &Group) -> Result<Expr> {
        match lowered.shape {
            Shape::Items if items::is_of_scalars(&lowered.expr) => {
                let only = self.only_item(lowered);
                self.repeated(only.expr, group)
            }
            Shape::Rows => Ok(lowered.expr),
            Shape::Scalar => self.repeated(lowered.expr, group),
            Shape::Kept(_) | Shape::Items => Err(self.other_length()),
        }
    }

    /// [`Lowering::rows`], to which rows that were kept of the frame's stand side by side, if they are as many or one.
    /// Errors: when run, `Shape` for any other number of them.
    pub(crate) fn beside_rows(&mut self, name: &str, lowered: Lowered) -> Result<Expr> {
        let group = Group::default();
        let Lowered { expr, shape } = lowered;
        let kept = match shape {
            Shape::Kept(kept) => kept,
            shape => return self.rows(Lowered { expr, shape }, &group),
        };
        let mut window = windows::ordered_window(column::window("beside_rows", vec![expr, kept], vec![name.into()]))?;
        window.params.order_by = self.order(vec![by_row()], &group)?;
        Ok(self.hoist(window))
    }

    /// A function of single values: its parts have one shape, but for scalars, which are repeated; or they are lists side by side.
    fn by_row(&mut self, expr: Expr, group: &Group) -> Result<Lowered> {
        let (hollow, children) = taken_apart(expr)?;
        let parts = self.all(children, group)?;
        self.of_parts(hollow, parts, group)
    }

    /// The function of these parts, in the place of its own.
    fn of_parts(&mut self, expr: Expr, mut parts: Vec<Lowered>, group: &Group) -> Result<Lowered> {
        if self.common_shape(&parts).is_err() {
            parts = self.side_by_side(parts, group)?;
        }
        let shape = self.common_shape(&parts)?;
        if shape == Shape::Items {
            return self.each_item(expr, parts);
        }
        if shape != Shape::Scalar {
            for part in parts.iter_mut().filter(|part| part.shape == Shape::Scalar) {
                part.expr = self.repeated(std::mem::take(&mut part.expr), group)?;
            }
        }
        Ok(Lowered { expr: with_children(expr, parts)?, shape })
    }

    /// Parts of different rows, which are as many if the data want it: a list of each.
    fn side_by_side(&mut self, parts: Vec<Lowered>, group: &Group) -> Result<Vec<Lowered>> {
        let as_list = |part: Lowered| match part.shape {
            Shape::Scalar => Ok(part),
            _ => Ok(Lowered { expr: self.imploded(part, group)?, shape: Shape::Items }),
        };
        parts.into_iter().map(as_list).collect()
    }

    fn all(&mut self, exprs: Vec<Expr>, group: &Group) -> Result<Vec<Lowered>> {
        exprs.into_iter().map(|expr| self.lower(expr, group)).collect()
    }

    /// Parts on rows, and the rows of them that are kept.
    fn on_rows(&mut self, parts: Vec<Lowered>, group: &Group) -> Result<(Vec<Expr>, Option<Expr>)> {
        let kept = match self.common_shape(&parts)? {
            Shape::Kept(kept) => Some(kept),
            Shape::Items => return Err(self.no_items()),
            Shape::Rows | Shape::Scalar => None,
        };
        let mut exprs = vec![];
        for part in parts {
            exprs.push(if part.shape == Shape::Scalar { self.repeated(part.expr, group)? } else { part.expr });
        }
        Ok((exprs, kept))
    }

    /// One expression on rows, whichever of them it sees.
    fn on_all_rows(&mut self, expr: Expr, group: &Group) -> Result<Option<Expr>> {
        let lowered = self.lower(expr, group)?;
        Ok(self.on_rows(vec![lowered], group)?.0.pop())
    }

    fn aggregate(&mut self, mut aggregate: AggregateFunction, group: &Group) -> Result<Lowered> {
        let args = self.all(std::mem::take(&mut aggregate.params.args), group)?;
        if self.common_shape(&args)? == Shape::Items || self.sees_one_value(&args, &aggregate.params, group)? {
            return self.of_items(aggregate, args, group);
        }
        let params = &mut aggregate.params;
        let args = args.into_iter().map(|arg| self.order_argument(arg, group)).collect::<Result<_>>()?;
        let (args, kept) = self.on_rows(args, group)?;
        params.args = args;
        let filter = match params.filter.take() {
            Some(filter) => self.on_all_rows(*filter, group)?,
            None => None,
        };
        params.filter = all_of([filter, kept]).map(Box::new);
        params.order_by = self.order(std::mem::take(&mut params.order_by), group)?;
        Ok(Lowered { expr: Expr::AggregateFunction(aggregate), shape: Shape::Scalar })
    }

    /// The shape of a function of these parts.
    fn common_shape(&self, parts: &[Lowered]) -> Result<Shape> {
        let mut common = Shape::Scalar;
        for part in parts.iter().filter(|part| part.shape != Shape::Scalar) {
            if common == Shape::Scalar {
                common = part.shape.clone();
            } else if common != part.shape {
                return Err(self.mixed_lengths());
            }
        }
        Ok(common)
    }

    fn mixed_lengths(&self) -> Error {
        Error::plan("expression", format!("parts of `{}` have different numbers of rows", shown(&self.written)))
            .hint("filter or shorten all of them alike, or take an aggregate of one")
    }

    fn other_length(&self) -> Error {
        let what = format!("`{}` has not as many rows as the frame", shown(&self.written));
        Error::plan("expression", what).hint("select it alone, or make it a list with implode()")
    }

    fn no_items(&self) -> Error {
        let what = format!("`{}` is a window over items of lists", shown(&self.written));
        Error::not_implemented("expression", what).hint("select the items first, then compute of them")
    }
}

fn all_of(conditions: impl IntoIterator<Item = Option<Expr>>) -> Option<Expr> {
    reduced(conditions.into_iter().flatten(), Expr::and)
}

/// A function without its parts, and the parts: copied at each level, a chain would be copied as often as it is long.
fn taken_apart(expr: Expr) -> Result<(Expr, Vec<Expr>)> {
    let mut children = vec![];
    let hollow = expr.map_children(|child| {
        children.push(child);
        Ok(Transformed::yes(Expr::default()))
    });
    Ok((hollow.map_err(from_datafusion)?.data, children))
}

/// The function of these parts, in the place of those that it has.
fn with_children(expr: Expr, parts: Vec<Lowered>) -> Result<Expr> {
    let mut parts = parts.into_iter();
    let rebuilt = expr.map_children(|_| {
        let part = parts.next().ok_or_else(|| to_datafusion(Error::internal("expression", "lost a part")))?;
        Ok(Transformed::yes(part.expr))
    });
    Ok(rebuilt.map_err(from_datafusion)?.data)
}
