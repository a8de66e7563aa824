//! Rows in an order that only their contents and a seed decide.

use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, SortExpr};
use gradframe_exec::counted::keeps_order;
use gradframe_plan::error::from_datafusion;
use gradframe_plan::functions::row_key;

use super::DataFrame;
use super::naming::all_columns;
use super::number::unused;
use crate::Result;

/// The key of an order that is wanted for being the same every time.
const ANY_SEED: u64 = 0;

impl DataFrame {
    /// The rows in random order: that of a hash of their content with this key. The same rows and seed give the same
    /// order on any machine, with any number of threads; equal rows are interchangeable. Beyond the memory limit it spills.
    ///
    /// ```
    /// # use gradframe::Session;
    /// # let session = Session::builder().in_memory().build()?;
    /// let numbers = session.block_on(session.sql("SELECT value AS x FROM generate_series(1, 100)"))?;
    /// let (once, again) = (numbers.shuffle(7)?, numbers.shuffle(7)?);
    /// assert_eq!(session.block_on(once.collect())?, session.block_on(again.collect())?);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    ///
    /// Errors: `Plan` for columns of a type that rows cannot be compared by, such as unions.
    pub fn shuffle(&self, seed: u64) -> Result<Self> {
        Ok(self.with_plan(shuffled(&self.plan, seed)?))
    }
}

/// The rows of a plan in the order of a hash of their contents with this key.
pub(super) fn shuffled(plan: &LogicalPlan, seed: u64) -> Result<LogicalPlan> {
    let columns = columns(plan);
    if columns.is_empty() {
        return Ok(plan.clone());
    }
    let key = unused("__row_key", |name| plan.schema().fields().iter().any(|field| field.name() == name));
    let keyed = columns.iter().cloned().chain([row_key(columns.clone(), seed).alias(key.as_str())]);
    let plan = LogicalPlanBuilder::from(plan.clone())
        .project(keyed)
        .and_then(|plan| plan.sort([SortExpr::new(crate::expr::col(&key), true, true)]))
        .and_then(|plan| plan.project(columns))
        .and_then(LogicalPlanBuilder::build);
    plan.map_err(from_datafusion)
}

/// The rows in an order that is the same at every run: their own where the plan has one, else that of their contents.
pub(super) fn in_fixed_order(plan: &LogicalPlan) -> Result<LogicalPlan> {
    match plan {
        plan if keeps_order(plan) => Ok(plan.clone()),
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => {
            // Rows that the keys leave tied are told apart by the rest of them.
            let mut sort = sort.clone();
            sort.expr.push(SortExpr::new(row_key(columns(&sort.input), ANY_SEED), true, true));
            Ok(LogicalPlan::Sort(sort))
        }
        plan => shuffled(plan, ANY_SEED),
    }
}

fn columns(plan: &LogicalPlan) -> Vec<Expr> {
    all_columns(plan.schema()).map(|(_, column)| column).collect()
}
