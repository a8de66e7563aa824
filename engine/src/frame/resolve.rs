//! The one place where a frame turns expressions into what its plan can hold.
//!
//! What an expression needs of whole columns (an order of the rows, windows, aggregates beside rows) is computed below it,
//! in hidden columns, which the projection above drops again. An expression that needs none of it costs nothing.

use std::sync::Arc;

use datafusion::common::{Column, DFSchema};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions_nested::expr_fn::cardinality;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, SortExpr, lit};
use gradframe_plan::error::from_datafusion;
use gradframe_plan::functions::{categories, enum_place, equal_lengths, identity};
use gradframe_plan::ops::row_order::with_row_order;

use super::DataFrame;
use super::group::aggregate;
use super::naming::all_columns;
use crate::expr::as_enum;
use crate::expr::depth::{check_depth, reduced};
use crate::expr::resolve::{Group, Layer, Lowered, Lowering, Named, Shape, require_condition, typed};
use crate::expr::structure::{by_row, or_empty_list};
use crate::{Error, Result};

/// The verb beside whose rows may stand results of other rows.
pub(super) const WITH_COLUMNS: &str = "with_columns";

/// Expressions of one value a row, and the frame over whose columns they are: the frame itself, with hidden columns after
/// its own where they need some.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The frame to compute them over.
    pub frame: DataFrame,
    /// The expressions, each with its name as alias unless it is a column of that name. Selectors give several.
    pub exprs: Vec<Expr>,
}

impl DataFrame {
    /// Expressions as a plan can hold them, one value a row: aggregates are repeated on each row.
    ///
    /// ```
    /// use gradframe::expr::{col, mean};
    /// # use gradframe::Session;
    /// # let session = Session::builder().in_memory().build()?;
    /// let frame = session.block_on(session.sql("SELECT * FROM (VALUES (1.0), (3.0)) AS t(x)"))?;
    /// let resolved = frame.resolve("select", [col("x") - mean("x")])?;
    /// assert!(format!("{:?}", resolved.frame).contains("WindowAggr"));
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    ///
    /// Errors: `Plan` for unknown columns, wrong arguments, and for expressions of another number of rows than the frame has;
    /// they name `op` and the expression.
    pub fn resolve(&self, op: &str, exprs: impl IntoIterator<Item = Expr>) -> Result<Resolved> {
        self.resolve_named(op, self.typed(op, exprs.into_iter().collect())?)
    }

    fn resolve_named(&self, op: &str, named: Vec<Named>) -> Result<Resolved> {
        let (mut lowering, group) = (Lowering::default(), Group::default());
        let mut resolved = vec![];
        for named in named {
            let (name, kind) = (named.name.clone(), named.categories.clone());
            let lowered = lowering.lower_named(named, &group)?;
            let beside = if op == WITH_COLUMNS { lowering.beside_rows(&name, lowered) } else { lowering.rows(lowered, &group) };
            resolved.push((beside?, name, kind));
        }
        let frame = self.beneath(lowering, true)?;
        let exprs = resolved.into_iter().map(|(expr, name, kind)| under_name(frame.of_kind(expr, kind), name)).collect();
        Ok(Resolved { frame, exprs })
    }

    /// One expression of [`DataFrame::resolve`]; of several that a selector gives, all must be true.
    /// Errors: `DType` too, for what is no condition.
    pub(super) fn resolve_predicate(&self, op: &str, predicate: Expr) -> Result<(DataFrame, Expr)> {
        let named = self.typed(op, vec![predicate])?;
        for Named { expr, .. } in &named {
            require_condition(op, expr, self.plan.schema())?;
        }
        let resolved = self.resolve_named(op, named)?;
        let all = reduced(resolved.exprs.into_iter().map(|expr| expr.unalias()), Expr::and);
        Ok((resolved.frame, all.unwrap_or_else(|| lit(true))))
    }

