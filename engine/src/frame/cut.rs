//! Rows by their place: the first, the last, every n-th, backwards.

use datafusion::logical_expr::{Expr, lit};

use super::DataFrame;
use crate::expr::{IntoExpr, col, desc};
use crate::{Error, Result};

impl DataFrame {
    /// At most the first `rows` rows.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// assert_eq!(session.block_on(frame.limit(2)?.count())?, 2);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn limit(&self, rows: usize) -> Result<Self> {
        self.step(|plan| plan.limit(0, Some(rows)))
    }

    /// At most the first `rows` rows.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// assert_eq!(session.block_on(frame.head(1)?.count())?, 1);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn head(&self, rows: usize) -> Result<Self> {
        self.limit(rows)
    }

    /// At most the last `rows` rows, in their order.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// let last = frame.tail(1)?.filter(col("n").eq(lit(3)))?;
    /// assert_eq!(session.block_on(last.count())?, 1);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn tail(&self, rows: usize) -> Result<Self> {
        if rows == 0 {
            return self.head(0);
        }
        let (numbered, row) = self.numbered()?;
        numbered.step(|plan| plan.sort_with_limit([desc(&row)], Some(rows)))?.by_number(&row)
    }

    /// The first row.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// assert_eq!(session.block_on(frame.first()?.filter(col("n").eq(lit(1)))?.count())?, 1);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn first(&self) -> Result<Self> {
        self.head(1)
    }

    /// The last row.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// assert_eq!(session.block_on(frame.last()?.filter(col("n").eq(lit(3)))?.count())?, 1);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn last(&self) -> Result<Self> {
        self.tail(1)
    }

    /// The rows after the first `offset`, at most `length` of them. A negative offset counts from the end: what of it lies
    /// before the first row is taken off the length.
    ///
    /// ```
    /// # use gradframe::Session;
    /// # let session = Session::builder().in_memory().build()?;
    /// let frame = session.block_on(session.sql("SELECT * FROM (VALUES (1), (2), (3), (4)) AS t(x)"))?;
    /// assert_eq!(session.block_on(frame.slice(-3, Some(2))?.count())?, 2);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn slice(&self, offset: i64, length: Option<usize>) -> Result<Self> {
        match (usize::try_from(offset), length) {
            (Ok(offset), length) => self.step(|plan| plan.limit(offset, length)),
            (Err(_), None) => self.tail(offset.unsigned_abs() as usize),
            (Err(_), Some(length)) => self.rows_from_end(offset.unsigned_abs(), length as u64),
        }
    }

    /// The rows from the `back`-th last on, at most `length`, counted from there even where the frame is shorter.
    fn rows_from_end(&self, back: u64, length: u64) -> Result<Self> {
        let (numbered, row) = self.numbered()?;
        let reversed = numbered.step(|plan| plan.sort([desc(&row)]))?;
        let rows = usize::try_from(back).map_err(|_| Error::plan("slice", format!("the offset -{back} is too large")))?;
        let skipped = usize::try_from(back.saturating_sub(length)).unwrap_or(usize::MAX);
        reversed.step(|plan| plan.limit(skipped, Some(rows - skipped)))?.by_number(&row)
    }

    /// The rows from the last to the first.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// assert_eq!(session.block_on(frame.reverse()?.first()?.filter(col("n").eq(lit(3)))?.count())?, 1);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn reverse(&self) -> Result<Self> {
        let (numbered, row) = self.numbered()?;
        numbered.step(|plan| plan.sort([desc(&row)]))?.drop([row])
    }

    /// Every `n`-th row, from the row `offset` on. Errors: `Plan` for an `n` of 0.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// assert_eq!(session.block_on(frame.gather_every(2, 0)?.count())?, 2);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn gather_every(&self, n: usize, offset: usize) -> Result<Self> {
        if n == 0 {
            return Err(Error::plan("gather_every", "n is 0, expected 1 or more"));
        }
        let (numbered, row) = self.numbered()?;
        let (n, offset) = (n as u64, offset as u64);
        let wanted = col(&row).gt_eq(lit(offset)).and((col(&row) % lit(n)).eq(lit(offset % n)));
        numbered.step(|plan| plan.filter(wanted))?.drop([row])
    }

    /// The `k` rows that are largest by the keys, the largest first; nulls only where there is nothing else. A key that
    /// `reverse` marks counts the other way; it has a flag for each key, or is empty.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// let greatest = frame.top_k(1, ["n"], &[])?.filter(col("n").eq(lit(3)))?;
    /// assert_eq!(session.block_on(greatest.count())?, 1);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn top_k(&self, k: usize, by: impl IntoIterator<Item = impl IntoExpr>, reverse: &[bool]) -> Result<Self> {
        self.extreme("top_k", k, by, reverse, true)
    }

    /// The `k` rows that are smallest by the keys, the smallest first; otherwise as [`DataFrame::top_k`].
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// let least = frame.bottom_k(1, ["n"], &[])?.filter(col("n").eq(lit(1)))?;
    /// assert_eq!(session.block_on(least.count())?, 1);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn bottom_k(&self, k: usize, by: impl IntoIterator<Item = impl IntoExpr>, reverse: &[bool]) -> Result<Self> {
        self.extreme("bottom_k", k, by, reverse, false)
    }

    fn extreme(
        &self,
        op: &str,
        k: usize,
        by: impl IntoIterator<Item = impl IntoExpr>,
        reverse: &[bool],
        largest: bool,
    ) -> Result<Self> {
        let keys: Vec<Expr> = by.into_iter().map(IntoExpr::into_expr).collect();
        if keys.is_empty() {
            return Err(Error::plan(op, "got no key, expected at least one"));
        }
        if !reverse.is_empty() && reverse.len() != keys.len() {
            return Err(Error::plan(op, format!("{} keys, {} flags in `reverse`", keys.len(), reverse.len())));
        }
        let ascending = |at: usize| largest == reverse.get(at).copied().unwrap_or(false);
        let keys: Vec<_> = keys.into_iter().enumerate().map(|(at, key)| key.sort(ascending(at), false)).collect();
        self.sort(keys)?.limit(k)
    }
}
