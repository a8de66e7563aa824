//! Joins on conditions that are no equality of keys.

use datafusion::logical_expr::Expr;

use super::options::{JoinOptions, MaintainOrder};
use crate::{DataFrame, Error, Result};

impl DataFrame {
    /// Pairs of rows for which all conditions are true. A condition names columns of both sides; a right column whose name
    /// the left side has too is meant with the suffix, under which it is also shown.
    ///
    /// ```
    /// # use gradframe::{Session, expr::col};
    /// # let session = Session::builder().in_memory().build()?;
    /// let trips = session.block_on(session.sql("SELECT 5 AS hour"))?;
    /// let shifts = session.block_on(session.sql("SELECT 'night' AS shift, 0 AS first, 6 AS last"))?;
    /// let during = [col("hour").gt_eq(col("first")), col("hour").lt(col("last"))];
    /// assert_eq!(trips.join_where(&shifts, during, "_right")?.columns(), ["hour", "shift", "first", "last"]);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    ///
    /// Errors: `Plan` for no condition, and for unknown columns.
    pub fn join_where(&self, other: &DataFrame, conditions: impl IntoIterator<Item = Expr>, suffix: &str) -> Result<Self> {
        let Some(all) = conditions.into_iter().reduce(Expr::and) else {
            return Err(Error::plan("join_where", "got no condition, expected at least one").hint("a cross join takes none"));
        };
        // The optimizer makes of a condition over all pairs one of the join, and of its equalities keys.
        let pairs = self.join_with(other, JoinOptions::cross().suffix(suffix).maintain_order(MaintainOrder::None))?;
        let (frame, condition) = pairs.resolve_predicate("join_where", all)?;
        pairs.without_hidden(frame.step(|plan| plan.filter(condition))?)
    }
}
