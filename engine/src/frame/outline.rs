//! What a frame computes, in lines that are the same on every machine: by which a saved position knows its plan again.

use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{LogicalPlan, TableScan};
use gradframe_connectors::files::paths_of;

use super::DataFrame;
use super::in_memory::InMemory;
use crate::session::in_words;

/// So much of a path counts: where a folder lies may differ from machine to machine.
const PATH_PARTS: usize = 2;

impl DataFrame {
    /// The plan as it was written, a step a line, each indented below the step that reads it. A scan says what it reads: rows
    /// in memory are counted, files named by the end of their path.
    ///
    /// ```
    /// # use gradframe::{Session, expr::prelude::*};
    /// # let session = Session::builder().in_memory().build()?;
    /// let frame = session.block_on(session.sql("SELECT value AS x FROM generate_series(1, 9)"))?;
    /// let (some, others) = (frame.filter(col("x").gt(lit(1)))?, frame.filter(col("x").gt(lit(2)))?);
    /// assert_ne!(some.outline(), others.outline());
    /// assert_eq!(some.outline()[1..], others.outline()[1..]);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn outline(&self) -> Vec<String> {
        let mut lines = vec![];
        push(&self.plan, 0, &mut lines);
        lines
    }
}

fn push(plan: &LogicalPlan, depth: usize, lines: &mut Vec<String>) {
    let read = if let LogicalPlan::TableScan(scan) = plan { read_by(scan) } else { String::new() };
    // Rows without a name are not told apart by how they came here.
    let step = in_words(&plan.display().to_string());
    lines.push(format!("{}{step}{read}", "  ".repeat(depth)));
    // A visitor that only looks does not fail.
    let _ = plan.apply_subqueries(|subquery| {
        push(subquery, depth + 1, lines);
        Ok(TreeNodeRecursion::Jump)
    });
    plan.inputs().into_iter().for_each(|input| push(input, depth + 1, lines));
}

fn read_by(scan: &TableScan) -> String {
    let Ok(provider) = source_as_provider(&scan.source) else { return String::new() };
    let provider = provider.as_ref() as &dyn TableProvider;
    if let Some(rows) = provider.downcast_ref::<InMemory>() {
        return format!(", {} rows in memory", rows.batches().iter().map(|batch| batch.num_rows()).sum::<usize>());
    }
    match paths_of(provider) {
        Some(paths) => format!(", files {}", paths.iter().map(|path| end_of(path)).collect::<Vec<_>>().join(", ")),
        None => String::new(),
    }
}

fn end_of(path: &str) -> String {
    let parts: Vec<&str> = path.split(['/', '\\']).filter(|part| !part.is_empty()).collect();
    parts[parts.len().saturating_sub(PATH_PARTS)..].join("/")
}
