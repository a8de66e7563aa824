//! The lazy frame: a plan and the session that runs it.
//!
//! A method checks names and types at once and runs nothing; [`DataFrame::collect`], [`DataFrame::stream`],
//! [`DataFrame::count`], the writers and [`DataFrame::fit`] run the plan, optimised as a whole.

mod analysed;
mod concat;
mod cut;
mod depth;
mod explain;
mod fit_options;
mod group;
mod group_nulls;
mod hidden;
mod in_memory;
mod join;
mod kinds;
mod learn;
mod load;
mod lost;
mod map;
mod merge;
mod naming;
mod number;
mod order;
mod outline;
mod output;
mod own_rows;
mod pivot;
mod profile;
mod project;
mod reshape;
mod resolve;
mod rows;
mod sample;
mod selection;
mod shortcut;
mod shuffle;
mod sql_text;
mod stacked_types;
pub(crate) mod statement;
mod texts;
mod unique;
mod unnamed;
mod update;
mod watch;
mod written;

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::dataframe::DataFrame as Execution;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use gradframe_plan::error::from_datafusion;

use crate::{Result, Session};

pub(crate) use analysed::with_types_of_rows;
pub use concat::Stacking;
pub use explain::Explanation;
pub use fit_options::FitOptions;
pub use group::GroupBy;
pub use in_memory::Copied;
pub(crate) use in_memory::InMemory;
pub use join::{How, JoinOptions, MaintainOrder, Validate};
pub use learn::{FittedModel, ModelRef};
pub(crate) use load::in_loading_order;
pub use load::{BatchLoader, LoadOptions};
pub(crate) use order::keep_order;
pub use own_rows::own_rows;
pub use pivot::PivotOptions;
pub use profile::Profile;
pub use reshape::ExplodeOptions;
pub use resolve::Resolved;
pub use sample::SampleOptions;
pub use unique::Keep;
pub use update::{UpdateOptions, UpdateRows};
pub use watch::ScanProgress;

/// A lazy relation: columns by name, rows when it is run.
///
/// ```
/// use gradframe::expr::{col, desc, lit, mean};
/// use gradframe::Session;
///
/// let session = Session::builder().in_memory().build()?;
/// let trips = session.block_on(session.sql(
///     "SELECT * FROM (VALUES ('EU', 12.0), ('EU', 18.0), ('US', 40.0)) AS t(region, fare)",
/// ))?;
/// let fares = trips
///     .filter(col("fare").gt(lit(10.0)))?
///     .group_by(["region"])
///     .agg([mean("fare")])?
///     .sort([desc("fare")])?;
/// assert_eq!(fares.columns(), ["region", "fare"]);
/// assert_eq!(session.block_on(fares.count())?, 2);
/// # Ok::<(), gradframe::Error>(())
/// ```
#[derive(Clone)]
pub struct DataFrame {
    session: Session,
    plan: LogicalPlan,
}

impl DataFrame {
    /// A frame over a plan of this session.
    pub(crate) fn new(session: Session, plan: LogicalPlan) -> Self {
        Self { session, plan }
    }

    /// The session that runs it.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The plan as written, not optimised.
    pub fn logical_plan(&self) -> &LogicalPlan {
        &self.plan
    }

    /// Names, types and field metadata of the columns.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(self.plan.schema().inner())
    }

    /// The columns' names, in order.
    pub fn columns(&self) -> Vec<String> {
        self.plan.schema().fields().iter().map(|field| field.name().clone()).collect()
    }

    /// The same session, another plan.
    fn with_plan(&self, plan: LogicalPlan) -> Self {
        Self::new(self.session.clone(), plan)
    }

    /// The frame that a step of the plan builder makes of this one.
    fn step(&self, build: impl FnOnce(LogicalPlanBuilder) -> datafusion::error::Result<LogicalPlanBuilder>) -> Result<Self> {
        let plan = build(LogicalPlanBuilder::from(self.plan.clone())).and_then(LogicalPlanBuilder::build);
        let plan = plan.map_err(from_datafusion)?;
        depth::check_steps(&plan)?;
        Ok(self.with_plan(plan))
    }

    /// The rows for which a condition over the plan's own columns is true.
    fn filtered(&self, predicate: Expr) -> Result<Self> {
        let plan = merge::filter(&self.plan, predicate).map_err(from_datafusion)?;
        depth::check_steps(&plan)?;
        Ok(self.with_plan(plan))
    }

    /// The plan with the session's state of this moment, ready to run.
    fn execution(&self) -> Execution {
        Execution::new(self.execution_state(), self.plan.clone())
    }

    /// The session's state of this moment, in which the plan keeps the order that it has.
    fn execution_state(&self) -> SessionState {
        order::keep_order(self.session.state(), &self.plan)
    }
}

impl fmt::Debug for DataFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataFrame\n{}", self.plan.display_indent())
    }
}
