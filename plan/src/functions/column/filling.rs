//! Nulls that take the value before them or behind, or that of another column.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, UInt64Array};
use arrow::compute::kernels::zip::zip;
use arrow::compute::{cast, is_not_null};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};

use super::kernel::{Columns, Kernel};

pub(super) const KERNELS: &[Kernel] = &[
    // [value]; constants: whether values go forward.
    Kernel { name: "fill", result: own_type, run: fill },
    // [value, ...] of one type, nulls without a type among them: the first that is not null.
    Kernel { name: "first_present", result: known_type, run: first_present },
];

fn own_type(types: &[DataType], _: &[ScalarValue]) -> Result<DataType> {
    Ok(types.first().cloned().unwrap_or(DataType::Null))
}

fn known_type(types: &[DataType], _: &[ScalarValue]) -> Result<DataType> {
    Ok(types.iter().find(|own| !own.is_null()).cloned().unwrap_or(DataType::Null))
}

/// What `coalesce` gives. That becomes a case that names each argument twice: one around another around another would be as many cases
/// as they have powers of two.
fn first_present(columns: &Columns) -> Result<ArrayRef> {
    let types: Vec<DataType> = columns.values.iter().map(|values| values.data_type().clone()).collect();
    let own = known_type(&types, columns.constants)?;
    let typed = |values: &ArrayRef| if *values.data_type() == own { Ok(Arc::clone(values)) } else { cast(values, &own) };
    let mut present: Option<ArrayRef> = None;
    for values in columns.values.iter().rev() {
        let values = typed(values)?;
        present = Some(match present {
            Some(others) if values.is_nullable() => zip(&is_not_null(&values)?, &values, &others)?,
            _ => values,
        });
    }
    Ok(present.unwrap_or_else(|| arrow::array::new_null_array(&own, columns.rows)))
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
    fn the_first_value_that_is_there_is_taken() {
        let numbers = |values: [Option<i64>; 3]| Arc::new(Int64Array::from(values.to_vec())) as ArrayRef;
        let none = arrow::array::new_null_array(&DataType::Null, 3);
        let values = [none, numbers([None, Some(1), None]), numbers([Some(2), Some(3), None])];
        let first = first_present(&Columns { values: &values, rows: 3, constants: &[] }).unwrap();
        assert_eq!(&first, &numbers([Some(2), Some(1), None]));
    }

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
