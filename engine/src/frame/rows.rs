//! Choosing, ordering and stacking rows.

use datafusion::logical_expr::{Distinct, Expr, LogicalPlan};

use super::DataFrame;
use super::naming::{all_columns, require_column};
use crate::expr::{IntoSortExpr, col};
use crate::{Error, Result};

impl DataFrame {
    /// The rows for which the predicate is true (not false, not null).
    /// Errors: `Plan` for unknown columns or a predicate that is no boolean.
    pub fn filter(&self, predicate: Expr) -> Result<Self> {
        let (frame, predicate) = self.resolve_predicate("filter", predicate)?;
        self.without_hidden(frame.step(|plan| plan.filter(predicate))?)
    }

    /// The rows in order: by the first key, ties by the next. A name or plain expression sorts ascending; nulls come
    /// first unless the key says otherwise. Errors: `Plan` for unknown columns.
    pub fn sort(&self, keys: impl IntoIterator<Item = impl IntoSortExpr>) -> Result<Self> {
        let (frame, keys) = self.resolve_keys("sort", keys.into_iter().map(IntoSortExpr::into_sort_expr).collect())?;
        self.without_hidden(frame.step(|plan| plan.sort(keys))?)
    }

    /// At most the first `rows` rows.
    pub fn limit(&self, rows: usize) -> Result<Self> {
        self.slice(0, Some(rows))
    }

    /// At most the first `rows` rows.
    pub fn head(&self, rows: usize) -> Result<Self> {
        self.limit(rows)
    }

    /// The rows after the first `offset`, at most `length` of them.
    pub fn slice(&self, offset: usize, length: Option<usize>) -> Result<Self> {
        self.step(|plan| plan.limit(offset, length))
    }

    /// Each different row once.
    pub fn distinct(&self) -> Result<Self> {
        Ok(self.with_plan(LogicalPlan::Distinct(Distinct::All(self.plan.clone().into()))))
    }

    /// One row for each different value of the named columns; which one, only a sorted frame says. No name: all columns.
    /// Errors: `Plan` for a name that doesn't exist.
    pub fn unique(&self, subset: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self> {
        let mut keys = vec![];
        for name in subset {
            require_column("unique", self.plan.schema(), name.as_ref())?;
            keys.push(col(name.as_ref()));
        }
        if keys.is_empty() {
            return self.distinct();
        }
        let all = all_columns(self.plan.schema()).map(|(_, expr)| expr).collect();
        self.step(|plan| plan.distinct_on(keys, all, None))
    }

    /// The rows of both, duplicates kept. Errors: `Plan` if the columns' names differ.
    pub fn union(&self, other: &DataFrame) -> Result<Self> {
        let (ours, theirs) = (self.columns(), other.columns());
        if ours != theirs {
            let what = format!("the columns differ, expected `{}`, got `{}`", ours.join("`, `"), theirs.join("`, `"));
            return Err(Error::plan("union", what).hint("select or rename the columns of one side first"));
        }
        self.step(|plan| plan.union(other.plan.clone()))
    }

    /// The rows of all frames, one after another; see [`DataFrame::union`].
    /// Errors: `Plan` for no frame at all.
    pub fn concat(frames: impl IntoIterator<Item = DataFrame>) -> Result<Self> {
        let mut frames = frames.into_iter();
        let first = frames.next().ok_or_else(|| Error::plan("concat", "got no frame, expected at least one"))?;
        frames.try_fold(first, |all, next| all.union(&next))
    }
}
