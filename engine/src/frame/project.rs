//! Choosing, adding, dropping and renaming columns.

use datafusion::common::DFSchema;
use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::Expr;
use datafusion::optimizer::analyzer::type_coercion::TypeCoercionRewriter;
use gradframe_plan::error::from_datafusion;

use super::DataFrame;
use super::merge;
use super::naming::{all_columns, named, output_name, require_column, require_one_of_each};
use super::resolve::{WITH_COLUMNS, require_distinct};
use crate::Result;
use crate::expr::{IntoExpr, col};

impl DataFrame {
    /// These columns and no others, in this order. Aggregates alone give one row; beside columns they are repeated.
    /// Errors: `Plan` for unknown columns and two results of one name; when it runs, `Shape` for results of different numbers of rows.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// let made = frame.select([col("k"), (col("n") * lit(2)).alias("twice")])?;
    /// assert_eq!(made.columns(), ["k", "twice"]);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn select(&self, exprs: impl IntoIterator<Item = impl IntoExpr>) -> Result<Self> {
        self.resolve_selection(exprs.into_iter().map(IntoExpr::into_expr).collect())
    }

    /// All columns, with these added; one of an existing name takes its place.
    /// Errors: `Plan` for unknown columns, and for two of one name.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// let made = frame.with_columns([col("n").cum_sum(false).alias("so_far"), col("n").mean().over(["k"]).alias("mean")])?;
    /// assert_eq!(made.columns(), ["k", "n", "x", "so_far", "mean"]);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn with_columns(&self, exprs: impl IntoIterator<Item = impl IntoExpr>) -> Result<Self> {
        let added = self.resolve(WITH_COLUMNS, exprs.into_iter().map(IntoExpr::into_expr))?;
        let names: Vec<String> = added.exprs.iter().map(output_name).collect();
        require_distinct(WITH_COLUMNS, names.iter().map(String::as_str))?;
        let mut projection = self.columns_as_exprs();
        for expr in added.exprs {
            place(&mut projection, output_name(&expr), expr);
        }
        added.frame.project(projection.into_iter().map(|(_, expr)| expr).collect())
    }

    /// Adds or replaces one column.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// assert_eq!(frame.with_column("one", lit(1))?.columns(), ["k", "n", "x", "one"]);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn with_column(&self, name: impl Into<String>, expr: impl IntoExpr) -> Result<Self> {
        self.with_columns([expr.into_expr().alias(name)])
    }

    /// All columns but these. Errors: `Plan` for a name that doesn't exist.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// assert_eq!(frame.drop(["x"])?.columns(), ["k", "n"]);
    /// assert!(frame.drop(["y"]).is_err());
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn drop(&self, names: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self> {
        let mut kept = self.columns_as_exprs();
        for name in names {
            require_column("drop", self.plan.schema(), name.as_ref())?;
            kept.retain(|(column, _)| column != name.as_ref());
        }
        self.project(kept.into_iter().map(|(_, expr)| expr).collect())
    }

    /// The same columns under new names, given as `(old, new)`. Errors: `Plan` for an old name that doesn't exist, and
    /// for two columns of one name.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// assert_eq!(frame.rename([("n", "number")])?.columns(), ["k", "number", "x"]);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn rename(&self, names: impl IntoIterator<Item = (impl AsRef<str>, impl Into<String>)>) -> Result<Self> {
        let mut columns = self.columns_as_exprs();
        for (old, new) in names {
            require_column("rename", self.plan.schema(), old.as_ref())?;
            let renamed = col(old.as_ref()).alias(new);
            columns.iter_mut().filter(|(name, _)| name == old.as_ref()).for_each(|(_, expr)| *expr = renamed.clone());
        }
        let names: Vec<String> = columns.iter().map(|(_, expr)| output_name(expr)).collect();
        require_one_of_each("rename", names.iter().map(String::as_str))?;
        self.project(columns.into_iter().map(|(_, expr)| expr).collect())
    }

    /// A projection, each result named.
    pub(super) fn project(&self, exprs: Vec<Expr>) -> Result<Self> {
        let exprs = exprs.into_iter().map(named).map(|expr| branches_of_one_type(expr, self.plan.schema()));
        Ok(self.with_plan(merge::project(&self.plan, exprs.collect::<Result<_>>()?)?))
    }

    /// Every column with its name.
    fn columns_as_exprs(&self) -> Vec<(String, Expr)> {
        all_columns(self.plan.schema()).collect()
    }
}

/// Puts an expression where its name already stands, else at the end.
fn place(projection: &mut Vec<(String, Expr)>, name: String, expr: Expr) {
    match projection.iter_mut().find(|(existing, _)| *existing == name) {
        Some(slot) => slot.1 = expr,
        None => projection.push((name, expr)),
    }
}

/// The expression with the branches of its conditions cast to their common type, as the analyzer will do later: until then
/// DataFusion takes the first branch's type for the whole, and the frame's schema would say what its rows are not.
pub(super) fn branches_of_one_type(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    if matches!(expr, Expr::Column(_)) || !expr.exists(|part| Ok(matches!(part, Expr::Case(_)))).map_err(from_datafusion)? {
        return Ok(expr);
    }
    Ok(expr.rewrite(&mut TypeCoercionRewriter::new(schema)).map_err(from_datafusion)?.data)
}
