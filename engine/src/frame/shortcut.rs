//! Frames that only choose columns of rows in memory: there is nothing to run.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::catalog::TableProvider;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{Expr, LogicalPlan, TableScan};

use super::DataFrame;
use super::in_memory::InMemory;

impl DataFrame {
    /// The rows of a frame that chooses, orders and renames columns of rows in memory: those batches themselves, whole and
    /// not copied. None for every other frame.
    pub(crate) fn rows_in_memory(&self) -> Option<Vec<RecordBatch>> {
        let (table, columns) = chosen(&self.plan)?;
        let table = (table.as_ref() as &dyn TableProvider).downcast_ref::<InMemory>()?;
        let schema = self.schema();
        let choose = |batch: &RecordBatch| {
            let arrays = columns.iter().map(|&column| Arc::clone(batch.column(column))).collect();
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            RecordBatch::try_new_with_options(Arc::clone(&schema), arrays, &options).ok()
        };
        table.batches().iter().map(choose).collect()
    }
}

/// The table, and the indices of its columns that make the plan's.
fn chosen(plan: &LogicalPlan) -> Option<(Arc<dyn TableProvider>, Vec<usize>)> {
    match plan {
        LogicalPlan::TableScan(scan) => of_scan(scan),
        LogicalPlan::SubqueryAlias(alias) => chosen(&alias.input),
        LogicalPlan::Projection(projection) => {
            let (table, below) = chosen(&projection.input)?;
            let input = projection.input.schema();
            let index = |expr: &Expr| {
                let Expr::Column(column) = without_alias(expr) else { return None };
                below.get(input.maybe_index_of_column(column)?).copied()
            };
            Some((table, projection.expr.iter().map(index).collect::<Option<_>>()?))
        }
        _ => None,
    }
}

fn of_scan(scan: &TableScan) -> Option<(Arc<dyn TableProvider>, Vec<usize>)> {
    if !scan.filters.is_empty() || scan.fetch.is_some() {
        return None;
    }
    let table = source_as_provider(&scan.source).ok()?;
    let columns = scan.projection.clone().unwrap_or_else(|| (0..table.schema().fields().len()).collect());
    Some((table, columns))
}

fn without_alias(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) if alias.metadata.is_none() => without_alias(&alias.expr),
        expr => expr,
    }
}
