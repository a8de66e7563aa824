//! Rows that differ.

use datafusion::functions_aggregate::count::count_udaf;
use datafusion::functions_aggregate::min_max::max_udaf;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{Distinct, Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, lit};
use gradframe_plan::error::from_datafusion;
use gradframe_plan::names::suggest;
use gradframe_plan::ops::row_order::with_row_order;
use gradframe_plan::ops::unique::UniqueNode;

use super::DataFrame;
use super::naming::all_columns;
use crate::expr::resolve::require_free_row_order;
use crate::expr::structure::by_row;
use crate::expr::{IntoExpr, asc, col};
use crate::{Error, Result};

/// Which of several equal rows stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Keep {
    /// Any one: the fastest.
    #[default]
    Any,
    /// The first in row order.
    First,
    /// The last in row order.
    Last,
    /// None: only rows that are there once.
    None,
}

impl std::str::FromStr for Keep {
    type Err = Error;

    /// Polars's names. Errors: `Plan` for another.
    fn from_str(name: &str) -> Result<Self> {
        Ok(match name {
            "any" => Keep::Any,
            "first" => Keep::First,
            "last" => Keep::Last,
            "none" => Keep::None,
            _ => {
                let hint = suggest(name, ["any", "first", "last", "none"]);
                return Err(Error::plan("unique", format!("unknown strategy `{name}`")).hint(hint));
            }
        })
    }
}

impl DataFrame {
    /// Each different row once.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// assert_eq!(session.block_on(frame.select(["k"])?.distinct()?.count())?, 2);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn distinct(&self) -> Result<Self> {
        Ok(self.with_plan(LogicalPlan::Distinct(Distinct::All(self.plan.clone().into()))))
    }

    /// One row for each different value of the named columns; which one, is open. No name: all columns.
    /// Errors: `Plan` for a name that doesn't exist.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// assert_eq!(session.block_on(frame.unique(["k"])?.count())?, 2);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn unique(&self, subset: impl IntoIterator<Item = impl IntoExpr>) -> Result<Self> {
        self.unique_with(subset, Keep::Any, false)
    }

    /// [`DataFrame::unique`], with a say in which row stays, and if wanted in the order of the rows.
    ///
    /// ```
    /// # use gradframe::{Keep, Session};
    /// # let session = Session::builder().in_memory().build()?;
    /// let frame = session.block_on(session.sql("SELECT * FROM (VALUES (2, 'a'), (1, 'b'), (2, 'c')) AS t(x, y)"))?;
    /// let last = frame.unique_with(["x"], Keep::Last, true)?;
    /// assert_eq!(session.block_on(last.count())?, 2);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn unique_with(&self, subset: impl IntoIterator<Item = impl IntoExpr>, keep: Keep, maintain_order: bool) -> Result<Self> {
        let keys: Vec<Expr> = subset.into_iter().map(IntoExpr::into_expr).collect();
        let keys = self.checked("unique", keys)?;
        if keep == Keep::Any && !maintain_order {
            return if keys.is_empty() { self.distinct() } else { self.any_of(keys) };
        }
        let keys = if keys.is_empty() { all_columns(self.plan.schema()).map(|(_, column)| column).collect() } else { keys };
        match keep {
            Keep::Any | Keep::First => self.first_of(keys, maintain_order),
            Keep::Last | Keep::None => self.by_place(keys, keep, maintain_order),
        }
    }

    fn any_of(&self, keys: Vec<Expr>) -> Result<Self> {
        let keys = keys.into_iter().map(|key| self.identity(key)).collect();
        Ok(self.with_plan(UniqueNode::any(self.plan.clone(), keys).map_err(from_datafusion)?))
    }

    /// The first row of equal keys, known by the hidden number of the rows.
    fn first_of(&self, keys: Vec<Expr>, maintain_order: bool) -> Result<Self> {
        require_free_row_order("unique", self.plan.schema())?;
        let keys = keys.into_iter().map(|key| self.identity(key)).collect();
        let ordered = with_row_order(&self.in_lasting_order()?.0).and_then(|plan| UniqueNode::first(plan, keys));
        let kept = self.with_plan(ordered.map_err(from_datafusion)?);
        let kept = if maintain_order { kept.step(|plan| plan.sort([by_row()]))? } else { kept };
        self.without_hidden(kept)
    }

    /// The last of equal rows, or those that are there once: windows, for neither is known before all rows are.
    fn by_place(&self, keys: Vec<Expr>, keep: Keep, maintain_order: bool) -> Result<Self> {
        let (numbered, row) = self.numbered()?;
        let wanted = self.unused_name("__kept");
        let keys = keys.into_iter().map(|key| numbered.identity(key)).collect();
        let (window, stays) = match keep {
            Keep::None => (rows_among_equals(keys)?, lit(1_i64)),
            _ => (last_among_equals(keys, &row)?, col(&row)),
        };
        let windowed = numbered.windowed(window.alias(&wanted))?;
        let kept = windowed.step(|plan| plan.filter(col(&wanted).eq(stays)))?;
        let kept = if maintain_order { kept.step(|plan| plan.sort([asc(&row)]))? } else { kept };
        kept.drop([wanted, row])
    }

    /// All columns and a window function's.
    pub(super) fn windowed(&self, window: Expr) -> Result<Self> {
        let plan = LogicalPlanBuilder::from(self.plan.clone()).window([window]).and_then(LogicalPlanBuilder::build);
        Ok(self.with_plan(plan.map_err(from_datafusion)?))
    }
}

/// The greatest number of the rows that have the keys of a row.
fn last_among_equals(keys: Vec<Expr>, row: &str) -> Result<Expr> {
    let last = Expr::from(WindowFunction::new(max_udaf(), vec![col(row)]));
    last.partition_by(keys).build().map_err(from_datafusion)
}

/// How many rows have the keys of a row.
pub(super) fn rows_among_equals(keys: Vec<Expr>) -> Result<Expr> {
    let count = Expr::from(WindowFunction::new(count_udaf(), vec![lit(1_i64)]));
    count.partition_by(keys).build().map_err(from_datafusion)
}
