//! Unique: of the rows with equal keys, one.
//!
//! A row goes on when its keys are seen for the first time; whole rows are never held. As an aggregate that takes the first
//! value of every column, which is what DataFusion makes of DISTINCT ON, the same costs a hash table of all columns.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;

use datafusion::common::{Column, DFSchemaRef};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, LogicalPlanBuilder, UserDefinedLogicalNodeCore};

use super::row_order::ROW_ORDER;

/// Unique: the input's columns, and of its rows with equal keys one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UniqueNode {
    input: LogicalPlan,
    keys: Vec<Expr>,
    /// Whether it is the first by the hidden number of the rows, and rows stay in the order of those. Otherwise it is any.
    first: bool,
}

impl UniqueNode {
    /// Of all rows with the same keys any one.
    pub fn any(input: LogicalPlan, keys: Vec<Expr>) -> Result<LogicalPlan> {
        Self::planned(UniqueNode { input, keys, first: false })
    }

    /// Of all rows with the same keys the first by [`ROW_ORDER`], which the input must have. Rows stay in that order.
    pub fn first(input: LogicalPlan, keys: Vec<Expr>) -> Result<LogicalPlan> {
        Self::planned(UniqueNode { input, keys, first: true })
    }

    fn planned(node: UniqueNode) -> Result<LogicalPlan> {
        LogicalPlanBuilder::from(LogicalPlan::Extension(Extension { node: std::sync::Arc::new(node) })).build()
    }

    /// What tells rows apart.
    pub fn keys(&self) -> &[Expr] {
        &self.keys
    }

    /// Whether the first row stays, in the order of rows.
    pub fn keeps_first(&self) -> bool {
        self.first
    }

    /// The place of the rows' number, if the order counts. Errors: `Plan` where there is none.
    pub fn order(&self) -> Result<Option<usize>> {
        self.first.then(|| self.input.schema().index_of_column(&Column::from_name(ROW_ORDER))).transpose()
    }

    fn reads(&self, column: usize) -> bool {
        let (qualifier, field) = self.input.schema().qualified_field(column);
        let column = Column::from((qualifier, field));
        let is_order = self.first && field.name() == ROW_ORDER;
        is_order || self.keys.iter().any(|key| key.column_refs().contains(&column))
    }
}

impl UserDefinedLogicalNodeCore for UniqueNode {
    fn name(&self) -> &str {
        "Unique"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.input.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        self.keys.clone()
    }

    // A condition on the keys is that of all rows that have them; any other could leave another row of them, or none.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        let keys: HashSet<&str> = self.keys.iter().filter_map(Expr::try_as_col).map(|column| column.name.as_str()).collect();
        let names = self.input.schema().fields().iter().map(|field| field.name());
        names.filter(|name| !keys.contains(name.as_str())).cloned().collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let keys: Vec<String> = self.keys.iter().map(|key| key.human_display().to_string()).collect();
        write!(f, "Unique: keep={} keys=[{}]", if self.first { "first" } else { "any" }, keys.join(", "))
    }

    fn with_exprs_and_inputs(&self, keys: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        Ok(UniqueNode { input: inputs.swap_remove(0), keys, first: self.first })
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let all = 0..self.input.schema().fields().len();
        Some(vec![all.filter(|column| output_columns.contains(column) || self.reads(*column)).collect()])
    }
}

impl PartialOrd for UniqueNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}
