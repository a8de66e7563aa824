//! Choosing and ordering rows.

use datafusion::functions::math::expr_fn::isnan;
use datafusion::logical_expr::Expr;

use super::DataFrame;
use super::naming::all_columns;
use crate::Result;
use crate::expr::depth::reduced;
use crate::expr::{IntoExpr, IntoSortExpr};

impl DataFrame {
    /// The rows for which the predicate is true (not false, not null).
    /// Errors: `Plan` for unknown columns or a predicate that is no boolean.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// assert_eq!(session.block_on(frame.filter(col("n").gt(lit(1)))?.count())?, 2);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn filter(&self, predicate: Expr) -> Result<Self> {
        let (frame, predicate) = self.resolve_predicate("filter", predicate)?;
        self.without_hidden(frame.filtered(predicate)?)
    }

    /// The rows for which the predicate is not true: false or null.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// assert_eq!(session.block_on(frame.remove(col("x").gt(lit(2.0)))?.count())?, 2);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn remove(&self, predicate: Expr) -> Result<Self> {
        self.filter(Expr::IsNotTrue(Box::new(predicate)))
    }

    /// The rows in order: by the first key, ties by the next. A name or plain expression sorts ascending; nulls come
    /// first unless the key says otherwise. Errors: `Plan` for unknown columns.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// let sorted = frame.sort([desc("n")])?.first()?;
    /// assert_eq!(session.block_on(sorted.filter(col("n").eq(lit(3)))?.count())?, 1);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn sort(&self, keys: impl IntoIterator<Item = impl IntoSortExpr>) -> Result<Self> {
        let (frame, keys) = self.resolve_keys("sort", keys.into_iter().map(IntoSortExpr::into_sort_expr).collect())?;
        self.without_hidden(frame.step(|plan| plan.sort(keys))?)
    }

    /// [`DataFrame::sort`], in which rows with equal keys stay in their order.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// let sorted = frame.sort_stable(["k"])?.first()?;
    /// assert_eq!(session.block_on(sorted.filter(col("n").eq(lit(1)))?.count())?, 1);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn sort_stable(&self, keys: impl IntoIterator<Item = impl IntoSortExpr>) -> Result<Self> {
        let (numbered, row) = self.numbered()?;
        let keys = keys.into_iter().map(IntoSortExpr::into_sort_expr);
        let keys: Vec<_> = keys.chain([crate::expr::asc(&row)]).collect();
        numbered.sort(keys)?.drop([row])
    }

    /// The rows in which none of these columns is null; no name: no column at all.
    /// Errors: `Plan` for unknown columns.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// assert_eq!(session.block_on(frame.drop_nulls(["x"])?.count())?, 2);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn drop_nulls(&self, subset: impl IntoIterator<Item = impl IntoExpr>) -> Result<Self> {
        let columns = self.subset("drop_nulls", subset)?;
        let not_null = columns.into_iter().map(Expr::is_not_null);
        reduced(not_null, Expr::and).map_or_else(|| Ok(self.clone()), |all| self.filter(all))
    }

    /// The rows in which none of these columns is NaN; no name: no column at all. Columns of other types than floats have
    /// none. A null is not NaN.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// assert_eq!(session.block_on(frame.drop_nans(["x"])?.count())?, 3);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn drop_nans(&self, subset: impl IntoIterator<Item = impl IntoExpr>) -> Result<Self> {
        let mut columns = self.subset("drop_nans", subset)?;
        columns.retain(|column| self.type_of(column).is_some_and(|data_type| data_type.is_floating()));
        let not_nan = columns.into_iter().map(|column| Expr::IsNotTrue(Box::new(isnan(column))));
        reduced(not_nan, Expr::and).map_or_else(|| Ok(self.clone()), |all| self.filter(all))
    }

    /// These columns, or all.
    fn subset(&self, op: &str, subset: impl IntoIterator<Item = impl IntoExpr>) -> Result<Vec<Expr>> {
        let named = self.checked(op, subset.into_iter().map(IntoExpr::into_expr).collect())?;
        Ok(if named.is_empty() { all_columns(self.plan.schema()).map(|(_, column)| column).collect() } else { named })
    }
}
