//! Columns of values and of states, as exact sums take them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, LargeBinaryArray};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, internal_datafusion_err};
use gradframe_ml_learn::exact::{States, StatesView};

/// The type of sums as bytes. With offsets of 64 bits, as the states of all groups are given at once.
pub(super) const SUMS: DataType = DataType::LargeBinary;

/// Columns of floats, and which of their rows count: those without a null that pass the filter.
pub(super) struct Values {
    columns: Vec<Float64Array>,
    /// None if all do.
    pub(super) present: Option<NullBuffer>,
}

impl Values {
    pub(super) fn of(values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Self> {
        let columns = values.iter().map(floats).collect::<Result<Vec<_>>>()?;
        let passing = filter.map(|filter| match filter.nulls() {
            Some(nulls) => NullBuffer::new(filter.values() & nulls.inner()),
            None => NullBuffer::new(filter.values().clone()),
        });
        let present = columns.iter().fold(passing, |present, column| NullBuffer::union(present.as_ref(), column.nulls()));
        Ok(Values { columns, present })
    }

    pub(super) fn slices(&self) -> Vec<&[f64]> {
        self.columns.iter().map(slice).collect()
    }

    /// Each row as the state of a group of its own: itself.
    pub(super) fn into_states(self) -> Vec<ArrayRef> {
        let rows = self.columns.first().map_or(0, |column| column.len());
        let present = self.present;
        let column = |column: Float64Array| {
            let (_, values, _) = column.into_parts();
            Arc::new(Float64Array::new(values, present.clone())) as ArrayRef
        };
        let sums = Arc::new(LargeBinaryArray::new_null(rows));
        self.columns.into_iter().map(column).chain([sums as ArrayRef]).collect()
    }
}

/// States as columns: the rows of groups that are one, and the bytes of others.
pub(super) fn states(states: States) -> Result<Vec<ArrayRef>> {
    let is_row = NullBuffer::from(states.is_row);
    let column = |values: Vec<f64>| Arc::new(Float64Array::new(values.into(), Some(is_row.clone()))) as ArrayRef;
    let ends = states.ends.into_iter().map(i64::try_from).collect::<Result<Vec<_>, _>>();
    let ends = ends.map_err(|_| internal_datafusion_err!("the states of an exact aggregate are beyond 64 bits"))?;
    let offsets: ScalarBuffer<i64> = std::iter::once(0).chain(ends).collect();
    let sums =
        LargeBinaryArray::try_new(OffsetBuffer::new(offsets), states.bytes.into(), Some(NullBuffer::from(states.is_bytes)))?;
    Ok(states.rows.into_iter().map(column).chain([Arc::new(sums) as ArrayRef]).collect())
}

/// Columns of states, as they come in.
pub(super) struct StateColumns<'a> {
    rows: Vec<&'a Float64Array>,
    sums: &'a LargeBinaryArray,
}

impl<'a> StateColumns<'a> {
    pub(super) fn of(states: &'a [ArrayRef]) -> Result<Self> {
        let broken = || internal_datafusion_err!("the states of an exact aggregate are no rows and bytes");
        let (sums, rows) = states.split_last().ok_or_else(broken)?;
        let rows = rows.iter().map(|row| row.as_primitive_opt::<Float64Type>()).collect::<Option<Vec<_>>>();
        Ok(StateColumns { rows: rows.ok_or_else(broken)?, sums: sums.as_binary_opt::<i64>().ok_or_else(broken)? })
    }

    pub(super) fn slices(&self) -> Vec<&'a [f64]> {
        self.rows.iter().map(|row| slice(row)).collect()
    }

    /// Which states are a row.
    pub(super) fn is_row(&self) -> Option<&'a NullBuffer> {
        self.rows.first().copied().and_then(Float64Array::nulls)
    }

    /// The bytes of those that are none.
    pub(super) fn bytes(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.sums.iter().flatten()
    }

    pub(super) fn view<'s>(&self, rows: &'s [&'a [f64]]) -> StatesView<'s>
    where
        'a: 's,
    {
        StatesView {
            rows,
            is_row: self.is_row(),
            bytes: self.sums.value_data(),
            offsets: self.sums.value_offsets(),
            is_bytes: self.sums.nulls(),
        }
    }
}

fn floats(column: &ArrayRef) -> Result<Float64Array> {
    Ok(cast(column, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
}

fn slice(column: &Float64Array) -> &[f64] {
    column.values()
}
