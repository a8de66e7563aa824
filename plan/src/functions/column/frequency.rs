//! How often values occur: modes, counts of values, runs of equal values.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StructArray, UInt64Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Fields};
use arrow::row::{RowConverter, SortField};
use datafusion::common::{Result, ScalarValue};

use super::super::one_zero::one_zero;
use super::kernel::{Columns, Kernel, as_first};

pub(super) const KERNELS: &[Kernel] = &[
    // The most frequent values, by their first row.
    Kernel { name: "mode", result: as_first, run: mode },
    // [value]; constants: name of the value, name of the count, sort, normalize.
    Kernel { name: "value_counts", result: counts_type, run: value_counts },
    // Runs of equal values.
    Kernel { name: "rle", result: runs_type, run: runs },
];

/// The first row of each different value, and how often the value occurs, in the order of first rows. Nulls are equal.
fn frequencies(column: &ArrayRef) -> Result<Vec<(u64, i64)>> {
    let converter = RowConverter::new(vec![SortField::new(column.data_type().clone())])?;
    let rows = converter.convert_columns(&[one_zero(column)])?;
    let mut places: HashMap<&[u8], usize> = HashMap::new();
    let mut found: Vec<(u64, i64)> = vec![];
    for (number, row) in rows.iter().enumerate() {
        let place = *places.entry(row.data()).or_insert_with(|| {
            found.push((number as u64, 0));
            found.len() - 1
        });
        found[place].1 += 1;
    }
    Ok(found)
}

fn mode(columns: &Columns) -> Result<ArrayRef> {
    let found = frequencies(&columns.values[0])?;
    let most = found.iter().map(|(_, count)| *count).max();
    let rows = found.iter().filter(|(_, count)| Some(*count) == most).map(|(row, _)| *row);
    Ok(take(&columns.values[0], &UInt64Array::from_iter_values(rows), None)?)
}

fn counts_type(types: &[DataType], constants: &[ScalarValue]) -> Result<DataType> {
    let name = |index: usize| constants.get(index).and_then(|name| name.try_as_str().flatten()).unwrap_or_default();
    let normalize = matches!(constants.get(3), Some(ScalarValue::Boolean(Some(true))));
    let count = if normalize { DataType::Float64 } else { DataType::Int64 };
    let value = types.first().cloned().unwrap_or(DataType::Null);
    Ok(DataType::Struct(Fields::from(vec![Field::new(name(0), value, true), Field::new(name(1), count, true)])))
}

fn value_counts(columns: &Columns) -> Result<ArrayRef> {
    let mut found = frequencies(&columns.values[0])?;
    if columns.flag(2) {
        found.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    }
    let rows = UInt64Array::from_iter_values(found.iter().map(|(row, _)| *row));
    let values = take(&columns.values[0], &rows, None)?;
    let counts = found.iter().map(|(_, count)| *count);
    let counts: ArrayRef = match columns.flag(3) {
        true => Arc::new(Float64Array::from_iter_values(counts.map(|count| count as f64 / columns.rows as f64))),
        false => Arc::new(Int64Array::from_iter_values(counts)),
    };
    composed(counts_type(&[columns.values[0].data_type().clone()], columns.constants)?, vec![values, counts])
}

fn runs_type(types: &[DataType], _constants: &[ScalarValue]) -> Result<DataType> {
    let value = types.first().cloned().unwrap_or(DataType::Null);
    Ok(DataType::Struct(Fields::from(vec![Field::new("len", DataType::Int64, true), Field::new("value", value, true)])))
}

fn runs(columns: &Columns) -> Result<ArrayRef> {
    let column = &columns.values[0];
    let converter = RowConverter::new(vec![SortField::new(column.data_type().clone())])?;
    let rows = converter.convert_columns(&[one_zero(column)])?;
    let starts: Vec<usize> = (0..columns.rows).filter(|row| *row == 0 || rows.row(*row) != rows.row(row - 1)).collect();
    let ends = starts.iter().skip(1).copied().chain([columns.rows]);
    let lengths = Int64Array::from_iter_values(starts.iter().zip(ends).map(|(start, end)| (end - start) as i64));
    let values = take(column, &UInt64Array::from_iter_values(starts.iter().map(|start| *start as u64)), None)?;
    composed(runs_type(&[column.data_type().clone()], &[])?, vec![Arc::new(lengths), values])
}

fn composed(data_type: DataType, columns: Vec<ArrayRef>) -> Result<ArrayRef> {
    let DataType::Struct(fields) = data_type else {
        let error = gradframe_ml_core::Error::internal("value_counts", "is no struct");
        return Err(crate::error::to_datafusion(error));
    };
    Ok(Arc::new(StructArray::try_new(fields, columns, None)?))
}
