//! The one place where a frame turns expressions into what its plan can hold.
//!
//! What an expression needs of whole columns (an order of the rows, windows, aggregates beside rows) is computed below it,
//! in hidden columns, which the projection above drops again. An expression that needs none of it costs nothing.

use std::sync::Arc;

use datafusion::common::DFSchema;
use datafusion::logical_expr::{Expr, ExprSchemable, SortExpr, lit};
use gradframe_plan::error::from_datafusion;
use gradframe_plan::functions::column::nested_sort_key;
use gradframe_plan::functions::{enum_place, identity};

use super::DataFrame;
use crate::expr::as_enum;
use crate::expr::depth::{check_depth, reduced};
use crate::expr::resolve::{Group, Lowering, Named, Shape, require_boolean, typed};
use crate::expr::structure::or_empty_list;
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
        for Named { expr, data_type, .. } in &named {
            require_boolean(op, expr, data_type)?;
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
            columns.extend(several);
        }
        let last = columns.len().saturating_sub(1);
        let columns = columns.into_iter().zip(&directions).enumerate();
        let columns = columns.map(|(at, (key, direction))| sorted_by(key, at < last, *direction));
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
}

/// What a key is sorted by, in this direction and with its nulls first or last: an enum by the place of its category; before other keys
/// what tells its values apart.
fn sorted_by(key: Named, before_others: bool, (ascending, nulls_first): (bool, bool)) -> Expr {
    let Named { expr, data_type, categories, .. } = key;
    match categories {
        Some(categories) if !data_type.is_nested() => return enum_place(expr, categories),
        _ => {}
    }
    let value = if before_others { identity(expr, &data_type) } else { expr };
    nested_sort_key(value, &data_type, !ascending, !nulls_first)
}

/// The schema without the columns that have the name of a key, computed or not, which selectors leave out in groups.
fn without(schema: &DFSchema, keys: &[Named]) -> Result<DFSchema> {
    let is_key = |name: &str| keys.iter().any(|key| key.name == name);
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
