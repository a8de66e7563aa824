//! What `select` gives: rows, one row of aggregates, or the items of lists.

use datafusion::common::Column;
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions_nested::expr_fn::cardinality;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, lit};
use gradframe_plan::error::from_datafusion;
use gradframe_plan::functions::equal_lengths;

use super::DataFrame;
use super::group::aggregate;
use super::resolve::{require_distinct, under_name};
use crate::Result;
use crate::expr::resolve::{Group, Lowered, Lowering, Named, Shape};

impl DataFrame {
    /// What `select` gives: rows, one row of aggregates, or the items of lists.
    pub(super) fn resolve_selection(&self, exprs: Vec<Expr>) -> Result<Self> {
        let named = self.typed("select", exprs)?;
        require_distinct("select", named.iter().map(|named| named.name.as_str()))?;
        let kinds = named.iter().map(|named| named.categories.clone()).collect();
        self.lowered_selection(named)?.of_kinds(kinds)
    }

    fn lowered_selection(&self, named: Vec<Named>) -> Result<Self> {
        if named.is_empty() {
            let nothing = LogicalPlanBuilder::empty(false).build().map_err(from_datafusion)?;
            return Ok(self.with_plan(nothing));
        }
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
}

/// What is selected as lists, where all of it is the first values in some order.
fn first_sorted(lowering: &Lowering, lowered: &[(String, Lowered)]) -> Option<Vec<(String, Lowered)>> {
    let list = |(name, one): &(String, Lowered)| match lowering.first_sorted(one, &Group::default()) {
        Some(expr) => Some((name.clone(), Lowered { expr, shape: Shape::Items })),
        None => (one.shape == Shape::Scalar).then(|| (name.clone(), one.clone())),
    };
    lowered.iter().map(list).collect()
}

/// The shape of all that are no scalars; None if they have several.
fn common_shape(lowered: &[(String, Lowered)]) -> Option<Shape> {
    let mut shapes = lowered.iter().map(|(_, lowered)| &lowered.shape).filter(|shape| **shape != Shape::Scalar);
    let Some(first) = shapes.next() else { return Some(Shape::Scalar) };
    shapes.all(|shape| shape == first).then(|| first.clone())
}
