//! A frame as SQL text.

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, TableReference};
use datafusion::error::{DataFusionError, Result as DataFusionResult};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::unparser::Unparser;
use gradframe_plan::error::from_datafusion;

use super::DataFrame;
use crate::panics::guard_call;
use crate::session::UNNAMED;
use crate::{Error, Result};

const OP: &str = "explain";
/// What rows without a name in the catalog are called.
const FRAME: &str = "frame";

impl DataFrame {
    /// The frame as one SQL query, which gives the same rows. Rows that have no name in the catalog (files and rows in
    /// memory that a frame was made from) are called `frame`, `frame_2` and so on.
    ///
    /// ```
    /// use gradframe::expr::{col, lit};
    /// # use gradframe::Session;
    /// # let session = Session::builder().in_memory().build()?;
    /// let trips = session.block_on(session.sql("CREATE TABLE trips AS SELECT 1 AS fare; SELECT * FROM trips"))?;
    /// let text = trips.filter(col("fare").gt(lit(0)))?.to_sql()?;
    /// assert_eq!(session.block_on(async { session.sql(&text).await?.count().await })?, 1);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    ///
    /// Errors: `NotImplemented` for a frame with a step or a function that SQL has no words for, which it names.
    pub fn to_sql(&self) -> Result<String> {
        let state = self.session.state();
        if let Some(nameless) = first_without_words(&self.plan, &state) {
            return Err(no_words(&nameless));
        }
        let plan = named(&self.plan).map_err(from_datafusion)?;
        guard_call(OP, || {
            let statement = Unparser::default().with_pretty(true).plan_to_sql(&plan);
            let statement = statement.map_err(|error| no_words(&from_datafusion(error).detail().what))?;
            Ok(statement.to_string())
        })
    }
}

fn no_words(what: &str) -> Error {
    Error::not_implemented(OP, format!("SQL has no words for a part of this frame: {what}"))
        .hint("format=\"tree\" shows every plan")
}

/// A step of ours, one that DataFusion cannot write, or a function that SQL does not know.
fn first_without_words(plan: &LogicalPlan, state: &SessionState) -> Option<String> {
    match plan {
        LogicalPlan::Extension(extension) => return Some(format!("the step `{}`", extension.node.name())),
        LogicalPlan::RecursiveQuery(_) => return Some("WITH RECURSIVE".to_owned()),
        _ => {}
    }
    let function = plan.expressions().iter().find_map(|expr| unknown_function(expr, state));
    function.or_else(|| plan.inputs().into_iter().find_map(|input| first_without_words(input, state)))
}

fn unknown_function(expr: &Expr, state: &SessionState) -> Option<String> {
    let mut unknown = None;
    let visited = expr.exists(|expr| {
        let (name, known) = match expr {
            Expr::ScalarFunction(call) => (call.name(), state.scalar_functions().contains_key(call.name())),
            Expr::AggregateFunction(call) => (call.func.name(), state.aggregate_functions().contains_key(call.func.name())),
            _ => return Ok(false),
        };
        if !known {
            unknown = Some(format!("the function `{name}`"));
        }
        Ok(!known)
    });
    visited.ok().and(unknown)
}

/// The plan whose nameless scans have names that SQL can say. All of them are `frame` where their columns are named.
fn named(plan: &LogicalPlan) -> DataFusionResult<LogicalPlan> {
    let mut scans = 0;
    let rename = |node: LogicalPlan| {
        if let LogicalPlan::TableScan(scan) = &node
            && scan.table_name.table() == UNNAMED
        {
            scans += 1;
            return Ok(Transformed::yes(named_scan(scan, scans)?));
        }
        let renamed = node.map_expressions(|expr| expr.transform(|expr| Ok(in_frame(expr))))?;
        Ok::<_, DataFusionError>(if renamed.transformed { Transformed::yes(renamed.data.recompute_schema()?) } else { renamed })
    };
    plan.clone().transform_up_with_subqueries(rename).data()
}

fn named_scan(scan: &datafusion::logical_expr::TableScan, number: usize) -> DataFusionResult<LogicalPlan> {
    let name = if number == 1 { FRAME.to_owned() } else { format!("{FRAME}_{number}") };
    let named = LogicalPlanBuilder::scan(TableReference::bare(name), scan.source.clone(), scan.projection.clone())?;
    if number == 1 { named.build() } else { named.alias(FRAME)?.build() }
}

/// A column of a nameless scan, under the name that the scan has now.
fn in_frame(expr: Expr) -> Transformed<Expr> {
    match expr {
        Expr::Column(column) if column.relation.as_ref().is_some_and(|relation| relation.table() == UNNAMED) => {
            Transformed::yes(Expr::Column(Column::new(Some(FRAME), column.name)))
        }
        // What an aggregate gives is named after what it reads.
        Expr::Column(column) if column.name.contains(UNNAMED) => {
            let name = column.name.replace(UNNAMED, FRAME);
            Transformed::yes(Expr::Column(Column { name, ..column }))
        }
        expr => Transformed::no(expr),
    }
}