    /// Sort keys of [`DataFrame::resolve`]. -0.0 is equal to 0.0 where a later key can tell.
    pub(super) fn resolve_keys(&self, op: &str, keys: Vec<SortExpr>) -> Result<(DataFrame, Vec<SortExpr>)> {
        let mut columns = vec![];
        let mut directions = vec![];
        for key in keys {
            let several = self.typed(op, vec![key.expr])?;
            directions.extend(several.iter().map(|_| (key.asc, key.nulls_first)));
            columns.extend(several.into_iter().map(|named| self.in_order_of_categories(named.expr)));
        }
        let last = columns.len().saturating_sub(1);
        let columns = columns.into_iter().enumerate().map(|(at, key)| if at < last { self.identity(key) } else { key });
        let resolved = self.resolve(op, columns)?;
        let keys = resolved.exprs.into_iter().map(|expr| expr.unalias()).zip(directions);
        Ok((resolved.frame, keys.map(|(expr, (asc, nulls_first))| SortExpr::new(expr, asc, nulls_first)).collect()))
    }

    /// What tells the values of an expression apart: of floats, -0.0 is 0.0.
    pub(super) fn identity(&self, value: Expr) -> Expr {
        match value.get_type(self.plan.schema()) {
            Ok(own) => identity(value, &own),
            Err(_) => value,
        }
    }

    /// What an expression is sorted by: an enum by the place of its category.
    fn in_order_of_categories(&self, key: Expr) -> Expr {
        let categories = key.to_field(self.plan.schema()).ok().and_then(|(_, field)| categories(&field));
        match categories {
            Some(categories) => enum_place(key, categories),
            None => key,
        }
    }

    /// What `select` gives: rows, one row of aggregates, or the items of lists.
    pub(super) fn resolve_selection(&self, exprs: Vec<Expr>) -> Result<Self> {
        let named = self.typed("select", exprs)?;
        require_distinct("select", named.iter().map(|named| named.name.as_str()))?;
        let kinds = named.iter().map(|named| named.categories.clone()).collect();
        self.lowered_selection(named)?.of_kinds(kinds)
    }

    fn lowered_selection(&self, named: Vec<Named>) -> Result<Self> {
        let (mut lowering, group) = (Lowering::default(), Group::default());
        let mut lowered = vec![];
        for named in named {
            lowered.push((named.name.clone(), lowering.lower_named(named, &group)?));
        }
        let Some(shape) = common_shape(&lowered) else { return self.side_by_side(lowering, lowered) };
        match shape {
            Shape::Scalar => self.scalars(lowering, lowered),
            Shape::Items => self.items(lowering, lowered),
            Shape::Rows => self.selected_rows(lowering, lowered, None),
            Shape::Kept(_) if let Some(lists) = first_sorted(&lowering, &lowered) => self.items(lowering, lists),
            Shape::Kept(kept) => self.selected_rows(lowering, lowered, Some(kept)),
        }
    }

    fn selected_rows(&self, mut lowering: Lowering, lowered: Vec<(String, Lowered)>, kept: Option<Expr>) -> Result<Self> {
        let mut exprs = vec![];
        for (name, lowered) in lowered {
            let one_a_row =
                Lowered { shape: if lowered.shape == Shape::Scalar { Shape::Scalar } else { Shape::Rows }, ..lowered };
            exprs.push(under_name(lowering.rows(one_a_row, &Group::default())?, name));
        }
        let mut frame = self.beneath(lowering, true)?;
        if let Some(kept) = kept {
            frame = frame.step(|plan| plan.filter(kept))?;
        }
        frame.project(exprs)
    }

    /// One row; constants need no row to be read.
    fn scalars(&self, lowering: Lowering, lowered: Vec<(String, Lowered)>) -> Result<Self> {
        let exprs: Vec<Expr> = lowered.into_iter().map(|(name, lowered)| under_name(lowered.expr, name)).collect();
        if datafusion::logical_expr::utils::find_aggregate_exprs(&exprs).is_empty() {
            let one_row = LogicalPlanBuilder::empty(true).build().map_err(from_datafusion)?;
            return self.with_plan(one_row).project(exprs);
        }
        aggregate(&self.beneath(lowering, false)?, vec![], exprs)
    }

    /// The items of lists, each list beside the others; scalars are repeated.
    fn items(&self, lowering: Lowering, lowered: Vec<(String, Lowered)>) -> Result<Self> {
        let lists: Vec<String> =
            lowered.iter().filter(|(_, lowered)| lowered.shape == Shape::Items).map(|(name, _)| name.clone()).collect();
        let one_row = self.scalars(lowering, lowered)?;
        one_row.unnested(&lists)
    }

