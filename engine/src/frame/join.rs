//! Joining two frames on equal keys.

use std::collections::HashSet;

use datafusion::common::{Column, JoinType};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use gradframe_plan::error::from_datafusion;
use gradframe_plan::names::suggest;

use super::DataFrame;
use super::naming::require_column;
use crate::{Error, Result};

/// Appended to a right column's name that the left side has too.
const SUFFIX: &str = "_right";
/// The kinds of joins by name.
const KINDS: [&str; 7] = ["inner", "left", "right", "full", "semi", "anti", "cross"];
/// The sides' names inside the plan, so that equal column names stay apart.
const LEFT: &str = "left";
const RIGHT: &str = "right";

/// Which rows of a join remain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum How {
    /// Pairs of rows with equal keys.
    Inner,
    /// All left rows, with nulls where the right side has no match.
    Left,
    /// All right rows, with nulls where the left side has no match.
    Right,
    /// All rows of both sides. The keys of both sides are kept.
    Full,
    /// Left rows that have a match; left columns only.
    Semi,
    /// Left rows that have no match; left columns only.
    Anti,
    /// Every pair of rows; takes no keys.
    Cross,
}

impl std::str::FromStr for How {
    type Err = Error;

    /// Polars's names. Errors: `Plan` for another.
    fn from_str(name: &str) -> Result<Self> {
        Ok(match name {
            "inner" => How::Inner,
            "left" => How::Left,
            "right" => How::Right,
            "full" | "outer" => How::Full,
            "semi" => How::Semi,
            "anti" => How::Anti,
            "cross" => How::Cross,
            _ => return Err(Error::plan("join", format!("unknown kind of join `{name}`")).hint(suggest(name, KINDS))),
        })
    }
}

impl DataFrame {
    /// Joins on equal values of columns that both sides have. Null equals nothing.
    ///
    /// The columns are the left ones, then the right ones without the keys; a right column whose name the left has is
    /// renamed with `_right`. Errors: `Plan` for an unknown key, or keys with [`How::Cross`].
    pub fn join(&self, other: &DataFrame, on: impl IntoIterator<Item = impl Into<String>>, how: How) -> Result<Self> {
        let keys: Vec<String> = on.into_iter().map(Into::into).collect();
        self.join_on(other, keys.clone(), keys, how)
    }

    /// Joins on equal values of columns that are named differently; otherwise as [`DataFrame::join`].
    /// Errors: `Plan` also if the sides give different numbers of keys.
    pub fn join_on(
        &self,
        other: &DataFrame,
        left_on: impl IntoIterator<Item = impl Into<String>>,
        right_on: impl IntoIterator<Item = impl Into<String>>,
        how: How,
    ) -> Result<Self> {
        let keys =
            Keys { left: left_on.into_iter().map(Into::into).collect(), right: right_on.into_iter().map(Into::into).collect() };
        keys.check(self, other, how)?;
        let (left, right) = (aliased(&self.plan, LEFT)?, aliased(&other.plan, RIGHT)?);
        let columns = output_columns(&left, &right, &keys, how);
        let joined = joined(left, right, &keys, how)?;
        let plan = LogicalPlanBuilder::from(joined).project(columns).and_then(LogicalPlanBuilder::build);
        Ok(self.with_plan(plan.map_err(from_datafusion)?))
    }
}

struct Keys {
    left: Vec<String>,
    right: Vec<String>,
}

impl Keys {
    fn check(&self, left: &DataFrame, right: &DataFrame, how: How) -> Result<()> {
        if self.left.len() != self.right.len() {
            let what = format!("the sides have {} and {} keys, expected as many", self.left.len(), self.right.len());
            return Err(Error::plan("join", what));
        }
        if (how == How::Cross) != self.left.is_empty() {
            let what = if how == How::Cross { "a cross join takes no keys" } else { "got no keys, expected at least one" };
            return Err(Error::plan("join", what));
        }
        self.left.iter().try_for_each(|key| require_column("join", left.plan.schema(), key))?;
        self.right.iter().try_for_each(|key| require_column("join", right.plan.schema(), key))
    }
}

fn aliased(plan: &LogicalPlan, side: &str) -> Result<LogicalPlan> {
    LogicalPlanBuilder::from(plan.clone()).alias(side).and_then(LogicalPlanBuilder::build).map_err(from_datafusion)
}

fn joined(left: LogicalPlan, right: LogicalPlan, keys: &Keys, how: How) -> Result<LogicalPlan> {
    let builder = LogicalPlanBuilder::from(left);
    let built = match join_type(how) {
        None => builder.cross_join(right),
        Some(join_type) => builder.join(right, join_type, (qualified(LEFT, &keys.left), qualified(RIGHT, &keys.right)), None),
    };
    built.and_then(LogicalPlanBuilder::build).map_err(from_datafusion)
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

/// The result's columns. A right join drops the left keys, since only the right ones are always there.
fn output_columns(left: &LogicalPlan, right: &LogicalPlan, keys: &Keys, how: How) -> Vec<Expr> {
    let none: &[String] = &[];
    let (left_dropped, right_dropped) = match how {
        How::Right => (keys.left.as_slice(), none),
        How::Full | How::Cross => (none, none),
        _ => (none, keys.right.as_slice()),
    };
    let mut taken = HashSet::new();
    let mut columns = side_columns(left, LEFT, left_dropped, &mut taken);
    if !matches!(how, How::Semi | How::Anti) {
        columns.extend(side_columns(right, RIGHT, right_dropped, &mut taken));
    }
    columns
}

fn side_columns(plan: &LogicalPlan, side: &str, dropped: &[String], taken: &mut HashSet<String>) -> Vec<Expr> {
    let names = plan.schema().fields().iter().map(|field| field.name()).filter(|name| !dropped.contains(name));
    names
        .map(|name| {
            let shown = if taken.contains(name) { format!("{name}{SUFFIX}") } else { name.clone() };
            taken.insert(shown.clone());
            Expr::Column(Column::new(Some(side), name)).alias(shown)
        })
        .collect()
}
