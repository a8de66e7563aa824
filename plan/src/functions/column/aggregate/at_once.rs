//! Kernels that work on all groups at once, where a call a group would cost more than the work.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array};
use arrow::datatypes::DataType;
use datafusion::common::Result;

use super::super::kernel::Columns;
use super::super::statistics::quantile;

/// What a kernel makes of rows that lie group by group, and where each group's results begin; None of a kernel that has no such
/// form.
pub(super) fn computed(name: &str, columns: &Columns, starts: &[usize]) -> Result<Option<(ArrayRef, Vec<usize>)>> {
    match (name, columns.values) {
        ("all_values", [values]) => Ok(Some((Arc::clone(values), starts.to_vec()))),
        ("quantile", _) => Ok(Some((quantiles(columns, starts)?, (0..starts.len()).collect()))),
        _ => Ok(None),
    }
}

fn quantiles(columns: &Columns, starts: &[usize]) -> Result<ArrayRef> {
    let (values, q, method) = (columns.floats(0)?, columns.float(0)?, columns.text(1));
    let mut sorted = vec![];
    let found = starts.windows(2).map(|group| {
        sorted.clear();
        sorted.extend((group[0]..group[1]).filter(|row| values.is_valid(*row)).map(|row| values.value(row)));
        sorted.sort_unstable_by(f64::total_cmp);
        quantile(&sorted, q, method)
    });
    let found: Float64Array = found.collect();
    let is_narrow = columns.values[0].data_type() == &DataType::Float32;
    Ok(if is_narrow { arrow::compute::cast(&found, &DataType::Float32)? } else { Arc::new(found) })
}
