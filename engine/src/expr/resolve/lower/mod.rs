//! From expressions as Polars means them to windows, aggregates and columns of a plan.
//!
//! Every part of an expression has a shape: one value for the frame or group, one a row, one for some of the rows, or the
//! items of a list. What is computed of whole columns becomes a window of the plan, in layers: a window over a window
//! stands above it. An aggregate beside rows is a window, too, which repeats it on each row.

use std::collections::HashMap;

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::functions_aggregate::expr_fn as aggregate_fn;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::expr::{AggregateFunction, ScalarFunction, WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::{Cast, Expr, SortExpr, WindowFrame, WindowFunctionDefinition};
use gradframe_plan::error::{from_datafusion, to_datafusion};

use super::super::structure::{Mapping, Mark, ROW_ORDER, by_row, by_row_reversed, mark_of, tuple_items};
use super::names::shown;
use crate::{Error, Result};

/// What the names of hidden columns begin with.
const WINDOW: &str = "__window_";
const VALUE: &str = "__value_";

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
    /// The layer of each hidden column, from 1.
    depths: HashMap<String, usize>,
    /// The hidden column of each window, and of each of their arguments in its layer: equal ones share one.
    names: HashMap<(usize, Expr), String>,
    /// Whether something depends on the order of the rows.
    pub(crate) needs_order: bool,
}

