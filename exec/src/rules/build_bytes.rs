//! How large the side of a join is that it keeps in memory.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};

/// What the table takes for a row beside the row: its hash, its place and the next place of the same hash.
const TABLE_ROW_BYTES: usize = 32;
/// A value whose size depends on the value, where nothing is known of it.
const UNKNOWN_VALUE_BYTES: usize = 32;

/// What the side of a join that is kept is estimated to take; None if nothing is known of it.
pub(super) fn build_bytes(side: &Arc<dyn ExecutionPlan>) -> Option<usize> {
    let statistics = StatisticsContext::new().compute(side.as_ref(), &StatisticsArgs::new()).ok()?;
    let rows = *statistics.num_rows.get_value()?;
    let by_schema = rows.saturating_mul(row_bytes(&side.schema()));
    let bytes = statistics.total_byte_size.get_value().map_or(by_schema, |bytes| (*bytes).max(by_schema));
    Some(bytes.saturating_add(rows.saturating_mul(TABLE_ROW_BYTES)))
}

fn row_bytes(schema: &Schema) -> usize {
    schema.fields().iter().map(|field| field.data_type().primitive_width().unwrap_or(UNKNOWN_VALUE_BYTES)).sum()
}
