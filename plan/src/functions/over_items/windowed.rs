//! Windows over the items of lists: of each list by itself, as a plan computes one of a frame's rows.

use std::collections::HashMap;

use arrow::array::{ArrayRef, RecordBatch, UInt32Array, new_empty_array};
use arrow::compute::{concat, lexsort_to_indices, take, take_record_batch};
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};
use datafusion::common::{DFSchema, Result};
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::physical_expr::window::WindowExpr;
use datafusion::physical_planner::create_window_expr;

/// The window's value of each item. The lists, of these lengths, stand one after the other in the batch.
pub(super) fn windowed(
    window: &Expr,
    batch: &RecordBatch,
    lengths: &[usize],
    schema: &DFSchema,
    item: &DataType,
) -> Result<ArrayRef> {
    let window = create_window_expr(window, schema, &ExecutionProps::new(), &PhysicalPlanningContext::default())?;
    let mut values = vec![];
    let mut start = 0;
    for length in lengths.iter().filter(|length| **length > 0) {
        values.push(of_list(window.as_ref(), &batch.slice(start, *length))?);
        start += length;
    }
    let values: Vec<_> = values.iter().map(AsRef::as_ref).collect();
    Ok(if values.is_empty() { new_empty_array(item) } else { concat(&values)? })
}

fn of_list(window: &dyn WindowExpr, list: &RecordBatch) -> Result<ArrayRef> {
    let parts = parts(window, list)?;
    let mut values = vec![];
    for part in &parts {
        values.push(window.evaluate(&take_record_batch(list, part)?)?);
    }
    let values: Vec<_> = values.iter().map(AsRef::as_ref).collect();
    // Where each item's value stands among them.
    let mut places = vec![0; list.num_rows()];
    for (place, row) in parts.iter().flat_map(|part| part.values()).enumerate() {
        places[*row as usize] = place as u32;
    }
    Ok(take(&concat(&values)?, &UInt32Array::from(places), None)?)
}

/// The rows that the window sees together, each of them in its order.
fn parts(window: &dyn WindowExpr, list: &RecordBatch) -> Result<Vec<UInt32Array>> {
    let order = window.order_by_columns(list)?;
    let rows = if order.is_empty() {
        UInt32Array::from_iter_values(0..list.num_rows() as u32)
    } else {
        lexsort_to_indices(&order, None)?
    };
    if window.partition_by().is_empty() {
        return Ok(vec![rows]);
    }
    let keys = window.partition_by().iter().map(|key| key.evaluate(list)?.into_array(list.num_rows()));
    let keys = keys.collect::<Result<Vec<_>>>()?;
    let fields = keys.iter().map(|key| SortField::new(key.data_type().clone())).collect();
    let keys = RowConverter::new(fields)?.convert_columns(&keys)?;
    let (mut known, mut parts) = (HashMap::new(), Vec::<Vec<u32>>::new());
    for row in rows.values() {
        let part = *known.entry(keys.row(*row as usize).data()).or_insert(parts.len());
        match parts.get_mut(part) {
            Some(part) => part.push(*row),
            None => parts.push(vec![*row]),
        }
    }
    Ok(parts.into_iter().map(UInt32Array::from).collect())
}