    /// Results of different rows, which are as many if the data want it: a list of each.
    fn side_by_side(&self, mut lowering: Lowering, lowered: Vec<(String, Lowered)>) -> Result<Self> {
        let mut lists = vec![];
        for (name, one) in lowered {
            let one = match one.shape {
                Shape::Scalar => one,
                _ => Lowered { expr: lowering.imploded(one, &Group::default())?, shape: Shape::Items },
            };
            lists.push((name, one));
        }
        self.items(lowering, lists)
    }

    /// Errors, when run: `Shape` for lists of different lengths.
    fn unnested(&self, lists: &[String]) -> Result<Self> {
        if lists.len() > 1 {
            let length = |name| coalesce(vec![cardinality(Expr::Column(Column::from_name(name))), lit(0_u64)]);
            let lengths = lists.iter().map(length).collect();
            let checked = self.step(|plan| plan.filter(equal_lengths("select", lists, lengths)))?;
            return checked.unnested_columns(lists);
        }
        self.unnested_columns(lists)
    }

    fn unnested_columns(&self, lists: &[String]) -> Result<Self> {
        let columns = lists.iter().map(Column::from_name).collect();
        let options = datafusion::common::UnnestOptions::new().with_preserve_nulls(false);
        self.step(|plan| plan.unnest_columns_with_options(columns, options))
    }

    /// Keys and aggregates of groups, and the frame to group: values of rows become lists in the order of the rows. With
    /// `in_order` the frame has the hidden column of that order, whatever the expressions need.
    pub(super) fn resolve_groups(
        &self,
        keys: Vec<Expr>,
        exprs: Vec<Expr>,
        in_order: bool,
    ) -> Result<(DataFrame, Vec<Expr>, Vec<Expr>)> {
        let keys = self.typed("group_by", keys)?;
        let mut lowering = Lowering::default();
        lowering.needs_order = in_order;
        let (mut group, mut grouped_by) = (Group::default(), vec![]);
        for key in &keys {
            let lowered = lowering.lower_named(key.clone(), &Group::default())?;
            let by = lowering.rows(lowered, &Group::default())?;
            // Windows within a group see the rows that the aggregates see.
            group.keys.push(identity(by.clone(), &key.data_type));
            grouped_by.push(by);
        }
        let others = without(self.plan.schema(), &keys)?;
        let mut results = vec![];
        let aggregates = typed("agg", exprs, self.plan.schema(), &others)?;
        require_distinct("agg", keys.iter().chain(&aggregates).map(|named| named.name.as_str()))?;
        for named in aggregates {
            let (name, data_type, kind) = (named.name.clone(), named.data_type.clone(), named.categories.clone());
            let lowered = lowering.lower_named(named, &group)?;
            let result = match lowered.shape {
                Shape::Scalar | Shape::Items => lowered.expr,
                _ => or_empty_list(lowering.imploded(lowered, &group)?, &data_type),
            };
            let result = kind.map_or(result.clone(), |categories| as_enum(result, categories));
            results.push(under_name(result, name));
        }
        let keys = grouped_by.into_iter().zip(keys).map(|(expr, key)| under_name(expr, key.name)).collect();
        Ok((self.beneath(lowering, false)?, keys, results))
    }

    pub(super) fn typed(&self, op: &str, exprs: Vec<Expr>) -> Result<Vec<Named>> {
        exprs.iter().try_for_each(|expr| check_depth(op, expr))?;
        typed(op, exprs, self.plan.schema(), self.plan.schema())
    }

    /// The frame with the hidden columns that expressions need; `in_order` if its rows must keep their order.
    fn beneath(&self, lowering: Lowering, in_order: bool) -> Result<DataFrame> {
        if !lowering.needs_order && lowering.layers.is_empty() {
            return Ok(self.clone());
        }
        let sorts = in_order && !lowering.layers.is_empty();
        let mut plan = with_row_order(&self.plan).map_err(from_datafusion)?;
        for layer in lowering.layers {
            plan = with_layer(plan, layer).map_err(from_datafusion)?;
        }
        let frame = self.with_plan(plan);
        if sorts { frame.step(|plan| plan.sort([by_row()])) } else { Ok(frame) }
    }

