//! Joining two frames.

mod columns;
mod conditions;
mod keys;
mod options;
mod unique_keys;

use datafusion::common::{Column, JoinType, NullEquality};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use gradframe_plan::error::from_datafusion;

use super::DataFrame;
use crate::Result;
use crate::expr::resolve::resolve_types;
use crate::expr::{IntoExpr, asc};
use keys::Sides;

pub use options::{How, JoinOptions, MaintainOrder, Validate};

/// The sides' names inside the plan, so that equal column names stay apart.
const LEFT: &str = "left";
const RIGHT: &str = "right";

impl DataFrame {
    /// Joins on equal values of columns that both sides have. Null equals nothing.
    ///
    /// The columns are the left ones, then the right ones without the keys; a right column whose name the left has is
    /// renamed with `_right`. Errors: `Plan` for an unknown key, or keys with [`How::Cross`].
    ///
    /// ```
    /// # use gradframe::{How, Session, expr::col};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let trips = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1), ('b', 2)) AS t(zone, n)"))?;
    /// # let zones = session.block_on(session.sql("SELECT 'a' AS zone, 'a' AS code, 'Airport' AS name"))?;
    /// assert_eq!(session.block_on(trips.join(&zones, ["zone"], How::Left)?.count())?, 2);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn join(&self, other: &DataFrame, on: impl IntoIterator<Item = impl IntoExpr>, how: How) -> Result<Self> {
        self.join_with(other, JoinOptions::on(on).how(how))
    }

    /// Joins on equal values of columns that are named differently, or of expressions; otherwise as [`DataFrame::join`].
    /// Errors: `Plan` also if the sides give different numbers of keys.
    ///
    /// ```
    /// # use gradframe::{How, Session, expr::col};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let trips = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1), ('b', 2)) AS t(zone, n)"))?;
    /// # let zones = session.block_on(session.sql("SELECT 'a' AS zone, 'a' AS code, 'Airport' AS name"))?;
    /// assert_eq!(session.block_on(trips.join_on(&zones, ["zone"], ["code"], How::Inner)?.count())?, 1);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn join_on(
        &self,
        other: &DataFrame,
        left_on: impl IntoIterator<Item = impl IntoExpr>,
        right_on: impl IntoIterator<Item = impl IntoExpr>,
        how: How,
    ) -> Result<Self> {
        self.join_with(other, JoinOptions::keys(left_on, right_on).how(how))
    }

    /// Joins with everything that can be said of a join.
    ///
    /// ```
    /// # use gradframe::{How, JoinOptions, Session, Validate};
    /// # let session = Session::builder().in_memory().build()?;
    /// let trips = session.block_on(session.sql("SELECT 'EU' AS region, 12.0 AS fare"))?;
    /// let regions = session.block_on(session.sql("SELECT 'EU' AS code, 'Europe' AS name"))?;
    /// let options = JoinOptions::keys(["region"], ["code"]).how(How::Left).validate(Validate::ManyToOne);
    /// assert_eq!(trips.join_with(&regions, options)?.columns(), ["region", "fare", "name"]);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    ///
    /// Errors: `Plan` for unknown keys, another number of them on each side, or two results of one name; `DType` for keys
    /// that cannot be equal; when run, `Execution` for a key that is there twice where `validate` says that it is not.
    pub fn join_with(&self, other: &DataFrame, options: JoinOptions) -> Result<Self> {
        let sides = Sides::prepare(self, other, &options)?;
        let columns = columns::of_result(&sides, &options)?;
        let joined = self.with_plan(joined(&sides, &options)?);
        let ordered = in_order(joined, &sides)?;
        let columns =
            columns.into_iter().map(|column| resolve_types(column, ordered.plan.schema())).collect::<Result<Vec<_>>>()?;
        let plan = LogicalPlanBuilder::from(ordered.plan).project(columns).and_then(LogicalPlanBuilder::build);
        Ok(self.with_plan(plan.map_err(from_datafusion)?))
    }
}

fn joined(sides: &Sides, options: &JoinOptions) -> Result<LogicalPlan> {
    let (left, right) = (aliased(&sides.left.plan, LEFT)?, aliased(&sides.right.plan, RIGHT)?);
    let builder = LogicalPlanBuilder::from(left);
    let nulls = if options.nulls_equal { NullEquality::NullEqualsNull } else { NullEquality::NullEqualsNothing };
    let keys = (qualified(LEFT, &sides.left_keys), qualified(RIGHT, &sides.right_keys));
    let built = match join_type(options.how) {
        None => builder.cross_join(right),
        Some(join_type) => builder.join_detailed(right, join_type, keys, None, nulls),
    };
    built.and_then(LogicalPlanBuilder::build).map_err(from_datafusion)
}

/// The rows by the numbers of the sides that keep their order.
fn in_order(joined: DataFrame, sides: &Sides) -> Result<DataFrame> {
    if sides.order.is_empty() {
        return Ok(joined);
    }
    // A row that has no match on a side comes last.
    let keys: Vec<_> = sides
        .order
        .iter()
        .map(|(side, row)| {
            let mut key = asc(datafusion::logical_expr::Expr::Column(Column::new(Some(*side), row)));
            key.nulls_first = false;
            key
        })
        .collect();
    joined.step(|plan| plan.sort(keys))
}

fn aliased(plan: &LogicalPlan, side: &str) -> Result<LogicalPlan> {
    LogicalPlanBuilder::from(plan.clone()).alias(side).and_then(LogicalPlanBuilder::build).map_err(from_datafusion)
}

fn join_type(how: How) -> Option<JoinType> {
    match how {
        How::Inner => Some(JoinType::Inner),
        How::Left => Some(JoinType::Left),
        How::Right => Some(JoinType::Right),
        How::Full => Some(JoinType::Full),
        How::Semi => Some(JoinType::LeftSemi),
        How::Anti => Some(JoinType::LeftAnti),
        How::Cross => None,
    }
}

fn qualified(side: &str, names: &[String]) -> Vec<Column> {
    names.iter().map(|name| Column::new(Some(side), name)).collect()
}
