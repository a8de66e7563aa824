//! Rows of a batch that differ: what is computed of single values is computed once for equal ones, as an aggregate repeats them beside
//! the rows of its group.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, UInt64Array};
use arrow::compute::take;
use arrow::row::{RowConverter, SortField};
use datafusion::common::Result;

/// The rows that differ, and where each row of the batch is among them.
pub(super) struct Distinct {
    pub columns: Vec<ArrayRef>,
    pub rows: usize,
    places: UInt64Array,
}

impl Distinct {
    /// All rows, of types that have no bytes to be told apart by.
    fn all(columns: Vec<ArrayRef>, rows: usize) -> Self {
        Distinct { columns, rows, places: UInt64Array::from_iter_values(0..rows as u64) }
    }

    /// Of so many rows; without columns all of them are one.
    pub(super) fn of(columns: Vec<ArrayRef>, rows: usize) -> Result<Self> {
        let fields: Vec<SortField> = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
        if rows < 2 || !RowConverter::supports_fields(&fields) {
            return Ok(Distinct::all(columns, rows));
        }
        if columns.is_empty() {
            return Ok(Distinct { columns, rows: 1, places: UInt64Array::from(vec![0; rows]) });
        }
        let encoded = RowConverter::new(fields)?.convert_columns(&columns)?;
        let (mut known, mut firsts, mut places) = (HashMap::new(), vec![], Vec::with_capacity(rows));
        for row in 0..rows {
            let place = *known.entry(encoded.row(row).data()).or_insert_with(|| {
                firsts.push(row as u64);
                firsts.len() as u64 - 1
            });
            places.push(place);
        }
        let firsts = UInt64Array::from(firsts);
        let columns = columns.iter().map(|column| Ok(take(column, &firsts, None)?)).collect::<Result<Vec<_>>>()?;
        Ok(Distinct { columns, rows: firsts.len(), places: UInt64Array::from(places) })
    }

    /// What was computed of the rows that differ, for every row.
    pub(super) fn spread(&self, computed: &ArrayRef) -> Result<ArrayRef> {
        if self.rows == self.places.len() {
            return Ok(Arc::clone(computed));
        }
        Ok(take(computed, &self.places, None)?)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float64Array, Int64Array};

    use super::*;

    #[test]
    fn equal_rows_are_computed_once() {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(vec![Some(1), None, Some(1), None])),
            Arc::new(Float64Array::from(vec![f64::NAN, 0.0, f64::NAN, -0.0])),
        ];
        let distinct = Distinct::of(columns, 4).expect("distinct rows");
        let computed: ArrayRef = Arc::new(Int64Array::from(vec![7, 8, 9]));
        assert_eq!(distinct.rows, 3);
        assert_eq!(&distinct.spread(&computed).expect("a column"), &(Arc::new(Int64Array::from(vec![7, 8, 7, 9])) as ArrayRef));
    }

    #[test]
    fn without_columns_all_rows_are_one() {
        let distinct = Distinct::of(vec![], 3).expect("distinct rows");
        let computed: ArrayRef = Arc::new(Int64Array::from(vec![5]));
        assert_eq!((distinct.rows, distinct.spread(&computed).expect("a column").len()), (1, 3));
        assert_eq!(Distinct::of(vec![], 0).expect("no rows").rows, 0);
    }
}
