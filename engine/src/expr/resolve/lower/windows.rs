//! Windows of the plan: what is computed of whole columns, in hidden columns, in layers.

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::expr::{AggregateFunction, WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::{Expr, SortExpr, WindowFrame, WindowFunctionDefinition};
use gradframe_plan::error::from_datafusion;
use gradframe_plan::functions::last_value;

use super::super::super::structure::{by_row, by_row_reversed};
use super::one::of_first_row;
use super::{Group, Layer, Lowered, Lowering, Shape};
use crate::{Error, Result};

/// What the names of hidden columns begin with.
const WINDOW: &str = "__window_";
const VALUE: &str = "__value_";

impl Lowering {
    pub(super) fn window(&mut self, mut window: WindowFunction, group: &Group) -> Result<Lowered> {
        let args = self.all(std::mem::take(&mut window.params.args), group)?;
        self.window_over(window, args, group)
    }

    /// A window over these, in the place of its arguments.
    pub(super) fn window_over(&mut self, mut window: WindowFunction, args: Vec<Lowered>, group: &Group) -> Result<Lowered> {
        let params = &mut window.params;
        let own = self.all(std::mem::take(&mut params.partition_by), group)?;
        // What counts equal values has no argument but these.
        if self.common_shape(&[args.clone(), own.clone()].concat())? == Shape::Items {
            return self.window_of_items(window, args, own, group);
        }
        let keys = params.order_by.iter().filter(|key| !is_row_order(key)).map(|key| key.expr.clone());
        let beside = params.filter.iter().map(|filter| filter.as_ref().clone()).chain(keys).collect();
        let is_one = self.sees_one([args.clone(), own.clone()].concat(), beside, group)?;
        if is_one && let Some(one) = self.window_of_one(&window, args.clone(), group)? {
            return Ok(one);
        }
        let only = if is_one { Some(self.first_row(group)?) } else { None };
        let params = &mut window.params;
        let (args, kept) = self.on_rows(args, group)?;
        params.args = args;
        let (own, kept_of_own) = self.on_rows(own, group)?;
        let kept = kept.or(kept_of_own);
        params.partition_by = group.keys.iter().cloned().chain(own).chain(kept.clone()).chain(only.clone()).collect();
        if let Some(filter) = params.filter.take() {
            params.filter = self.on_all_rows(*filter, group)?.map(Box::new);
        }
        params.order_by = self.order(std::mem::take(&mut params.order_by), group)?;
        let column = self.hoist(window);
        Ok(match only {
            Some(only) => Lowered { expr: of_first_row(column, only), shape: Shape::Scalar },
            None => Lowered { expr: column, shape: kept.map_or(Shape::Rows, Shape::Kept) },
        })
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

    /// Sort keys on rows; the order of the rows gives way to the group's own.
    pub(super) fn order(&mut self, keys: Vec<SortExpr>, group: &Group) -> Result<Vec<SortExpr>> {
        let mut order = vec![];
        for key in keys {
            if is_row_order(&key) {
                let backwards = key.expr == by_row_reversed().expr;
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

    /// An argument of an aggregate; the order of the rows gives way to the place in the group's own.
    pub(super) fn order_argument(&mut self, argument: Lowered, group: &Group) -> Result<Lowered> {
        if group.order.is_empty() || argument.expr != by_row().expr {
            return Ok(argument);
        }
        let mut window = ordered_window(row_number())?;
        window.params.partition_by = group.keys.clone();
        window.params.order_by = self.order(vec![by_row()], group)?;
        Ok(Lowered { expr: self.hoist(window), ..argument })
    }

    /// The hidden column that holds a window's values.
    pub(super) fn hoist(&mut self, window: WindowFunction) -> Expr {
        self.needs_order = true;
        let depth = self.layer_over(&Expr::from(window.clone()));
        let window = Expr::from(self.of_columns(window, depth));
        let name = self.hidden(WINDOW, depth, &window);
        if !self.depths.contains_key(&name) {
            self.layers[depth - 1].windows.push(window.alias(&name));
            self.depths.insert(name.clone(), depth);
        }
        hidden_column(&name)
    }

    /// The layer of what is computed of these columns.
    fn layer_over(&mut self, expr: &Expr) -> usize {
        let below = expr.column_refs().iter().filter_map(|column| self.depths.get(&column.name)).max().copied();
        let depth = below.unwrap_or(0) + 1;
        while self.layers.len() < depth {
            self.layers.push(Layer::default());
        }
        depth
    }

    /// The hidden column that holds a value, which is computed once.
    pub(super) fn held(&mut self, value: &Expr) -> Expr {
        let depth = self.layer_over(value);
        self.value(value, depth)
    }

    /// What a hoisted window sees of a value of its arguments: the column that holds it.
    pub(super) fn seen_by(&mut self, window: &Expr, value: Expr) -> Expr {
        match window {
            Expr::Column(column) if let Some(depth) = self.depths.get(&column.name).copied() => self.value(&value, depth),
            _ => value,
        }
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
        if !self.depths.contains_key(&name) {
            self.layers[depth - 1].values.push(value.clone().alias(&name));
            self.depths.insert(name.clone(), depth);
        }
        hidden_column(&name)
    }

    /// The name of a hidden column of a layer, the same for the same expression.
    fn hidden(&mut self, kind: &str, depth: usize, expr: &Expr) -> String {
        let next = self.names.len() + 1;
        self.names.entry((depth, expr.clone())).or_insert_with(|| format!("{kind}{next}")).clone()
    }
}

pub(super) fn hidden_column(name: &str) -> Expr {
    Expr::Column(Column::from_name(name))
}

/// Whether a key is the order of the frame's rows, forwards or backwards.
pub(super) fn is_row_order(key: &SortExpr) -> bool {
    key.expr == by_row().expr || key.expr == by_row_reversed().expr
}

/// A window over the rows in their order.
pub(super) fn ordered_window(window: Expr) -> Result<WindowFunction> {
    match window {
        Expr::WindowFunction(window) => Ok(*window),
        other => Err(Error::internal("expression", format!("{other} is no window"))),
    }
}

/// An aggregate as a window over all rows of its group, in their order.
fn over_group(aggregate: AggregateFunction, group: &Group) -> WindowFunction {
    let AggregateFunction { mut func, mut params } = aggregate;
    // Rows come in their order: the first of them backwards is the last.
    if func.name() == "first_value" && params.order_by == [by_row_reversed()] {
        (func, params.order_by) = (last_value(), vec![]);
    }
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
