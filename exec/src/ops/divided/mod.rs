//! What operators have in common that divide rows by their keys where memory is short: files of rows, and their merge in the rows' order.

mod file;
mod parts;

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_plan::SpillManager;
use datafusion::physical_plan::metrics::BaselineMetrics;
use datafusion::physical_plan::sorts::streaming_merge::StreamingMergeBuilder;

pub(in crate::ops) use self::file::{Stored, Writing};
pub(in crate::ops) use self::parts::Parts;

/// What merging takes besides files.
pub(in crate::ops) struct Merging<'a> {
    pub manager: &'a SpillManager,
    pub order: &'a LexOrdering,
    pub metrics: &'a BaselineMetrics,
    pub batch_rows: usize,
    pub memory: &'a MemoryReservation,
}

impl Merging<'_> {
    /// Files that are each in order as one that is; None without rows.
    pub fn merged(&self, files: Vec<Stored>) -> Result<Option<SendableRecordBatchStream>> {
        let files: Vec<_> = files.into_iter().filter_map(Stored::into_sorted).collect();
        if files.is_empty() {
            return Ok(None);
        }
        let merged = StreamingMergeBuilder::new()
            .with_sorted_spill_files(files)
            .with_spill_manager(self.manager.clone())
            .with_schema(Arc::clone(self.manager.schema()))
            .with_expressions(self.order)
            .with_metrics(self.metrics.intermediate())
            .with_batch_size(self.batch_rows)
            .with_reservation(self.memory.new_empty())
            .build()?;
        Ok(Some(merged))
    }
}