    /// The frame without the hidden columns of `resolved`, which has this frame's columns first.
    pub(super) fn without_hidden(&self, resolved: DataFrame) -> Result<DataFrame> {
        if resolved.plan.schema().fields().len() == self.plan.schema().fields().len() {
            return Ok(resolved);
        }
        resolved.project(all_columns(self.plan.schema()).map(|(_, column)| column).collect())
    }
}

/// The plan with the hidden columns of a layer after its own.
fn with_layer(plan: LogicalPlan, layer: Layer) -> datafusion::error::Result<LogicalPlan> {
    let mut builder = LogicalPlanBuilder::from(plan);
    if !layer.values.is_empty() {
        let own: Vec<Expr> = all_columns(builder.schema()).map(|(_, column)| column).collect();
        builder = builder.project(own.into_iter().chain(layer.values))?;
    }
    for windows in by_sort_keys(layer.windows) {
        builder = builder.window(windows)?;
    }
    builder.build()
}

/// Windows of one layer, those together that see the same partitions in the same order.
fn by_sort_keys(layer: Vec<Expr>) -> Vec<Vec<Expr>> {
    let mut groups: Vec<(WindowKeys, Vec<Expr>)> = vec![];
    for window in layer {
        let keys = window_keys(&window);
        match groups.iter_mut().find(|(known, _)| *known == keys) {
            Some((_, together)) => together.push(window),
            None => groups.push((keys, vec![window])),
        }
    }
    groups.into_iter().map(|(_, together)| together).collect()
}

type WindowKeys = (Vec<Expr>, Vec<SortExpr>);

fn window_keys(window: &Expr) -> WindowKeys {
    match window {
        Expr::Alias(alias) => window_keys(&alias.expr),
        Expr::WindowFunction(window) => (window.params.partition_by.clone(), window.params.order_by.clone()),
        _ => (vec![], vec![]),
    }
}

/// What is selected as lists, where all of it is the first values in some order.
fn first_sorted(lowering: &Lowering, lowered: &[(String, Lowered)]) -> Option<Vec<(String, Lowered)>> {
    let list = |(name, one): &(String, Lowered)| match lowering.first_sorted(one, &Group::default()) {
        Some(expr) => Some((name.clone(), Lowered { expr, shape: Shape::Items })),
        None => (one.shape == Shape::Scalar).then(|| (name.clone(), one.clone())),
    };
    lowered.iter().map(list).collect()
}

/// The schema without the columns that are keys, which `all()` leaves out in groups.
fn without(schema: &DFSchema, keys: &[Named]) -> Result<DFSchema> {
    let is_key = |name: &str| keys.iter().any(|key| key.name == name && matches!(key.expr, Expr::Column(_)));
    let fields = schema.iter().filter(|(_, field)| !is_key(field.name()));
    let fields = fields.map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field))).collect();
    DFSchema::new_with_metadata(fields, schema.metadata().clone()).map_err(from_datafusion)
}

/// Errors: `Plan` for two results of one name.
pub(super) fn require_distinct<'a>(op: &str, names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut known = std::collections::HashSet::new();
    for name in names {
        if !known.insert(name) {
            let what = format!("two results have the name `{name}`");
            return Err(Error::plan(op, what).hint("name one of them otherwise with alias() or name.suffix()"));
        }
    }
    Ok(())
}

/// A column of this name stays itself, so that its origin is not lost.
pub(super) fn under_name(expr: Expr, name: String) -> Expr {
    match &expr {
        Expr::Column(column) if column.name == name => expr,
        _ => expr.alias(name),
    }
}

/// The shape of all that are no scalars; None if they have several.
fn common_shape(lowered: &[(String, Lowered)]) -> Option<Shape> {
    let mut shapes = lowered.iter().map(|(_, lowered)| &lowered.shape).filter(|shape| **shape != Shape::Scalar);
    let Some(first) = shapes.next() else { return Some(Shape::Scalar) };
    shapes.all(|shape| shape == first).then(|| first.clone())
}
