//! Accounts of a plan: as text, as a tree, as SQL.

use std::str::FromStr;

use arrow::record_batch::RecordBatch;
use arrow::util::display::array_value_to_string;
use datafusion::common::format::ExplainFormat;
use datafusion::logical_expr::{ExplainOption, LogicalPlan};
use gradframe_plan::error::from_datafusion;
use gradframe_plan::names::suggest;

use super::DataFrame;
use crate::panics::{guard, guard_call};
use crate::session::in_words;
use crate::{Error, Result};

const OP: &str = "explain";
const NAMES: [&str; 5] = ["plan", "logical", "tree", "sql", "graphviz"];

/// How a plan is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Explanation {
    /// The optimised logical plan and the physical one, an operator a line. What does not stream is said below.
    #[default]
    Plan,
    /// The optimised logical plan alone.
    Logical,
    /// The physical plan drawn as a tree.
    Tree,
    /// The frame as it was written, in SQL: see [`DataFrame::to_sql`].
    Sql,
    /// The logical plan as a graph in Graphviz's language.
    Graphviz,
}

impl FromStr for Explanation {
    type Err = Error;

    /// Errors: `Plan` for an unknown name, with the nearest.
    fn from_str(name: &str) -> Result<Self> {
        Ok(match name {
            "plan" | "plain" => Explanation::Plan,
            "logical" => Explanation::Logical,
            "tree" => Explanation::Tree,
            "sql" => Explanation::Sql,
            "graphviz" => Explanation::Graphviz,
            other => return Err(Error::plan(OP, format!("unknown format `{other}`")).hint(suggest(other, NAMES))),
        })
    }
}

impl DataFrame {
    /// The plan as it is after the optimizer's rules; nothing runs. Errors: those of planning.
    pub fn optimized_plan(&self) -> Result<LogicalPlan> {
        guard_call(OP, || self.execution_state().optimize(&self.plan).map_err(from_datafusion))
    }

    /// The plan as it was written, before any rule of the optimizer, as text; as a graph for [`Explanation::Graphviz`], as SQL for
    /// [`Explanation::Sql`].
    ///
    /// ```
    /// use gradframe::{Explanation, Session, expr::{col, lit}};
    /// # let session = Session::builder().in_memory().build()?;
    /// let numbers = session.block_on(session.sql("SELECT value AS x FROM generate_series(1, 9)"))?;
    /// let written = numbers.filter(col("x").gt(lit(2_i64)))?.explain_as_written(Explanation::Plan)?;
    /// assert!(written.starts_with("Filter: x > Int64(2)"), "{written}");
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    ///
    /// Errors: for SQL those of [`DataFrame::to_sql`].
    pub fn explain_as_written(&self, explanation: Explanation) -> Result<String> {
        match explanation {
            Explanation::Sql => self.to_sql(),
            Explanation::Graphviz => Ok(in_words(&format!("{}\n", self.plan.display_graphviz()))),
            Explanation::Plan | Explanation::Logical | Explanation::Tree => {
                Ok(in_words(&format!("{}\n", self.plan.display_indent())))
            }
        }
    }

    /// The plan as text.
    ///
    /// ```
    /// use gradframe::{Explanation, Session};
    /// # let session = Session::builder().in_memory().build()?;
    /// let numbers = session.block_on(session.sql("SELECT value AS x FROM generate_series(1, 9)"))?;
    /// let tree = session.block_on(numbers.explain_as(Explanation::Tree))?;
    /// assert!(tree.contains("┌"), "{tree}");
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    ///
    /// Errors: those of planning; for SQL those of [`DataFrame::to_sql`].
    pub async fn explain_as(&self, explanation: Explanation) -> Result<String> {
        let format = match explanation {
            Explanation::Sql => return self.to_sql(),
            Explanation::Logical => {
                return Ok(in_words(&format!("{}\n", self.optimized_plan()?.display_indent())));
            }
            Explanation::Plan => ExplainFormat::Indent,
            Explanation::Tree => ExplainFormat::Tree,
            Explanation::Graphviz => ExplainFormat::Graphviz,
        };
        let execution = self.execution();
        let options = ExplainOption { format, ..ExplainOption::default() };
        let batches = guard(OP, async {
            execution.explain_with_options(options).map_err(from_datafusion)?.collect().await.map_err(from_datafusion)
        });
        let batches = batches.await?;
        match explanation {
            Explanation::Plan => plans(&batches, true),
            _ => plans(&batches, false),
        }
    }
}

/// The plans that EXPLAIN answers with, under their names or without.
pub(super) fn plans(batches: &[RecordBatch], with_names: bool) -> Result<String> {
    let mut text = String::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let cell =
                |column: usize| array_value_to_string(batch.column(column), row).map_err(|error| from_datafusion(error.into()));
            let (kind, plan) = (cell(0)?, cell(1)?);
            if with_names {
                text.push_str(&format!("{kind}\n"));
            }
            text.push_str(&format!("{}\n\n", in_words(plan.trim_end())));
        }
    }
    Ok(if with_names { text } else { format!("{}\n", text.trim_end()) })
}
