//! Drawn: rows of a CTE that draw numbers, computed once for all that read them.

use std::fmt;
use std::sync::Arc;

use datafusion::common::DFSchemaRef;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, UserDefinedLogicalNodeCore};

/// The alias by which SQL says that rows are those of one CTE, before a number of its own for each.
pub const DRAWN_ONCE: &str = "__drawn_once_";

/// The logical node: its input, under the name that all copies of it share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Hash)]
pub struct DrawnNode {
    name: String,
    input: LogicalPlan,
}

impl DrawnNode {
    /// The plan of rows that are computed once. Copies of one name have the same input.
    pub fn plan(name: &str, input: LogicalPlan) -> LogicalPlan {
        LogicalPlan::Extension(Extension { node: Arc::new(DrawnNode { name: name.to_owned(), input }) })
    }

    /// What copies of the same rows share.
    pub fn shared_name(&self) -> &str {
        &self.name
    }
}

/// Nothing passes it: copies of it must stay copies. All columns are read, and filters and limits stay above.
impl UserDefinedLogicalNodeCore for DrawnNode {
    fn name(&self) -> &str {
        "Drawn"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.input.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        vec![]
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Drawn: once")
    }

    fn with_exprs_and_inputs(&self, _exprs: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        Ok(DrawnNode { name: self.name.clone(), input: inputs.swap_remove(0) })
    }
}
