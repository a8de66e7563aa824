//! The values of another frame in the place of this one's.

use datafusion::logical_expr::Expr;

use super::number::unused;
use super::{DataFrame, How, JoinOptions, MaintainOrder};
use crate::expr::{IntoExpr, asc, coalesce, col, lit, when};
use crate::{Error, Result};

/// By which rows [`DataFrame::update`] goes, and what it keeps.
#[derive(Debug, Clone, Default)]
pub struct UpdateOptions {
    left: Vec<Expr>,
    right: Vec<Expr>,
    how: UpdateRows,
    include_nulls: bool,
}

/// Which rows an update gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UpdateRows {
    /// This frame's.
    #[default]
    Left,
    /// Those that both have.
    Inner,
    /// Those of either.
    Full,
}

impl std::str::FromStr for UpdateRows {
    type Err = Error;

    /// Polars's names. Errors: `Plan` for another.
    fn from_str(name: &str) -> Result<Self> {
        match name {
            "left" => Ok(UpdateRows::Left),
            "inner" => Ok(UpdateRows::Inner),
            "full" => Ok(UpdateRows::Full),
            _ => Err(Error::plan("update", format!("unknown `how` `{name}`")).hint("left, inner or full")),
        }
    }
}

impl UpdateOptions {
    /// The first row updates the first, and so on.
    pub fn by_row() -> Self {
        Self::default()
    }

    /// A row updates those of equal keys: columns that both frames have.
    pub fn on(keys: impl IntoIterator<Item = impl IntoExpr>) -> Self {
        let keys: Vec<Expr> = keys.into_iter().map(IntoExpr::into_expr).collect();
        Self::keys(keys.clone(), keys)
    }

    /// A row updates those of equal keys, which have other names on each side.
    pub fn keys(left: impl IntoIterator<Item = impl IntoExpr>, right: impl IntoIterator<Item = impl IntoExpr>) -> Self {
        let (left, right) = (left.into_iter().map(IntoExpr::into_expr), right.into_iter().map(IntoExpr::into_expr));
        UpdateOptions { left: left.collect(), right: right.collect(), ..Self::default() }
    }

    /// Which rows there will be.
    pub fn how(self, how: UpdateRows) -> Self {
        UpdateOptions { how, ..self }
    }

    /// Whether a null of the other frame replaces a value.
    pub fn include_nulls(self, include_nulls: bool) -> Self {
        UpdateOptions { include_nulls, ..self }
    }
}

impl DataFrame {
    /// The values of another frame in the place of this one's, where columns have the same name: row by row, or by equal keys.
    /// Rows stay in this frame's order.
    ///
    /// ```
    /// # use gradframe::{Session, UpdateOptions};
    /// # let session = Session::builder().in_memory().build()?;
    /// let prices = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1.0), ('b', 2.0)) AS t(k, price)"))?;
    /// let news = session.block_on(session.sql("SELECT 'b' AS k, 9.5 AS price"))?;
    /// let updated = prices.update(&news, UpdateOptions::on(["k"]))?;
    /// let nine = updated.filter(gradframe::expr::col("price").gt(gradframe::expr::lit(9.0)))?;
    /// assert_eq!((updated.columns(), session.block_on(nine.count())?), (prices.columns(), 1));
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    ///
    /// Errors: `Plan` for unknown keys or different numbers of them, `DType` for keys of different kinds.
    pub fn update(&self, other: &DataFrame, options: UpdateOptions) -> Result<Self> {
        if options.left.is_empty() && options.right.is_empty() {
            return self.updated_by_row(other, &options);
        }
        let (left, right) = (self.names_of("update", options.left.clone())?, other.names_of("update", options.right.clone())?);
        let order = MaintainOrder::Left;
        self.updated(other, &options, (&left, &right), order)?.select(self.columns())
    }

    fn updated_by_row(&self, other: &DataFrame, options: &UpdateOptions) -> Result<Self> {
        let row = unused("__row", |name| self.has_column(name) || other.has_column(name));
        let (own, theirs) = (self.numbered_as(&row)?, other.numbered_as(&row)?);
        let key = [row.clone()];
        let is_full = options.how == UpdateRows::Full;
        let order = if is_full { MaintainOrder::None } else { MaintainOrder::Left };
        let updated = own.updated(&theirs, options, (&key, &key), order)?;
        let updated = if is_full { updated.sort([asc(&row)])? } else { updated };
        updated.select(self.columns())
    }

    /// The join with the other frame's values, and what is taken of each.
    fn updated(
        &self,
        other: &DataFrame,
        options: &UpdateOptions,
        keys: (&[String], &[String]),
        order: MaintainOrder,
    ) -> Result<Self> {
        let is_key = |name: &String| keys.0.contains(name) || keys.1.contains(name);
        let shared: Vec<String> = self.columns().into_iter().filter(|name| other.has_column(name) && !is_key(name)).collect();
        let is_taken = |name: &str| self.has_column(name) || other.has_column(name);
        // The suffix of the new values' columns, and whether a row of the other frame is there.
        let suffix = unused("__new", |suffix| shared.iter().any(|name| is_taken(&format!("{name}{suffix}"))));
        let there = unused("__there", |name| is_taken(name) || name.ends_with(&suffix));
        let news = keys.1.iter().map(col).chain(shared.iter().map(col)).chain([lit(true).alias(&there)]);
        let how = match options.how {
            UpdateRows::Left => How::Left,
            UpdateRows::Inner => How::Inner,
            UpdateRows::Full => How::Full,
        };
        let join = JoinOptions::keys(keys.0.iter().map(col), keys.1.iter().map(col));
        let join = join.how(how).suffix(suffix.as_str()).coalesce(true).maintain_order(order);
        let joined = self.join_with(&other.select(news)?, join)?;
        let value = |name: &String| {
            let (old, new) = (col(name), col(format!("{name}{suffix}")));
            let value = match options.include_nulls {
                true => when(col(&there).is_not_null()).then(new).otherwise(old),
                false => coalesce([new, old]),
            };
            value.alias(name)
        };
        joined.with_columns(shared.iter().map(value))
    }

    /// The rows of two frames that are sorted by the keys, sorted by them. With `maintain_order`, of equal keys those of this
    /// frame come first.
    ///
    /// ```
    /// # use gradframe::Session;
    /// # let session = Session::builder().in_memory().build()?;
    /// let odd = session.block_on(session.sql("SELECT * FROM (VALUES (1), (3)) AS t(x)"))?;
    /// let even = session.block_on(session.sql("SELECT * FROM (VALUES (2), (4)) AS t(x)"))?;
    /// assert_eq!(session.block_on(odd.merge_sorted(&even, ["x"], false)?.count())?, 4);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    ///
    /// Errors: `Plan` for frames of other columns and for an unknown key.
    pub fn merge_sorted(
        &self,
        other: &DataFrame,
        keys: impl IntoIterator<Item = impl crate::expr::IntoSortExpr>,
        maintain_order: bool,
    ) -> Result<Self> {
        let both = DataFrame::concat([self.clone(), other.clone()])?;
        if maintain_order { both.sort_stable(keys) } else { both.sort(keys) }
    }
}
