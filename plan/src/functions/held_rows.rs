//! Rows that an aggregate holds of those that it saw, batch by batch, and finds again by their places.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt64Array, new_null_array};
use arrow::compute::{concat, take};
use arrow::datatypes::DataType;
use datafusion::common::Result;

/// What stands for no row.
pub(super) const NO_ROW: u64 = u64::MAX;

/// Rows beyond twice those in use that may be held before the others are let go.
const ROWS_SPARE: usize = 1 << 15;

/// Columns of rows.
#[derive(Debug)]
pub(super) struct HeldRows {
    types: Vec<DataType>,
    /// Of each column the parts.
    parts: Vec<Vec<ArrayRef>>,
    rows: usize,
    bytes: usize,
}

impl HeldRows {
    pub(super) fn new(types: Vec<DataType>) -> Self {
        HeldRows { parts: vec![vec![]; types.len()], types, rows: 0, bytes: 0 }
    }

    /// The place of the next row.
    pub(super) fn next(&self) -> u64 {
        self.rows as u64
    }

    /// Holds these rows of a batch.
    pub(super) fn hold(&mut self, columns: &[ArrayRef], rows: impl Iterator<Item = usize>) -> Result<()> {
        let rows = UInt64Array::from_iter_values(rows.map(|row| row as u64));
        if rows.is_empty() {
            return Ok(());
        }
        let columns = columns.iter().map(|column| Ok(compact(take(column, &rows, None)?))).collect::<Result<Vec<_>>>()?;
        self.append(columns, rows.len());
        Ok(())
    }

    fn append(&mut self, columns: Vec<ArrayRef>, rows: usize) {
        self.rows += rows;
        for (parts, column) in self.parts.iter_mut().zip(columns) {
            self.bytes += column.to_data().get_slice_memory_size().unwrap_or_default();
            parts.push(column);
        }
    }

    /// The columns of the rows at these places; null for [`NO_ROW`].
    pub(super) fn at(&self, places: &[u64]) -> Result<Vec<ArrayRef>> {
        let indices: UInt64Array = places.iter().map(|place| (*place != NO_ROW).then_some(*place)).collect();
        let column = |(parts, data_type): (&Vec<ArrayRef>, &DataType)| match parts.as_slice() {
            [] => Ok(new_null_array(data_type, places.len())),
            parts => {
                let all = concat(&parts.iter().map(AsRef::as_ref).collect::<Vec<&dyn Array>>())?;
                Ok(compact(take(&all, &indices, None)?))
            }
        };
        self.parts.iter().zip(&self.types).map(column).collect()
    }

    /// Whether most of the rows are not in use any more.
    pub(super) fn is_mostly_waste(&self, in_use: usize) -> bool {
        self.rows > 2 * in_use + ROWS_SPARE
    }

    /// Holds those at these places alone, in this order: the places that they have from then on.
    pub(super) fn keep(&mut self, places: &[u64]) -> Result<()> {
        let columns = self.at(places)?;
        (self.parts, self.rows, self.bytes) = (vec![vec![]; self.types.len()], 0, 0);
        if !places.is_empty() {
            self.append(columns, places.len());
        }
        Ok(())
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Views without the texts that are not theirs.
pub fn compact(values: ArrayRef) -> ArrayRef {
    match values.data_type() {
        DataType::Utf8View => Arc::new(values.as_string_view().gc()),
        DataType::BinaryView => Arc::new(values.as_binary_view().gc()),
        _ => values,
    }
}
