//! Nulls that take the value before them, or behind.

use arrow::array::{Array, ArrayRef, UInt64Array};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};

use super::kernel::{Columns, Kernel};

pub(super) const KERNELS: &[Kernel] = &[
    // [value]; constants: whether values go forward.
    Kernel { name: "fill", result: own_type, run: fill },
];

fn own_type(types: &[DataType], _: &[ScalarValue]) -> Result<DataType> {
    Ok(types.first().cloned().unwrap_or(DataType::Null))
}

/// One look at each row: a window that reaches back to the first would look at all of them from each.
fn fill(columns: &Columns) -> Result<ArrayRef> {
    let values = &columns.values[0];
    let Some(nulls) = values.logical_nulls().filter(|nulls| nulls.null_count() > 0) else { return Ok(values.clone()) };
    let mut last = None;
    let mut known = |row: usize| {
        last = if nulls.is_valid(row) { Some(row as u64) } else { last };
        last
    };
    let mut places: Vec<Option<u64>> = match columns.flag(0) {
        true => (0..columns.rows).map(known).collect(),
        false => (0..columns.rows).rev().map(&mut known).collect(),
    };
    if !columns.flag(0) {
        places.reverse();
    }
    Ok(arrow::compute::take(values, &UInt64Array::from(places), None)?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::Int64Array;

    use super::*;

    #[test]
    fn nulls_take_what_is_before_or_behind_them() {
        let values: ArrayRef = Arc::new(Int64Array::from(vec![None, Some(1), None, None, Some(2), None]));
        let filled = |forward: bool| {
            let constants = [ScalarValue::from(forward)];
            fill(&Columns { values: std::slice::from_ref(&values), rows: 6, constants: &constants }).unwrap()
        };
        let expected = |numbers: [Option<i64>; 6]| Arc::new(Int64Array::from(numbers.to_vec())) as ArrayRef;
        assert_eq!(&filled(true), &expected([None, Some(1), Some(1), Some(1), Some(2), Some(2)]));
        assert_eq!(&filled(false), &expected([Some(1), Some(1), Some(2), Some(2), Some(2), None]));
    }
}