impl Lowering {
    /// The expression over the plan that [`Lowering::layers`] describes.
    /// Errors: `Plan` for parts of different lengths; `NotImplemented` for windows over items of lists.
    pub(crate) fn lower(&mut self, expr: Expr, group: &Group) -> Result<Lowered> {
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

    /// One value a row; a scalar is repeated. Errors: `Plan` for another number of rows than the frame has.
    pub(crate) fn rows(&mut self, lowered: Lowered, group: &Group) -> Result<Expr> {
        match lowered.shape {
            Shape::Rows => Ok(lowered.expr),
            Shape::Scalar => self.repeated(lowered.expr, group),
            Shape::Kept(_) | Shape::Items => Err(other_length(&lowered.expr)),
        }
    }

    /// A scalar on each row of its group.
    pub(crate) fn repeated(&mut self, scalar: Expr, group: &Group) -> Result<Expr> {
        let replaced = scalar.transform_down(|node| match node {
            Expr::AggregateFunction(aggregate) => {
                let column = self.hoist(over_group(aggregate, group));
                Ok(Transformed::new(column, true, TreeNodeRecursion::Jump))
            }
            other => Ok(Transformed::no(other)),
        });
        Ok(replaced.map_err(from_datafusion)?.data)
    }

    /// A function of single values: its parts must have one shape, but for scalars, which are repeated.
    fn by_row(&mut self, expr: Expr, group: &Group) -> Result<Lowered> {
        let mut parts = self.children(&expr, group)?;
        let shape = common_shape(&parts, &expr)?;
        if shape == Shape::Items {
            return Err(no_items(&expr));
        }
        if shape != Shape::Scalar {
            for part in parts.iter_mut().filter(|part| part.shape == Shape::Scalar) {
                part.expr = self.repeated(part.expr.clone(), group)?;
            }
        }
        Ok(Lowered { expr: with_children(expr, parts)?, shape })
    }

    fn children(&mut self, expr: &Expr, group: &Group) -> Result<Vec<Lowered>> {
        let mut children = vec![];
        let visited = expr.apply_children(|child| {
            children.push(child.clone());
            Ok(TreeNodeRecursion::Continue)
        });
        visited.map_err(from_datafusion)?;
        children.into_iter().map(|child| self.lower(child, group)).collect()
    }

    /// Arguments on rows, and the rows of them that are kept.
    fn on_rows(&mut self, exprs: Vec<Expr>, group: &Group, of: &Expr) -> Result<(Vec<Expr>, Option<Expr>)> {
        let parts = exprs.into_iter().map(|expr| self.lower(expr, group)).collect::<Result<Vec<_>>>()?;
        let kept = match common_shape(&parts, of)? {
            Shape::Kept(kept) => Some(kept),
            Shape::Items => return Err(no_items(of)),
            Shape::Rows | Shape::Scalar => None,
        };
        let mut exprs = vec![];
        for part in parts {
            exprs.push(if part.shape == Shape::Scalar { self.repeated(part.expr, group)? } else { part.expr });
        }
        Ok((exprs, kept))
    }

    fn aggregate(&mut self, mut aggregate: AggregateFunction, group: &Group) -> Result<Lowered> {
        let shown = Expr::AggregateFunction(aggregate.clone());
        let params = &mut aggregate.params;
        let (args, kept) = self.on_rows(std::mem::take(&mut params.args), group, &shown)?;
        params.args = args;
        let filter = match params.filter.take() {
            Some(filter) => self.on_rows(vec![*filter], group, &shown)?.0.pop(),
            None => None,
        };
        params.filter = all_of([filter, kept]).map(Box::new);
        params.order_by = self.order(std::mem::take(&mut params.order_by), group)?;
        Ok(Lowered { expr: Expr::AggregateFunction(aggregate), shape: Shape::Scalar })
    }

    fn window(&mut self, mut window: WindowFunction, group: &Group) -> Result<Lowered> {
        let shown = Expr::from(window.clone());
        let params = &mut window.params;
        let (args, kept) = self.on_rows(std::mem::take(&mut params.args), group, &shown)?;
        params.args = args;
        let (own, _) = self.on_rows(std::mem::take(&mut params.partition_by), group, &shown)?;
        params.partition_by = group.keys.iter().cloned().chain(own).chain(kept.clone()).collect();
        if let Some(filter) = params.filter.take() {
            params.filter = self.on_rows(vec![*filter], group, &shown)?.0.pop().map(Box::new);
        }
        params.order_by = self.order(std::mem::take(&mut params.order_by), group)?;
        let shape = kept.map_or(Shape::Rows, Shape::Kept);
        Ok(Lowered { expr: self.hoist(window), shape })
    }

    /// Sort keys on rows; the order of the rows gives way to the group's own.
    fn order(&mut self, keys: Vec<SortExpr>, group: &Group) -> Result<Vec<SortExpr>> {
        let mut order = vec![];
        for key in keys {
            let backwards = key.expr == by_row_reversed().expr;
            if backwards || key.expr == by_row().expr {
                self.needs_order = true;
                order.extend(group.order.iter().map(|own| if key.asc && !backwards { own.clone() } else { reversed(own) }));
                order.push(key);
            } else {
                let lowered = self.lower(key.expr.clone(), group)?;
                order.push(SortExpr { expr: self.rows(unkept(lowered), group)?, ..key });
            }
        }
        Ok(order)
    }

    /// The hidden column that holds a window's values.
    fn hoist(&mut self, window: WindowFunction) -> Expr {
        self.needs_order = true;
        let below = Expr::from(window.clone());
        let below = below.column_refs().iter().filter_map(|column| self.depths.get(&column.name)).max().copied();
        let depth = below.unwrap_or(0) + 1;
        while self.layers.len() < depth {
            self.layers.push(Layer::default());
        }
        let window = Expr::from(self.of_columns(window, depth));
        let name = self.hidden(WINDOW, depth, &window);
        if !self.depths.contains_key(&name) {
            self.layers[depth - 1].windows.push(window.alias(&name));
            self.depths.insert(name.clone(), depth);
        }
        Expr::Column(Column::from_name(name))
    }

    /// The window with columns in the place of what it computes of each row: DataFusion's elimination of common parts does
    /// not know that a window may stand above another.
    fn of_columns(&mut self, mut window: WindowFunction, depth: usize) -> WindowFunction {
        let params = &mut window.params;
        for part in params.args.iter_mut().chain(&mut params.partition_by) {
            *part = self.value(part, depth);
        }
        for key in &mut params.order_by {
            key.expr = self.value(&key.expr, depth);
        }
        params.filter = params.filter.take().map(|filter| Box::new(self.value(&filter, depth)));
        window
    }

    fn value(&mut self, value: &Expr, depth: usize) -> Expr {
        if matches!(value, Expr::Column(_) | Expr::Literal(..)) {
            return value.clone();
        }
        let name = self.hidden(VALUE, depth, value);
        let values = &mut self.layers[depth - 1].values;
        let column = value.clone().alias(&name);
        if !values.contains(&column) {
            values.push(column);
        }
        Expr::Column(Column::from_name(name))
    }

    /// The name of a hidden column of a layer, the same for the same expression.
    fn hidden(&mut self, kind: &str, depth: usize, expr: &Expr) -> String {
        let next = self.names.len() + 1;
        self.names.entry((depth, expr.clone())).or_insert_with(|| format!("{kind}{next}")).clone()
    }

    fn marked(&mut self, mark: Mark, mut function: ScalarFunction, group: &Group) -> Result<Lowered> {
        let shown = Expr::ScalarFunction(function.clone());
        let rest = function.args.split_off(function.args.len().min(1));
        let value = function.args.pop().ok_or_else(|| Error::internal("expression", "a mark without a value"))?;
        match mark {
            Mark::Over { descending, nulls_last, mapping } => {
                let group = self.inner_group(rest, descending, nulls_last, group)?;
                self.over(value, mapping, &group)
            }
            Mark::Keep => self.keep(value, rest, group, &shown),
            Mark::Position => {
                let numbered = ordered_window(row_number())?;
                self.beside(value, group, &shown, |this, kept| {
                    let mut window = numbered;
                    window.params.partition_by = group.keys.iter().cloned().chain(kept).collect();
                    window.params.order_by = this.order(vec![by_row()], group)?;
                    let number = Expr::Cast(Cast::new(Box::new(this.hoist(window)), arrow::datatypes::DataType::Int64));
                    Ok((number - super::super::lit(1_i64), None))
                })
            }
            Mark::Length => self.beside(value, group, &shown, |_, kept| {
                let mut count = aggregate_fn::count(super::super::lit(1_i64));
                if let Expr::AggregateFunction(count) = &mut count {
                    count.params.filter = kept.map(Box::new);
                }
                Ok((count, Some(Shape::Scalar)))
            }),
            Mark::Items => {
                let list = self.lower(value, group)?;
                if list.shape != Shape::Scalar {
                    return Err(Error::not_implemented("explode", format!("`{}` is a list on each row", list.expr))
                        .hint("use the frame's explode"));
                }
                Ok(Lowered { expr: list.expr, shape: Shape::Items })
            }
            Mark::Tuple => Err(Error::internal("expression", "a tuple outside the function that takes it")),
        }
    }

    /// What depends only on which rows a value has.
    fn beside(
        &mut self,
        value: Expr,
        group: &Group,
        shown: &Expr,
        make: impl FnOnce(&mut Self, Option<Expr>) -> Result<(Expr, Option<Shape>)>,
    ) -> Result<Lowered> {
        let (_, kept) = self.on_rows(vec![value], group, shown)?;
        let (expr, shape) = make(self, kept.clone())?;
        Ok(Lowered { expr, shape: shape.unwrap_or_else(|| kept.map_or(Shape::Rows, Shape::Kept)) })
    }

    fn keep(&mut self, value: Expr, rest: Vec<Expr>, group: &Group, shown: &Expr) -> Result<Lowered> {
        let (mut parts, kept) = self.on_rows([vec![value], rest].concat(), group, shown)?;
        let predicate = parts.pop().filter(|_| parts.len() == 1);
        let (Some(predicate), Some(expr)) = (predicate, parts.pop()) else {
            return Err(Error::internal("filter", "takes a value and a predicate"));
        };
        let kept = all_of([kept, Some(predicate)]).unwrap_or_else(|| super::super::lit(true));
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
                let error = Error::plan("over", format!("`{}` has not one value for each row of the group", lowered.expr));
                return Err(error.hint("take an aggregate of it, or use mapping_strategy='join' for lists"));
            }
            (Mapping::Rows, _) | (Mapping::Join, Shape::Scalar) => self.rows(lowered, group)?,
            (Mapping::Join, _) => {
                let list = self.imploded(lowered, group)?;
                self.repeated(list, group)?
            }
        };
        Ok(Lowered { expr, shape: Shape::Rows })
    }

    /// The list of an expression's values, in the order of the rows.
    pub(crate) fn imploded(&mut self, lowered: Lowered, group: &Group) -> Result<Expr> {
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

/// A window over the rows in their order.
fn ordered_window(window: Expr) -> Result<WindowFunction> {
    match window {
        Expr::WindowFunction(window) => Ok(*window),
        other => Err(Error::internal("expression", format!("{other} is no window"))),
    }
}

/// An aggregate as a window over all rows of its group, in their order.
fn over_group(aggregate: AggregateFunction, group: &Group) -> WindowFunction {
    let AggregateFunction { func, params } = aggregate;
    let order_by = if params.order_by.is_empty() { vec![by_row()] } else { params.order_by };
    WindowFunction {
        fun: WindowFunctionDefinition::AggregateUDF(func),
        params: WindowFunctionParams {
            args: params.args,
            partition_by: group.keys.clone(),
            order_by,
            window_frame: WindowFrame::new(None),
            filter: params.filter,
            null_treatment: params.null_treatment,
            distinct: params.distinct,
        },
    }
}

fn reversed(key: &SortExpr) -> SortExpr {
    SortExpr { expr: key.expr.clone(), asc: !key.asc, nulls_first: !key.nulls_first }
}

fn unkept(lowered: Lowered) -> Lowered {
    match lowered.shape {
        Shape::Kept(_) => Lowered { shape: Shape::Rows, ..lowered },
        _ => lowered,
    }
}

fn all_of(conditions: impl IntoIterator<Item = Option<Expr>>) -> Option<Expr> {
    conditions.into_iter().flatten().reduce(Expr::and)
}

/// The shape of a function of these parts.
fn common_shape(parts: &[Lowered], of: &Expr) -> Result<Shape> {
    let mut common = Shape::Scalar;
    for part in parts.iter().filter(|part| part.shape != Shape::Scalar) {
        if common == Shape::Scalar {
            common = part.shape.clone();
        } else if common != part.shape {
            return Err(mixed_lengths(of));
        }
    }
    Ok(common)
}

fn with_children(expr: Expr, parts: Vec<Lowered>) -> Result<Expr> {
    let mut parts = parts.into_iter();
    let rebuilt = expr.map_children(|child| {
        let part = parts.next().ok_or_else(|| to_datafusion(Error::internal("expression", "lost a part")))?;
        Ok(if part.expr == child { Transformed::no(child) } else { Transformed::yes(part.expr) })
    });
    Ok(rebuilt.map_err(from_datafusion)?.data)
}

fn mixed_lengths(of: &Expr) -> Error {
    Error::plan("expression", format!("parts of `{}` have different numbers of rows", shown(of)))
        .hint("filter or shorten all of them alike, or take an aggregate of one")
}

fn other_length(expr: &Expr) -> Error {
    let what = format!("`{}` has not as many rows as the frame", shown(expr));
    Error::plan("expression", what).hint("select it alone, or make it a list with implode()")
}

fn no_items(of: &Expr) -> Error {
    let what = format!("`{}` takes items of lists as rows", shown(of));
    Error::not_implemented("expression", what).hint("select the items first, then compute of them")
}
