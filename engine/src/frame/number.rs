//! Numbers of rows: the columns that verbs of row order go by, and the one that a user asks for.
//!
//! A number is a window function over the rows as they come, visible in EXPLAIN. A plan that holds one keeps its scans in
//! the order of the file ([`super::order`]).

use datafusion::arrow::datatypes::DataType;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, lit};
use gradframe_plan::error::from_datafusion;
use gradframe_plan::ops::row_order::{is_sorted, with_lasting_order};

use super::DataFrame;
use super::naming::all_columns;
use crate::expr::structure::by_row;
use crate::expr::{asc, cast, col};
use crate::{Error, Result};

impl DataFrame {
    /// All columns behind a new one: the row's number, a `u32` that begins at `offset`.
    ///
    /// ```
    /// # use gradframe::Session;
    /// # let session = Session::builder().in_memory().build()?;
    /// let frame = session.block_on(session.sql("SELECT 'a' AS x"))?;
    /// assert_eq!(frame.with_row_index("index", 10)?.columns(), ["index", "x"]);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    ///
    /// Errors: `Plan` if there is a column of this name; when run, for more rows than a `u32` counts.
    pub fn with_row_index(&self, name: &str, offset: u32) -> Result<Self> {
        if self.has_column(name) {
            return Err(Error::plan("with_row_index", format!("there is a column `{name}` already")).hint("give another name"));
        }
        let (numbered, row) = self.numbered()?;
        let index = cast(col(&row) + lit(u64::from(offset)), DataType::UInt32).alias(name);
        let columns = all_columns(self.plan.schema()).map(|(_, column)| column);
        numbered.project(std::iter::once(index).chain(columns).collect())
    }

    /// The frame with a column more, at the end: the row's number from 0, a `u64`; and the name of that column, which no
    /// column has.
    pub(crate) fn numbered(&self) -> Result<(Self, String)> {
        let name = self.unused_name("__row");
        let columns: Vec<Expr> = all_columns(self.plan.schema()).map(|(_, column)| column).collect();
        let (plan, sorted) = self.in_lasting_order()?;
        let numbers = match sorted {
            true => row_number().order_by(vec![by_row()]).build().map_err(from_datafusion)?,
            false => row_number(),
        };
        let counted = LogicalPlanBuilder::from(plan).window([numbers.alias(&name)]);
        let number = (col(&name) - lit(1_u64)).alias(&name);
        let plan = counted.and_then(|plan| plan.project(columns.into_iter().chain([number]))).and_then(LogicalPlanBuilder::build);
        Ok((self.with_plan(plan.map_err(from_datafusion)?), name))
    }

    /// The same rows. Where a sort gave them their order, it lasts whatever stands above.
    pub(super) fn settled(&self) -> Result<Self> {
        let columns = all_columns(self.plan.schema()).map(|(_, column)| column).collect();
        match self.in_lasting_order()? {
            (plan, true) => self.with_plan(plan).project(columns),
            (_, false) => Ok(self.clone()),
        }
    }

    /// The plan, with the hidden order of rows in it if that is of a sort; and whether it is.
    pub(super) fn in_lasting_order(&self) -> Result<(LogicalPlan, bool)> {
        match is_sorted(&self.plan) {
            true => Ok((with_lasting_order(&self.plan).map_err(from_datafusion)?, true)),
            false => Ok((self.plan.clone(), false)),
        }
    }

    /// A name that no column has.
    pub(crate) fn unused_name(&self, stem: &str) -> String {
        unused(stem, |name| self.has_column(name))
    }

    /// [`DataFrame::numbered`] under this name, which no column has.
    pub(super) fn numbered_as(&self, name: &str) -> Result<Self> {
        let (numbered, row) = self.numbered()?;
        numbered.rename([(row.as_str(), name)])
    }

    /// The rows by their number in a hidden column, which goes away.
    pub(super) fn by_number(&self, row: &str) -> Result<Self> {
        self.step(|plan| plan.sort([asc(row)]))?.drop([row])
    }

    pub(super) fn has_column(&self, name: &str) -> bool {
        self.plan.schema().fields().iter().any(|field| field.name() == name)
    }
}

/// The first of `stem`, `stem_1`, `stem_2` .. that is not used.
pub(super) fn unused(stem: &str, is_used: impl Fn(&str) -> bool) -> String {
    let numbered = (1..).map(|tries| format!("{stem}_{tries}"));
    std::iter::once(stem.to_owned()).chain(numbered).find(|name| !is_used(name)).unwrap_or_default()
}
